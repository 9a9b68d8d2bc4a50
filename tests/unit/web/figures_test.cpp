#include "web/figures.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "support/scripted_http.hpp"
#include "web/series.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::web;
using namespace std::chrono_literals;

namespace {

std::string vector_of(std::string_view result) {
    return fmt::format(R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})",
                       result);
}

std::string sample(std::string_view workload, std::string_view code, std::string_view value) {
    return fmt::format(
        R"({{"metric":{{"destination_workload_namespace":"test","destination_workload":"{}",)"
        R"("response_code":"{}"}},"value":[1,"{}"]}})",
        workload,
        code,
        value);
}

std::string caller(std::string_view reporter,
                   std::string_view workload,
                   std::string_view service,
                   std::string_view code,
                   std::string_view value) {
    return fmt::format(
        R"({{"metric":{{"reporter":"{}","destination_workload_namespace":"{}",)"
        R"("destination_workload":"{}","destination_service_namespace":"test",)"
        R"("destination_service_name":"{}","response_code":"{}"}},"value":[1,"{}"]}})",
        reporter,
        workload == "unknown" ? "unknown" : "test",
        workload,
        service,
        code,
        value);
}

struct World {
    World()
        : prometheus(std::make_shared<Prometheus>(
              context.get_executor(), clock, http, "http://me:secret@prom:9090/p?x=1")) {}
    ~World() {
        tasks.cancel();
        prometheus->cancel();
        clock.settle();
    }
    using Answer = std::shared_ptr<const Measured<Samples>>;
    static Task<> keep(Task<Answer> task, Answer& slot) { slot = co_await std::move(task); }
    void ask(Answer& slot, std::string name = "up", Duration fresh = 5s) {
        tasks.spawn("asking", keep(prometheus->ask(std::move(name), "up", fresh), slot));
    }

    boost::asio::io_context context;
    VirtualClock clock{context, Time{std::chrono::seconds{1767225600}}};
    testing::ScriptedHttp http{clock};
    std::shared_ptr<Prometheus> prometheus;
    TaskGroup tasks{context.get_executor()};
};

}  // namespace

TEST_CASE("however many ask, a question is asked once in its time") {
    World world;
    world.http.answer(200, vector_of(R"({"metric":{},"value":[1,"7"]})"));
    World::Answer one;
    World::Answer two;
    world.ask(one);
    world.ask(two);
    world.clock.settle();
    REQUIRE(one);
    CHECK(one == two);
    CHECK(one->what->front().value == 7);
    World::Answer third;
    world.clock.run_for(4s);
    world.ask(third);
    world.clock.settle();
    CHECK(third == one);
    CHECK(world.http.asked().size() == 1);
    world.clock.run_for(1s);
    world.ask(third);
    world.clock.settle();
    CHECK(world.http.asked().size() == 2);
    const auto& request = world.http.asked().front();
    CHECK(request.target == "/p/api/v1/query?query=up");
    CHECK(request.headers.get("Authorization") == "Basic bWU6c2VjcmV0");
    CHECK(world.prometheus->health().url == "http://prom:9090/p");
}

TEST_CASE("a server that hangs is given up after five seconds, and said to") {
    World world;
    world.http.hang();
    World::Answer answer;
    world.ask(answer);
    world.clock.run_for(4s);
    CHECK_FALSE(answer);
    world.clock.run_for(1s);
    REQUIRE(answer);
    CHECK(answer->what.error().message == "Prometheus did not answer in 5 s");
    CHECK_FALSE(world.prometheus->health().ok);
    CHECK(world.prometheus->health().since == world.clock.now());
}

TEST_CASE("without an address nothing is asked, and the reason says what to do") {
    World world;
    const auto none =
        std::make_shared<Prometheus>(world.context.get_executor(), world.clock, world.http, "");
    World::Answer answer;
    world.tasks.spawn("asking", World::keep(none->ask("up", "up", 5s), answer));
    world.clock.settle();
    REQUIRE(answer);
    CHECK(answer->what.error().message == "no Prometheus was named: --metrics-server");
    CHECK(world.http.asked().empty());
}

