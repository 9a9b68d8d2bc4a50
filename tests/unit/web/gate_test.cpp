#include "web/gate.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::web;

namespace {

net::Request asked(net::Headers headers) {
    return {.headers = std::move(headers)};
}

std::string code_of(const std::optional<Refusal>& refusal) {
    return refusal ? refusal->code : "";
}

}  // namespace

TEST_CASE("loopback names and those that were told are the dashboard's own, whatever the port") {
    const Settings settings{.hosts = {"sluice.example.org", "10.0.0.7:4680"}};
    for (const auto* host : {"localhost",
                             "LOCALHOST:4680",
                             "127.0.0.1",
                             "127.9.9.9:80",
                             "[::1]:4680",
                             "sluice.example.org",
                             "Sluice.Example.org:443",
                             "10.0.0.7:4680"}) {
        CAPTURE(host);
        CHECK(is_own_host(host, settings));
    }
    // What a rebinding name would come with, and what only looks like loopback.
    for (const auto* host : {"",
                             "evil.example.org",
                             "127.0.0.1.evil.org",
                             "127.0.0.1evil",
                             "0177.0.0.1",
                             "localhost.evil.org",
                             "127.1",
                             "127.0.0.256",
                             "10.0.0.7:80",
                             "[::2]",
                             "[::1"}) {
        CAPTURE(host);
        CHECK_FALSE(is_own_host(host, settings));
    }
}

TEST_CASE("another site's page may not ask") {
    CHECK(code_of(objection_to_origin(asked({{"Host", "127.0.0.1:80"}}))).empty());
    CHECK(code_of(objection_to_origin(
                      asked({{"Host", "127.0.0.1:80"}, {"Origin", "http://127.0.0.1:80"}})))
              .empty());
    CHECK(code_of(objection_to_origin(
                      asked({{"Host", "s.example.org"}, {"Origin", "https://s.example.org"}})))
              .empty());
    CHECK(code_of(objection_to_origin(asked({{"Host", "a"}, {"Sec-Fetch-Site", "same-origin"}})))
              .empty());
    CHECK(code_of(objection_to_origin(asked({{"Host", "a"}, {"Sec-Fetch-Site", "none"}}))).empty());
    for (const auto* origin : {"http://evil.org", "null", "http://127.0.0.1:81", ""}) {
        CAPTURE(origin);
        CHECK(code_of(objection_to_origin(asked({{"Host", "127.0.0.1:80"}, {"Origin", origin}}))) ==
              "bad_origin");
    }
    for (const auto* site : {"cross-site", "same-site", "anything"}) {
        CHECK(code_of(objection_to_origin(asked({{"Host", "a"}, {"Sec-Fetch-Site", site}}))) ==
              "bad_origin");
    }
}

TEST_CASE(
    "off loopback nobody is answered without a token, and a person's is the cluster's affair") {
    const Settings loopback;
    CHECK(caller_of(asked({}), loopback) == Caller::process);
    const Settings open_to_all{.off_loopback = true};
    CHECK(caller_of(asked({}), open_to_all) == Caller::nobody);
    CHECK(caller_of(asked({{"Authorization", "Basic abc"}}), open_to_all) == Caller::nobody);
    CHECK(caller_of(asked({{"Authorization", "Bearer abc"}}), open_to_all) == Caller::person);
    const Settings with_token{.token = "s3cret"};
    CHECK(caller_of(asked({}), with_token) == Caller::nobody);
    CHECK(caller_of(asked({{"Authorization", "Bearer s3cret"}}), with_token) == Caller::process);
    CHECK(caller_of(asked({{"Authorization", "bearer s3cret"}}), with_token) == Caller::process);
    CHECK(caller_of(asked({{"Authorization", "Bearer s3creT"}}), with_token) == Caller::person);
    // An empty token of ours is nobody's.
    CHECK(caller_of(asked({{"Authorization", "Bearer "}}), open_to_all) == Caller::nobody);
}

TEST_CASE("a write needs the session's header, JSON, and a dashboard that may write") {
    const Settings settings;
    const auto write = [](net::Headers headers, std::string body = "{}") {
        return net::Request{
            .method = "POST", .headers = std::move(headers), .body = std::move(body)};
    };
    const net::Headers good{{"X-Sluice-CSRF", "abc"},
                            {"Content-Type", "application/json; charset=utf-8"}};
    CHECK(code_of(objection_to_write(write(good), settings, "abc")).empty());
    CHECK(code_of(objection_to_write(write(good), settings, "abd")) == "csrf");
    CHECK(code_of(objection_to_write(
              write({{"Content-Type", "application/json"}}), settings, "abc")) == "csrf");
    CHECK(
        code_of(objection_to_write(
            write({{"X-Sluice-CSRF", "abc"}, {"Content-Type", "text/plain"}}), settings, "abc")) ==
        "bad_content_type");
    CHECK(code_of(objection_to_write(
              write(good, std::string(16 * 1024 + 1, ' ')), settings, "abc")) == "too_large");
    CHECK(code_of(objection_to_write(write(good), {.writes = false}, "abc")) == "read_only");
}
