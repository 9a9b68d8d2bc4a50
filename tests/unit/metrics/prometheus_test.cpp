#include "metrics/prometheus.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "metrics/providers.hpp"
#include "support/scripted_http.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::metrics;
using namespace std::chrono_literals;

namespace {

std::string vector_of(std::string_view samples) {
    return R"({"status":"success","data":{"resultType":"vector","result":[)" +
           std::string(samples) + "]}}";
}

Task<> ask(Provider& provider, ProviderSpec spec, std::string query, Reading& answer) {
    answer = co_await provider.query(std::move(spec), std::move(query), "1m");
}

Task<> probe(Provider& provider, std::string& text) {
    const auto done = co_await provider.probe({.address = "http://prom:9090"});
    text = done ? "" : done.error().message;
}

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    testing::ScriptedHttp http{clock};
    Prometheus prometheus{http};
    TaskGroup tasks{context.get_executor()};

    Reading query(std::string server = "http://prom:9090/prometheus") {
        return query_by({.address = std::move(server)});
    }
    Reading query_by(ProviderSpec spec) {
        Reading reading;
        tasks.spawn("query", ask(prometheus, std::move(spec), "up{a=\"b\"}", reading));
        clock.run_for(1min);
        return reading;
    }
};

}  // namespace

TEST_CASE("a value is read from a vector of one") {
    Bench bench;
    bench.http.answer(200, vector_of(R"({"metric":{},"value":[1.5,"98.999"]})"));
    CHECK(bench.query() == Reading{.outcome = Outcome::value, .value = 98.999});
    REQUIRE(bench.http.asked().size() == 1);
    CHECK(bench.http.asked()[0].target == "/prometheus/api/v1/query?query=up%7Ba%3D%22b%22%7D");
    CHECK(bench.http.asked()[0].timeout == 5s);
}

TEST_CASE("the address's query is dropped and its user goes into a header") {
    Bench bench;
    bench.http.answer(200, vector_of(""));
    bench.query("http://me:s%40cret@prom:9090/p/?x=1");
    REQUIRE(bench.http.asked().size() == 1);
    CHECK(bench.http.asked()[0].origin == net::Origin{.host = "prom", .port = 9090});
    CHECK(bench.http.asked()[0].target == "/p/api/v1/query?query=up%7Ba%3D%22b%22%7D");
    CHECK(bench.http.asked()[0].headers.get("Authorization") == "Basic bWU6c0BjcmV0");
}

TEST_CASE("no series, NaN and infinity are no values") {
    for (const std::string_view samples :
         {R"()", R"({"value":[1,"NaN"]})", R"({"value":[1,"+Inf"]})", R"({"value":[1,"-Inf"]})"}) {
        CHECK(read_answer(200, vector_of(samples)) ==
              Reading{.outcome = Outcome::no_values, .text = "no values found"});
    }
}

TEST_CASE("several series are one value only when they agree") {
    CHECK(read_answer(200, vector_of(R"({"value":[1,"5"]},{"value":[1,"5"]})")).value == 5);
    CHECK(read_answer(200, vector_of(R"({"value":[1,"5"]},{"value":[1,"6"]})")).text ==
          "query returned multiple values");
    CHECK(read_answer(200, R"({"status":"success","data":{"resultType":"matrix","result":[]}})")
              .text == "query returned multiple values");
}

