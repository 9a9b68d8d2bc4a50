#include "metrics/table.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::metrics;

TEST_CASE("the built-in Istio queries are the peer's, letter by letter") {
    const QueryModel model{.ns = "test", .target = "podinfo", .interval = "1m"};
    CHECK(built_in_query("istio", BuiltIn::success_rate, model).value() ==
          "sum( rate( istio_requests_total{ reporter=\"destination\", "
          "destination_workload_namespace=\"test\", destination_workload=~\"podinfo\", "
          "response_code!~\"5.*\" }[1m] ) ) / sum( rate( istio_requests_total{ "
          "reporter=\"destination\", destination_workload_namespace=\"test\", "
          "destination_workload=~\"podinfo\" }[1m] ) ) * 100");
    CHECK(built_in_query("istio", BuiltIn::duration, model).value() ==
          "histogram_quantile( 0.99, sum( rate( istio_request_duration_milliseconds_bucket{ "
          "reporter=\"destination\", destination_workload_namespace=\"test\", "
          "destination_workload=~\"podinfo\" }[1m] ) ) by (le) )");
}

TEST_CASE("a provider without built-in checks is refused by name") {
    CHECK(built_in_query("linkerd", BuiltIn::duration, {}).error().message ==
          "provider linkerd has no built-in checks; known: istio");
}
