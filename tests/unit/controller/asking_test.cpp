#include "controller/asking.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "support/scripted_http.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::controller;
using namespace std::chrono_literals;
using canary::Answer;
using canary::Outcome;

namespace {

canary::Question metric(std::string id, api::MetricKind kind, std::optional<double> max = {}) {
    api::Metric metric{.name = id, .kind = kind, .query = "up", .has_range = true, .max = max};
    return {.id = std::move(id),
            .what = canary::Measure{.metric = metric,
                                    .metrics_server = "http://prom",
                                    .provider = "istio",
                                    .target = "web",
                                    .ns = "prod",
                                    .canary = "web",
                                    .service = "web"}};
}

canary::Question hook(std::string id) {
    api::Hook hook{.name = id, .url = "http://tester/" + id, .timeout = 10s};
    return {.id = std::move(id), .what = canary::CallHook{.hook = hook, .payload = JsonObject{}}};
}

std::string value(std::string_view number) {
    return R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1,")" +
           std::string(number) + R"("]}]}})";
}

Task<> gather(Asking& asking, canary::Batch batch, std::map<std::string, Answer>& answers) {
    answers = co_await asking.gather(std::move(batch));
}

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    testing::ScriptedHttp http{clock};
    metrics::Prometheus prometheus{http};
    notify::Webhooks webhooks{http, clock};
    Asking asking{prometheus, webhooks};
    TaskGroup tasks{context.get_executor()};

    std::map<std::string, Answer> ask(std::vector<canary::Question> questions, canary::Stop stop) {
        std::map<std::string, Answer> answers;
        tasks.spawn("gather", gather(asking, {std::move(questions), stop}, answers));
        clock.run_for(1h);
        return answers;
    }
};

}  // namespace

TEST_CASE("metrics are asked side by side, so a slow one costs its own time only") {
    Bench bench;
    for (int i = 0; i < 3; ++i) bench.http.hang();
    const auto began = bench.clock.now();
    std::map<std::string, Answer> answers;
    bench.tasks.spawn("gather",
                      gather(bench.asking,
                             {{metric("a", api::MetricKind::inline_query),
                               metric("b", api::MetricKind::inline_query),
                               metric("c", api::MetricKind::inline_query)},
                              canary::Stop::all},
                             answers));
    bench.clock.run_until(began + 5s);
    CHECK(answers.size() == 3);
    CHECK(answers["a"].text == "request failed: timed out after 5s");
}

TEST_CASE("answers stop at the first failure of the list, though more was asked") {
    Bench bench;
    bench.http.answer(200, value("1"));
    bench.http.answer(200, value("9"));
    bench.http.answer(200, value("1"));
    const auto answers = bench.ask({metric("a", api::MetricKind::inline_query, 5),
                                    metric("b", api::MetricKind::inline_query, 5),
                                    metric("c", api::MetricKind::inline_query, 5)},
                                   canary::Stop::until_first_failure);
    CHECK(answers.size() == 2);
    CHECK(answers.at("b").value == 9);
}

TEST_CASE("a hook is not called before those in front of it have passed") {
    Bench bench;
    bench.http.answer(200);
    bench.http.answer(403, "nope");
    const auto answers =
        bench.ask({hook("one"), hook("two"), hook("three")}, canary::Stop::until_first_failure);
    CHECK(bench.http.asked().size() == 2);
    CHECK(answers.at("two") == Answer{.outcome = Outcome::failed, .text = "nope"});
}

TEST_CASE("built-in checks are worded as the peer does, durations are whole milliseconds") {
    Bench bench;
    bench.http.answer(200, value("917.83"));
    CHECK(
        bench.ask({metric("d", api::MetricKind::request_duration)}, canary::Stop::all)["d"].value ==
        917);
    bench.http.answer(200, value("NaN"));
    const auto none =
        bench.ask({metric("s", api::MetricKind::request_success_rate)}, canary::Stop::all)["s"];
    CHECK(none.outcome == Outcome::no_values);
    CHECK(none.text == "running query failed: no values found");
    bench.http.answer(500, "boom");
    CHECK(bench.ask({metric("s", api::MetricKind::request_success_rate)}, canary::Stop::all)["s"]
              .text ==
          "running query failed: error response: Status 500 Internal Server Error: boom");
}

TEST_CASE("a provider that is away is named in the peer's words") {
    Bench bench;
    const canary::Question probe{.id = "p",
                                 .what = canary::ProbeProviders{.metrics_server = "http://prom"}};
    CHECK(bench.ask({probe}, canary::Stop::all)["p"].text ==
          "prometheus not avaiable: request failed: connection refused");
    const canary::Question wrong{.id = "p",
                                 .what = canary::ProbeProviders{.metrics_server = "prom"}};
    CHECK(bench.ask({wrong}, canary::Stop::all)["p"].text ==
          "error building Prometheus client for prom prometheus address prom is not a valid URL");
    const canary::Question secret{
        .id = "p", .what = canary::ProbeProviders{.metrics_server = "http://me:secret@:x"}};
    CHECK(bench.ask({secret}, canary::Stop::all)["p"].text ==
          "error building Prometheus client for http://:x prometheus address http://:x is not a "
          "valid URL");
}
