#include "controller/schema.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("a Canary CRD that would drop our status fields is refused by the field's name") {
    auto definition = boost::json::parse(R"({"spec": {"versions": [{"name": "v1beta1",
        "schema": {"openAPIV3Schema": {"properties": {"status": {"properties": {
            "observedGeneration": {}, "rollback": {}, "analysed": {}, "unreadySince": {}}}}}}}]}})");
    CHECK(controller::check_canary_definition(definition).error().message ==
          "CustomResourceDefinition canaries.flagger.app has no status.routedAt: install sluice's "
          "(sluice install)");
    auto& version = find(definition, {"spec", "versions"})->as_array()[0];
    put(version,
        {"schema", "openAPIV3Schema", "properties", "status", "properties", "routedAt"},
        JsonObject{});
    CHECK(controller::check_canary_definition(definition));
    CHECK(controller::check_canary_definition(boost::json::parse("{}")).error().kind ==
          ErrorKind::unsupported);
}