TEST_CASE("an answer that cannot be read is a failure with a clear text") {
    CHECK(read_answer(500, "boom\n").text ==
          "error response: Status 500 Internal Server Error: boom");
    CHECK(read_answer(200, R"({"status":"error","error":"bad query"})").text ==
          "error response: bad query");
    for (const std::string_view body : {"",
                                        "{",
                                        "<html>",
                                        "[]",
                                        "null",
                                        "{}",
                                        R"({"data":{"resultType":"scalar","result":[1,"2"]}})",
                                        R"({"data":{"result":{}}})",
                                        R"({"data":{"result":[{"value":[1,"x"]}]}})",
                                        R"({"data":{"result":[{"value":1}]}})",
                                        R"({"data":{"result":[7]}})"}) {
        CAPTURE(body);
        const auto reading = read_answer(200, body);
        CHECK(reading.outcome == Outcome::failed);
        CHECK(reading.text.starts_with("error unmarshaling result: "));
    }
    CHECK(read_answer(200, std::string(100'000, '[')).text.size() < 700);
}

TEST_CASE("a server that hangs, is away or never ends costs five seconds at most") {
    Bench bench;
    bench.http.hang();
    CHECK(bench.query().text == "request failed: timed out after 5s");
    CHECK(bench.query().text == "request failed: connection refused");
    bench.http.answer(200, std::string(2 * 1024 * 1024, ' '));
    CHECK(bench.query().text == "error reading body: body over its limit");
    CHECK(bench.query("prometheus").text == "prometheus address prometheus is not a valid URL");
}

TEST_CASE("a secret's token goes before its user and password, and both before the headers") {
    Bench bench;
    ProviderSpec spec{.address = "http://old:hat@prom",
                      .headers = {{"X-Scope-OrgID", {"one", "two"}}, {"authorization", {"mine"}}},
                      .secret = Credentials{{"username", "me"}, {"password", "s@cret\n"}}};
    bench.http.answer(200, vector_of(""));
    bench.query_by(spec);
    CHECK(bench.http.asked().back().headers.get("Authorization") == "Basic bWU6c0BjcmV0");
    CHECK(bench.http.asked().back().headers.all("x-scope-orgid").size() == 2);
    CHECK(bench.http.asked().back().tls == nullptr);

    spec.secret->emplace("token", "abc\n");
    spec.insecure_skip_verify = true;
    for (int i = 0; i < 2; ++i) {
        bench.http.answer(200, vector_of(""));
        bench.query_by(spec);
        CHECK(bench.http.asked().back().headers.all("Authorization").size() == 1);
        CHECK(bench.http.asked().back().headers.get("Authorization") == "Bearer abc");
        REQUIRE(bench.http.asked().back().tls != nullptr);
        CHECK_FALSE(bench.http.asked().back().tls->verify);
    }
    // Connections are shared by those who trust the same.
    CHECK(bench.http.asked()[1].tls == bench.http.asked()[2].tls);

    spec.secret.reset();
    bench.http.answer(200, vector_of(""));
    bench.query_by(spec);
    CHECK(bench.http.asked().back().headers.get("Authorization") == "mine");
}

TEST_CASE("a secret without what it should hold is named, and its values are not") {
    Bench bench;
    ProviderSpec spec{.address = "http://prom", .secret = Credentials{{"key", "x"}}};
    CHECK(bench.prometheus.check(spec).error().message ==
          "prometheus credentials does not contain a username");
    spec.secret->emplace("username", "me");
    CHECK(bench.query_by(spec).text == "prometheus credentials does not contain a password");
    CHECK(bench.http.asked().empty());
    spec.secret->emplace("password", "s@cret");
    bench.http.answer(401, std::string(505, 'x') + " s@cret, that is bWU6c0BjcmV0");
    const auto text = bench.query_by(spec).text;
    CHECK(text.find("s@c") == std::string::npos);
    CHECK(text.find("bWU6") == std::string::npos);
    CHECK(text.substr(0, 45) == "error response: Status 401 Unauthorized: xxxx");
    CHECK(bench.prometheus.check({.address = ""}).error().message ==
          "prometheus address  is not a valid URL");
}

TEST_CASE("a type that is not built is refused by name") {
    Bench bench;
    const Providers providers(bench.http);
    CHECK(providers.find("influxdb") == nullptr);
    CHECK(providers.refusal("influxdb") == "type influxdb is not supported; known: prometheus");
    CHECK(providers.find("prometheus") != nullptr);
}

TEST_CASE("a probe wants a one") {
    Bench bench;
    std::string text = "?";
    bench.http.answer(200, vector_of(R"({"value":[1,"1"]})"));
    bench.tasks.spawn("probe", probe(bench.prometheus, text));
    bench.clock.settle();
    CHECK(text.empty());
    bench.http.answer(200, vector_of(R"({"value":[1,"2"]})"));
    bench.tasks.spawn("probe", probe(bench.prometheus, text));
    bench.clock.settle();
    CHECK(text == "value is not 1 for query: vector(1)");
}
