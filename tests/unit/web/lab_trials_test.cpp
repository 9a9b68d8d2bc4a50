#include "web/lab_trials.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::web;
using namespace std::chrono_literals;

TEST_CASE("a fault is read with what it leaves out") {
    const auto read = [](std::string_view body) {
        const auto wanted = fault_wanted(body);
        if (!wanted) FAIL(wanted.error().message);
        if (!*wanted) return std::string("none");
        return to_text(Json(fault_json({"test", "web-1"}, **wanted)));
    };
    const auto fault = [](std::string_view p50, std::string_view p99, std::string_view ratio) {
        return fmt::format(R"({{"pod":"test/web-1","latencyMs":{{"p50":{},"p99":{}}},)"
                           R"("errorRatio":{},"hang":false,"slowStart":0E0}})",
                           p50,
                           p99,
                           ratio);
    };
    CHECK(read(R"({"latencyMs":{"p50":100,"p99":900},"errorRatio":0.05})") ==
          fault("1E2", "9E2", "5E-2"));
    CHECK(read(R"({"latencyMs":{"p50":250}})") == fault("2.5E2", "2.5E2", "0E0"));
    CHECK(read(R"({"latencyMs":{"p99":60000}})") == fault("0E0", "6E4", "0E0"));
    CHECK(read(R"({"errorRatio":1})") == fault("0E0", "0E0", "1E0"));
    CHECK(read(R"({"hang":true,"slowStart":1.5})") ==
          R"({"pod":"test/web-1","latencyMs":{"p50":0E0,"p99":0E0},"errorRatio":0E0,)"
          R"("hang":true,"slowStart":1.5E0})");
    for (const auto* nothing : {"",
                                " ",
                                "{}",
                                R"({"errorRatio":0})",
                                R"({"hang":false,"slowStart":0})",
                                R"({"latencyMs":{}})",
                                R"({"latencyMs":{"p99":0}})"}) {
        CHECK(read(nothing) == "none");
    }
}

TEST_CASE("a fault that makes no sense is refused by one line that names the field") {
    const auto refused = [](std::string_view body) {
        const auto wanted = fault_wanted(body);
        REQUIRE_FALSE(wanted);
        CHECK(wanted.error().message.find('\n') == std::string::npos);
        return wanted.error().message;
    };
    CHECK(refused(R"({"errorRatio":1.01})") == "errorRatio is not in 0..1");
    CHECK(refused(R"({"errorRatio":-0.1})") == "errorRatio is not in 0..1");
    CHECK(refused(R"({"errorRatio":"half"})") == "errorRatio is not in 0..1");
    CHECK(refused(R"({"errorRatio":NaN})").starts_with("the body is no JSON: "));
    CHECK(refused(R"({"latencyMs":{"p50":-1}})") == "latencyMs.p50 is not in 0..60000");
    CHECK(refused(R"({"latencyMs":{"p99":60001}})") == "latencyMs.p99 is not in 0..60000");
    CHECK(refused(R"({"latencyMs":{"p50":null}})") == "latencyMs.p50 is not in 0..60000");
    CHECK(refused(R"({"latencyMs":{"p50":200,"p99":100}})") ==
          "latencyMs.p50 is above latencyMs.p99");
    CHECK(refused(R"({"latencyMs":5})") == "latencyMs is no object");
    CHECK(refused(R"({"latencyMs":{"p95":5}})") == "latencyMs.p95 is no field");
    CHECK(refused(R"({"errorRate":0.5})") ==
          "errorRate is no field: latencyMs, errorRatio, hang and slowStart are");
    CHECK(refused(R"({"hang":"yes"})") == "hang is neither true nor false");
    CHECK(refused(R"({"slowStart":601})") == "slowStart is not in 0..600");
    CHECK(refused("[]") == "the body is no object");
}

TEST_CASE("a try is of a path and a host, and of nothing that could be another request") {
    const auto wanted = try_wanted(R"({"gateway":"test/gw","path":"/a?b=1","host":"a.b:8080"})");
    REQUIRE(wanted);
    CHECK(wanted->gateway == "test/gw");
    CHECK(wanted->path == "/a?b=1");
    CHECK(wanted->host == "a.b:8080");
    const auto refused = [](std::string_view body) {
        const auto read = try_wanted(body);
        return read ? std::string("taken") : read.error().message;
    };
    CHECK(refused(R"({"path":"/"})") == "gateway is missing, or no text");
    CHECK(refused(R"({"gateway":"a/b","path":"http://elsewhere/"})") ==
          "path is no path of at most 500 bytes that begins with /");
    CHECK(refused("{\"gateway\":\"a/b\",\"path\":\"/ HTTP/1.1\\r\\nX: y\"}") ==
          "path is no path of at most 500 bytes that begins with /");
    CHECK(refused("{\"gateway\":\"a/b\",\"host\":\"a\\r\\nX: y\"}") ==
          "host is no name of at most 253 bytes");
    CHECK(refused(R"({"gateway":"a/b","host":""})") == "host is no name of at most 253 bytes");
    CHECK(refused(R"({"gateway":"a/b","url":"http://10.0.0.1/"})") ==
          "url is no field: gateway, path and host are");
}

TEST_CASE("of a body the first KiB is shown, in whole letters and only where it is text") {
    CHECK(text_of_body("short", 1024) == "short");
    CHECK(text_of_body("abcdef", 3) == "abc");
    CHECK(text_of_body("ab\xc3\xa4x", 3) == "ab");
    CHECK(text_of_body("ab\xc3\xa4x", 4) == "ab\xc3\xa4");
    CHECK(text_of_body(std::string_view("\xff\x00\x01", 3), 10) == "(no text)");
}