TEST_CASE("answers of a server that lies are errors, and what is no number is left out") {
    CHECK(read_samples(200, "<html>").error().kind == ErrorKind::bad_answer);
    CHECK(read_samples(200, R"({"status":"success","data":{"resultType":"matrix","result":[]}})")
              .error()
              .kind == ErrorKind::bad_answer);
    CHECK(read_samples(422, R"({"status":"error","error":"parse error"})").error().message ==
          "Prometheus answered 422: parse error");
    CHECK(read_samples(200, vector_of(R"({"metric":{},"value":[1,"NaN"]})"))->empty());
    CHECK(read_samples(200, vector_of(R"({"metric":{},"value":[1,"+Inf"]},{"metric":7},7)"))
              ->empty());
    CHECK(read_samples(
              200, vector_of(R"({"metric":{},"value":[1,"1"]},{"value":[1,"2"]})"), {.series = 1})
              .error()
              .kind == ErrorKind::too_large);
    const auto lines =
        read_lines(200,
                   R"({"status":"success","data":{"resultType":"matrix","result":[)"
                   R"({"metric":{"a":"b"},"values":[[1,"1"],[2,"NaN"],[3.5,"3"]]}]}})");
    REQUIRE(lines);
    REQUIRE(lines->size() == 1);
    CHECK(lines->front().points == std::vector<std::pair<double, double>>{{1, 1}, {3.5, 3}});
}

TEST_CASE("rates are those of each workload, and no answer counts as failed") {
    const auto codes = *read_samples(
        200,
        vector_of(sample("podinfo", "200", "9") + "," + sample("podinfo", "503", "0.5") + "," +
                  sample("podinfo", "0", "0.5") + "," + sample("quiet", "200", "0")));
    const auto p99 = *read_samples(200, vector_of(sample("podinfo", "", "120")));
    const Measured<Samples> codes_answer{codes, {}};
    const Measured<Samples> p99_answer{p99, {}};
    const Measured<Samples> nothing{Samples{}, {}};
    const auto table =
        rates_table({codes_answer, nothing, nothing, p99_answer, nothing, nothing}, 30s);
    const auto podinfo = table.of("test", "podinfo");
    CHECK(*podinfo.rps == doctest::Approx(10));
    CHECK(*podinfo.success == doctest::Approx(0.9));
    CHECK(*podinfo.no_answer == doctest::Approx(0.05));
    CHECK(*podinfo.p99 == 120);
    CHECK_FALSE(podinfo.p50);
    CHECK(podinfo.reason == "the query has no result");
    const auto quiet = table.of("test", "quiet");
    CHECK(*quiet.rps == 0);
    CHECK_FALSE(quiet.success);
    CHECK(quiet.reason == "no requests in the last 30 s");
    const auto unknown = table.of("test", "nobody");
    CHECK_FALSE(unknown.rps);
    CHECK(unknown.reason == "no requests in the last 30 s");
    CHECK(*table.mesh.rps == doctest::Approx(10));
    CHECK(table.mesh.by == "app");
    CHECK(table.mesh.reason == "the latency is not measured");
}

TEST_CASE(
    "the mesh is what its callers saw, and where none of their proxies reports what apps did") {
    const auto codes = *read_samples(
        200, vector_of(sample("podinfo", "200", "9.5") + "," + sample("podinfo", "0", "0.5")));
    const auto seen =
        *read_samples(200,
                      vector_of(caller("source", "podinfo", "podinfo-canary", "200", "9") + "," +
                                caller("source", "unknown", "web", "503", "1") + "," +
                                // Nobody here could have answered it.
                                caller("source", "unknown", "api.example.org", "503", "70") + "," +
                                caller("destination", "podinfo", "podinfo", "200", "10")));
    const auto p99 = *read_samples(200,
                                   vector_of(R"({"metric":{"by":"callers"},"value":[1,"1025"]},)"
                                             R"({"metric":{"by":"app"},"value":[1,"490"]})"));
    const Measured<Samples> codes_answer{codes, {}};
    const Measured<Samples> seen_answer{seen, {}};
    const Measured<Samples> p99_answer{p99, {}};
    const Measured<Samples> nothing{Samples{}, {}};
    const auto mesh_of = [&](const Measured<Samples>& all, const Measured<Samples>& callers) {
        return rates_table({all, nothing, nothing, nothing, p99_answer, callers}, 30s).mesh;
    };
    const auto mesh = mesh_of(codes_answer, seen_answer);
    CHECK(mesh.by == "callers");
    CHECK(*mesh.rps == doctest::Approx(20));
    CHECK(*mesh.success == doctest::Approx(0.95));
    CHECK(*mesh.p99 == 1025);
    CHECK(mesh.reason.empty());
    const auto apps = mesh_of(codes_answer, nothing);
    CHECK(apps.by == "app");
    CHECK(*apps.rps == doctest::Approx(10));
    CHECK(*apps.success == doctest::Approx(0.95));
    CHECK(*apps.p99 == 490);
    CHECK(apps.reason == "no caller's proxy reports");
    const auto idle = mesh_of(nothing, nothing);
    CHECK(idle.by.empty());
    CHECK_FALSE(idle.rps);
    CHECK(idle.reason == "no requests in the last 30 s");
}

