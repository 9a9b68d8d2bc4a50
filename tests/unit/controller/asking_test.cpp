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
    api::Metric metric{.name = id, .kind = kind, .query = id, .has_range = true, .max = max};
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

// By name; whatever else is not there.
struct Templates final : TemplateSource {
    std::map<std::string, CheckTemplate> known;
    int reads = 0;

    Task<Result<CheckTemplate>> read(api::Reference reference) override {
        ++reads;
        const auto found = known.find(reference.name);
        if (found == known.end()) {
            co_return Error{ErrorKind::not_found,
                            "template " + reference.name + "." + reference.ns +
                                " error: metrictemplates.flagger.app \"" + reference.name +
                                "\" not found"};
        }
        co_return found->second;
    }
};

canary::Question custom(std::string id, std::string name) {
    auto question = metric(std::move(id), api::MetricKind::template_query);
    auto& check = std::get<canary::Measure>(question.what).metric;
    check.template_ref = {std::move(name), "shop"};
    check.variables = {{"code", "404"}};
    return question;
}

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    testing::ScriptedHttp http{clock};
    metrics::Providers providers{http};
    Templates templates;
    notify::Webhooks webhooks{http, clock};
    Asking asking{providers, templates, webhooks};
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

TEST_CASE("why pods are not ready is read where they may be listed, and nobody waits long for it") {
    Bench bench;
    kube::Client client(bench.clock, bench.http, {.origin = {.host = "api", .port = 443}});
    Asking asking(bench.providers,
                  bench.templates,
                  bench.webhooks,
                  nullptr,
                  Asking::Cluster{client, bench.clock});
    const auto look = [&] {
        const canary::Question question{
            std::string(canary::pods_question),
            canary::LookAtPods{boost::json::parse(R"({"metadata": {"namespace": "shop",
                "name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}})")}};
        std::map<std::string, Answer> answers;
        bench.tasks.spawn("gather", gather(asking, {{question}, canary::Stop::all}, answers));
        bench.clock.run_for(3s);
        REQUIRE(answers.contains("pods"));
        return answers.at("pods");
    };
    bench.http.answer(200, R"({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [
        {"metadata": {"name": "web-1", "labels": {"app": "web"}}, "status": {"containerStatuses": [
          {"name": "app", "image": "web:2", "ready": false,
           "state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}]}}]})");
    CHECK(look() == Answer{.text = "ErrImagePull of web:2 (1 pod)"});
    CHECK(bench.http.asked().back().target.find("labelSelector=app%3Dweb") != std::string::npos);
    bench.http.answer(403, R"({"kind": "Status", "code": 403, "reason": "Forbidden"})");
    CHECK(look().outcome == Outcome::error);
    bench.http.hang();
    CHECK(look() == Answer{.outcome = Outcome::error, .text = "the API server does not answer"});
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

TEST_CASE("a check that asks a template is told what its Canary is") {
    Bench bench;
    bench.templates.known["codes"] = {
        .server = {.address = "http://other:9090/prom"},
        .query =
            "sum(x{t=\"{{ target }}.{{ namespace }}\", code=\"{{ variables.code }}\"}[{{ "
            "interval }}])"};
    bench.http.answer(200, value("7"));
    const auto answer = bench.ask({custom("404s", "codes")}, canary::Stop::all)["404s"];
    CHECK(answer.value == 7);
    CHECK(answer.asked == "sum(x{t=\"web.prod\", code=\"404\"}[1m])");
    CHECK(bench.http.asked()[0].origin == net::Origin{.host = "other", .port = 9090});
}

TEST_CASE("a check whose template does not serve says the whole of it") {
    Bench bench;
    bench.templates.known["odd"] = {.server = {.address = "http://other"}, .query = "{{ what }}"};
    bench.templates.known["up"] = {.server = {.address = "http://other"}, .query = "up"};
    const auto text = [&](std::string name) {
        return bench.ask({custom("404s", std::move(name))}, canary::Stop::all)["404s"];
    };
    CHECK(text("none").outcome == Outcome::error);
    CHECK(text("none").text ==
          "Metric template none.shop error: metrictemplates.flagger.app \"none\" not found");
    CHECK(text("odd").text ==
          "Metric template odd.shop query render error: template parsing failed: template: "
          "query:1: function \"what\" not defined");
    CHECK(text("up").text == "Metric query failed for 404s: request failed: connection refused");
    bench.http.answer(200, R"({"status":"success","data":{"resultType":"vector","result":[]}})");
    const auto none = text("up");
    CHECK(none.outcome == Outcome::no_values);
    CHECK(none.text == "no values found");
}

TEST_CASE("equal questions to one server are asked once, and a template is read once") {
    Bench bench;
    bench.templates.known["t"] = {.server = {.address = "http://prom"}, .query = "a"};
    bench.http.answer(200, value("3"));
    bench.http.answer(200, value("4"));
    auto other = metric("c", api::MetricKind::inline_query);
    std::get<canary::Measure>(other.what).metric.query = "a";
    const auto answers = bench.ask(
        {metric("a", api::MetricKind::inline_query), other, custom("x", "t"), custom("y", "t")},
        canary::Stop::all);
    CHECK(bench.http.asked().size() == 2);
    CHECK(bench.templates.reads == 1);
    CHECK(answers.at("a").value == answers.at("c").value);
    CHECK(answers.at("x").value == answers.at("y").value);
}

TEST_CASE("only errors are no successes, and not no data") {
    Bench bench;
    const std::string none = R"({"status":"success","data":{"resultType":"vector","result":[]}})";
    bench.http.answer(200, none);
    bench.http.answer(200, value("12"));
    const auto answer =
        bench.ask({metric("s", api::MetricKind::request_success_rate)}, canary::Stop::all)["s"];
    CHECK(answer.outcome == Outcome::passed);
    CHECK(answer.value == 0);
    for (const auto& count : {none, value("0")}) {
        bench.http.answer(200, none);
        bench.http.answer(200, count);
        CHECK(
            bench.ask({metric("s", api::MetricKind::request_success_rate)}, canary::Stop::all)["s"]
                .outcome == Outcome::no_values);
    }
}

TEST_CASE("fewer requests than a check asks for are no data") {
    Bench bench;
    auto question = metric("d", api::MetricKind::request_duration);
    std::get<canary::Measure>(question.what).metric.min_requests = 50;
    const auto ask = [&](std::string_view count) {
        // The count is asked beside the value, in the order of the texts.
        bench.http.answer(200, value("20"));
        bench.http.answer(200, value(count));
        return bench.ask({question}, canary::Stop::all)["d"];
    };
    const auto few = ask("49.2");
    CHECK(few.outcome == Outcome::no_values);
    CHECK(few.text == "49 requests in 1m are fewer than minRequests 50");
    CHECK(ask("49.7").value == 20);
    bench.http.answer(200, value("20"));
    bench.http.answer(500, "boom");
    CHECK(bench.ask({question}, canary::Stop::all)["d"].text ==
          "running query failed: error response: Status 500 Internal Server Error: boom");
}

TEST_CASE("every provider of the checks is probed, the first that is away is told") {
    Bench bench;
    bench.templates.known["t"] = {.server = {.address = "http://other"}, .query = "a"};
    const canary::Question probe{
        .id = "p",
        .what = canary::ProbeProviders{.metrics_server = "http://prom",
                                       .providers = {std::nullopt, api::Reference{"t", "shop"}}}};
    bench.http.answer(200, value("1"));
    CHECK(bench.ask({probe}, canary::Stop::all)["p"].text ==
          "prometheus in metric template t.shop not avaiable: request failed: connection refused");
    CHECK(bench.http.asked().size() == 2);
    const canary::Question missing{
        .id = "p",
        .what = canary::ProbeProviders{.metrics_server = "http://prom",
                                       .providers = {api::Reference{"x", "shop"}}}};
    CHECK(bench.ask({missing}, canary::Stop::all)["p"].text ==
          "metric template x.shop error: metrictemplates.flagger.app \"x\" not found");
}
