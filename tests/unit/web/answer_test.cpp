#include "web/answer.hpp"

#include "web/assets.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <array>

using namespace sluice;
using namespace sluice::web;

namespace {

constexpr Time start{std::chrono::seconds{1767225600}};

}  // namespace

TEST_CASE("the ETag says nothing about the time") {
    const net::Request request;
    const auto first = told(request, start, {{"a", 1}});
    const auto later = told(request, start + std::chrono::seconds{5}, {{"a", 1}});
    CHECK(first.status == 200);
    CHECK(first.body == R"({"now":"2026-01-01T00:00:00.000Z","a":1})");
    CHECK(first.headers.get("ETag") == later.headers.get("ETag"));
    CHECK(first.headers.get("Cache-Control") == "no-store");
    CHECK(first.headers.get("X-Content-Type-Options") == "nosniff");
    CHECK(told(request, start, {{"a", 2}}).headers.get("ETag") != first.headers.get("ETag"));
    CHECK(told(request, start, {}).body == R"({"now":"2026-01-01T00:00:00.000Z"})");
    const std::string etag(*first.headers.get("ETag"));
    for (const auto& known : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
        const auto again = told({.headers = {{"If-None-Match", known}}}, start, {{"a", 1}});
        CHECK(again.status == 304);
        CHECK(again.body.empty());
    }
}

TEST_CASE("a refusal has a code, a line and the request's id") {
    const auto response =
        refused({.status = 404, .code = "not_found", .message = "gone <b>"}, "7f");
    CHECK(response.status == 404);
    CHECK(response.body ==
          R"({"error":{"code":"not_found","message":"gone <b>","requestId":"7f"}})");
}

TEST_CASE("the page's files keep their names, and every other path is the page") {
    const std::array<EmbeddedFile, 2> files{
        EmbeddedFile{"index.html", R"(<script src="/ui/app.js"></script> "/uix")"},
        EmbeddedFile{"app.js", "let a = 1;"}};
    const Assets assets(files, "/base");
    const net::Request request;
    const auto index = assets.answer(request, "releases/canary/test/podinfo");
    REQUIRE(index);
    CHECK(index->body == R"(<script src="/base/ui/app.js"></script> "/uix")");
    CHECK(index->headers.get("Cache-Control") == "no-store");
    CHECK(index->headers.get("Content-Security-Policy")->find("default-src 'none'") == 0);
    const auto script = assets.answer(request, "app.js");
    REQUIRE(script);
    CHECK(script->body == "let a = 1;");
    CHECK(script->headers.get("Cache-Control") == "no-cache");
    CHECK(script->headers.get("Content-Type") == "text/javascript; charset=utf-8");
    const auto known = assets.answer(
        {.headers = {{"If-None-Match", std::string(*script->headers.get("ETag"))}}}, "app.js");
    CHECK(known->status == 304);
    CHECK_FALSE(Assets({}, "").answer(request, "index.html"));
}