TEST_CASE(
    "callers see what their own proxies count: a try that was cut off and tried again is none") {
    const auto codes = *read_samples(
        200, vector_of(sample("podinfo", "200", "9.5") + "," + sample("podinfo", "0", "0.5")));
    const auto seen = *read_samples(
        200,
        vector_of(caller("source", "podinfo", "podinfo-canary", "200", "9") + "," +
                  caller("source", "unknown", "podinfo-canary", "503", "1") + "," +
                  caller("source", "unknown", "other", "503", "7") + "," +
                  R"({"metric":{"destination_workload_namespace":"test",)"
                  R"("destination_workload":"podinfo","figure":"p99"},"value":[1,"1025"]})"));
    const Measured<Samples> codes_answer{codes, {}};
    const Measured<Samples> seen_answer{seen, {}};
    const Measured<Samples> nothing{Samples{}, {}};
    const auto table =
        rates_table({codes_answer, nothing, nothing, nothing, nothing, seen_answer}, 30s);
    const auto canary = table.side("test", "podinfo", "podinfo-canary");
    CHECK(*canary.success == doctest::Approx(0.95));
    CHECK(*canary.no_answer == doctest::Approx(0.05));
    CHECK(canary.seen.by == "callers");
    // Also those that reached no pod, of its own Service alone.
    CHECK(*canary.seen.rps == doctest::Approx(10));
    CHECK(*canary.seen.success == doctest::Approx(0.9));
    CHECK(*canary.seen.p99 == 1025);
    CHECK(canary.seen.reason.empty());
    const auto gone = table.side("test", "gone", "other");
    CHECK_FALSE(gone.rps);
    CHECK(*gone.seen.rps == doctest::Approx(7));
    CHECK(*gone.seen.success == doctest::Approx(0));
    CHECK(gone.seen.reason == "none of them reached a pod");
    // What they saw alone makes another table.
    const auto calm = rates_table({codes_answer, nothing, nothing, nothing, nothing, nothing}, 30s);
    CHECK_FALSE(table.says_the_same(calm));
}

TEST_CASE("where no caller's proxy reports, the app's tells, and it is said") {
    const auto codes = *read_samples(200, vector_of(sample("podinfo", "200", "10")));
    const Measured<Samples> codes_answer{codes, {}};
    const Measured<Samples> nothing{Samples{}, {}};
    const Measured<Samples> outside{
        *read_samples(200,
                      vector_of(caller("destination", "podinfo", "podinfo-canary", "200", "10"))),
        {}};
    for (const auto* seen : {&nothing, &outside}) {
        const auto table =
            rates_table({codes_answer, nothing, nothing, nothing, nothing, *seen}, 30s);
        const auto side = table.side("test", "podinfo", "podinfo-canary");
        CHECK(side.seen.by == "app");
        CHECK(*side.seen.rps == doctest::Approx(10));
        CHECK(side.seen.reason == "no caller's proxy reports");
        const auto idle = table.side("test", "nobody", "nobody");
        CHECK(idle.seen.by.empty());
        CHECK_FALSE(idle.seen.rps);
        CHECK(idle.seen.reason == "no requests in the last 30 s");
    }
    const Measured<Samples> refused{Error{ErrorKind::bad_answer, "too many series"}, {}};
    const auto table =
        rates_table({codes_answer, nothing, nothing, nothing, nothing, refused}, 30s);
    CHECK(table.side("test", "podinfo", "podinfo-canary").seen.reason == "too many series");
}

TEST_CASE("requests so far are the callers', with the tries that none of them heard of beside") {
    const auto met = [](std::initializer_list<std::string> samples) {
        std::string all;
        for (const auto& one : samples) all += (all.empty() ? "" : ",") + one;
        return exposure_of({*read_samples(200, vector_of(all)), {}}, Time{});
    };
    const auto with = [](std::string_view reporter,
                         std::string_view source,
                         std::string_view code,
                         std::string_view value) {
        return fmt::format(R"({{"metric":{{"reporter":"{}","source_workload":"{}",)"
                           R"("response_code":"{}"}},"value":[1,"{}"]}})",
                           reporter,
                           source,
                           code,
                           value);
    };
    // The slow version: 12 tries were cut off, and each came back with an answer.
    const auto slow = met({with("source", "test-imgw", "200", "239.6"),
                           with("destination", "test-imgw", "200", "239.7"),
                           with("destination", "test-imgw", "0", "12.1")});
    CHECK(slow.by == "callers");
    CHECK(*slow.requests == 240);
    CHECK(*slow.failed == 0);
    CHECK(*slow.cut_off == 12);
    // Somebody went away: both proxies count it, and it was no try of another one.
    const auto left = met({with("source", "test-imgw", "200", "9"),
                           with("source", "test-imgw", "0", "1"),
                           with("destination", "test-imgw", "200", "9"),
                           with("destination", "test-imgw", "0", "1")});
    CHECK(*left.failed == 1);
    CHECK(*left.cut_off == 0);
    // Beside them callers without a proxy, of whom the app's tells.
    const auto mixed = met({with("source", "test-imgw", "200", "10"),
                            with("destination", "test-imgw", "200", "10"),
                            with("destination", "unknown", "200", "4"),
                            with("destination", "unknown", "500", "1")});
    CHECK(*mixed.requests == 15);
    CHECK(*mixed.failed == 1);
    // No caller's proxy reports.
    const auto plain =
        met({with("destination", "unknown", "200", "20"), with("destination", "web", "0", "3")});
    CHECK(plain.by == "app");
    CHECK(*plain.requests == 23);
    CHECK(*plain.failed == 3);
    CHECK_FALSE(plain.cut_off);
}

TEST_CASE("callers are asked for in one question, within their namespace") {
    const auto seen = rates_queries(30s, "a\"b").seen;
    CHECK(seen.find(R"(reporter="source",destination_service_namespace="a\"b"}[30s])") !=
          std::string::npos);
    CHECK(seen.find(R"(reporter="destination",source_workload="unknown",)"
                    R"(destination_workload_namespace="a\"b"})") != std::string::npos);
    const auto query = exposure_query(
        {.workload = {"test", "podinfo"}, .service = "podinfo-canary", .since = Time{}}, Time{95s});
    CHECK(query.find(R"(destination_workload="podinfo"}[95s])") != std::string::npos);
    CHECK(query.find(R"(destination_service_name="podinfo-canary"}[95s])") != std::string::npos);
}

TEST_CASE("a chart has the share without an answer apart from all that failed") {
    const Prometheus::Grid grid{.from = 10, .to = 20, .step = 10};
    const auto lines = [](std::string_view result) {
        return *read_lines(
            200,
            fmt::format(R"({{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}})",
                        result));
    };
    const auto codes = lines(R"({"metric":{"response_code":"200"},"values":[[10,"8"],[20,"4"]]},)"
                             R"({"metric":{"response_code":"503"},"values":[[10,"1"]]},)"
                             R"({"metric":{"response_code":"0"},"values":[[10,"1"]]})");
    const Lines none;
    const auto json = series_json({codes, none, none, none}, grid, "", "");
    CHECK(json.at("errors") == JsonArray{0.2, 0.0});
    CHECK(json.at("noAnswer") == JsonArray{0.1, 0.0});
}

TEST_CASE("a chart's range is a window up to a moment, or from one moment to another") {
    const auto read = [](std::string_view parameters) {
        const auto asked = Asked::read(fmt::format("/api/ui/v1/metrics/node/x?{}", parameters));
        return series_asked(*asked, {}, 1, Time{std::chrono::seconds{1767225600}});
    };
    const auto range = [&](std::string_view parameters) {
        const auto series = read(parameters);
        REQUIRE(series);
        const auto& grid = series->grid;
        return fmt::format("{}+{}/{}{}",
                           grid.from - 1767225600,
                           grid.to - grid.from,
                           grid.step,
                           series->is_past ? " past" : "");
    };
    CHECK(range("window=300") == "-300+300/2");
    CHECK(range("from=1767225000&to=1767225300&step=10") == "-600+300/10 past");
    CHECK(range("from=2025-12-31T23:50:00Z&to=2025-12-31T23:55:00.700Z&step=10") ==
          "-600+300/10 past");
    CHECK(range("from=2026-01-01T00:50:00%2B01:00") == "-600+600/5");
    const auto refusal = [&](std::string_view parameters) {
        const auto series = read(parameters);
        return series ? std::string() : series.error().message;
    };
    CHECK(refusal("from=yesterday") ==
          R"(parameter from: "yesterday" is neither seconds since 1970 nor a time of RFC 3339)");
    CHECK(refusal("from=-5") ==
          R"(parameter from: "-5" is neither seconds since 1970 nor a time of RFC 3339)");
    CHECK(refusal("from=1767225000&to=1767225601") == "parameter to: it is in the future");
    CHECK(refusal("from=1767225601") == "parameter from: it is in the future");
    CHECK(refusal("from=1767225300&to=1767225300") == "parameter from: it is not before to");
    CHECK(refusal("to=1767225300") == "parameter to: from is missing");
    CHECK(refusal("from=1767139199") == "parameter from: more than 86400 s before now");
    CHECK(refusal("from=1767225000&window=60") == "parameter window: from and to say it already");
    CHECK(refusal("from=1767225000&step=1&to=1767225601") == "parameter to: it is in the future");
    CHECK(refusal("from=1767222000&step=1") ==
          "parameter step: 1 gives more than 600 points in 3600 s");
}

TEST_CASE("windows are few: each a whole number of the shortest") {
    CHECK(window_for(10s, 30s) == 30s);
    CHECK(window_for(31s, 30s) == 60s);
    CHECK(window_for(1h, 30s) == 10min);
    CHECK(window_for(2s, 10s) == 10s);
}

TEST_CASE("a name cannot end the text that it stands in") {
    CHECK(promql_text("a\"} or vector(1) #\\\n") == "a\\\"} or vector(1) #\\\\\\n");
}

TEST_CASE("what Prometheus answered is kept within 32 MiB, and the oldest goes first") {
    World world;
    const std::string large(std::size_t{5} * 1024 * 1024, 'x');
    World::Answer answer;
    for (int i = 0; i < 10; ++i) {
        world.http.answer(
            200, vector_of(fmt::format(R"({{"metric":{{"x":"{}"}},"value":[1,"7"]}})", large)));
        world.ask(answer, fmt::format("q{}", i), 1h);
        world.clock.settle();
        REQUIRE(answer->what);
    }
    CHECK(world.prometheus->bytes() > std::size_t{25} * 1024 * 1024);
    CHECK(world.prometheus->bytes() <= std::size_t{32} * 1024 * 1024);
    world.ask(answer, "q9", 1h);
    world.clock.settle();
    CHECK(world.http.asked().size() == 10);
    world.ask(answer, "q0", 1h);
    world.clock.settle();
    CHECK(world.http.asked().size() == 11);
    world.prometheus->forget();
    CHECK(world.prometheus->bytes() == 0);
}

TEST_CASE("of the past few moments are kept, and none of them costs what is asked of now") {
    World world;
    World::Answer answer;
    const auto ask = [&](const std::string& name, std::optional<std::int64_t> at) {
        world.http.answer(200, vector_of(R"({"metric":{},"value":[1,"7"]})"));
        const auto before = world.http.asked().size();
        world.tasks.spawn("asking", World::keep(world.prometheus->ask(name, "up", 1h, at), answer));
        world.clock.settle();
        return world.http.asked().size() > before;
    };
    CHECK(ask("now", std::nullopt));
    for (int i = 1; i <= 60; ++i) CHECK(ask(fmt::format("then {}", i), i));
    CHECK_FALSE(ask("now", std::nullopt));
    CHECK_FALSE(ask("then 60", 60));
    CHECK(ask("then 1", 1));
}

TEST_CASE("who waits its turn for Prometheus waits five seconds in all") {
    World world;
    std::vector<World::Answer> answers(20);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        world.http.hang();
        world.ask(answers[i], fmt::format("q{}", i));
    }
    world.clock.run_for(5s);
    for (const auto& answer : answers) {
        REQUIRE(answer);
        CHECK(answer->what.error().message == "Prometheus did not answer in 5 s");
    }
}

TEST_CASE("a question that is broken off keeps nobody waiting, and is asked anew") {
    World world;
    World::Answer answer;
    world.http.hang();
    world.ask(answer);
    world.clock.settle();
    CHECK_FALSE(answer);
    world.prometheus->cancel();
    world.clock.settle();
    REQUIRE(answer);
    CHECK(answer->what.error().kind == ErrorKind::cancelled);
    world.http.answer(200, vector_of(R"({"metric":{},"value":[1,"7"]})"));
    world.ask(answer);
    world.clock.settle();
    CHECK(answer->what);
}
