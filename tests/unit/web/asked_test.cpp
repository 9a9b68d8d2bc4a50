#include "web/asked.hpp"

#include "web/listing.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::web;

TEST_CASE("a part of the path keeps the slashes that were escaped") {
    const auto asked = Asked::read("/api/ui/v1/metrics/node/w%2Ftest%2Fpodinfo?window=60");
    REQUIRE(asked);
    REQUIRE(asked->path().size() == 6);
    CHECK(asked->path()[5] == "w/test/podinfo");
    CHECK(**asked->number("window", {10, 100}) == 60);
}

TEST_CASE("a parameter given twice counts the first time, an unknown one not at all") {
    const auto asked = Asked::read("/x?limit=5&limit=7&foo=bar&&=x");
    REQUIRE(asked);
    CHECK(**asked->number("limit", {1, 1000}) == 5);
}

TEST_CASE("what is out of its bounds is refused by its name") {
    const auto asked =
        Asked::read("/x?limit=0&q=" + std::string(201, 'a') + "&severity=failure,odd");
    REQUIRE(asked);
    CHECK(asked->number("limit", {1, 1000}).error().message ==
          "parameter limit: 0 is not in 1..1000");
    CHECK(asked->text("q", 200).error().message == "parameter q: longer than 200 bytes");
    CHECK(asked->words("severity", {"failure", "ok"}, 100).error().message ==
          "parameter severity: \"odd\" is none of failure, ok");
    const auto word = Asked::read("/x?limit=ten");
    CHECK(word->number("limit", {1, 1000}).error().message ==
          "parameter limit: \"ten\" is no whole number");
}

TEST_CASE("bytes that are no text are refused, in the path and in a parameter") {
    CHECK_FALSE(Asked::read("/x/%ff%fe"));
    CHECK_FALSE(Asked::read("/x?q=%ff"));
    CHECK_FALSE(Asked::read("/x/%00"));
    CHECK_FALSE(Asked::read("x"));
    CHECK(Asked::read("/x?q=%F0%9F%9A%80"));
}

TEST_CASE("a page's token leads to the place after it, and a foreign one is refused") {
    Release release;
    release.severity = Severity::waiting;
    release.since = Time{std::chrono::seconds{1767225600}};
    release.ns = "test";
    release.name = "podinfo";
    const auto place = place_of(release);
    const auto asked = Asked::read("/x?continue=" + token_of(place));
    REQUIRE(asked);
    const auto page = page_of(*asked);
    REQUIRE(page);
    const auto after = place_after(*page);
    REQUIRE(after);
    CHECK(**after == place);
    for (const auto* token : {"abc", "djEg", "djIgYSBiIGMgZA==", "djEgOSAxIGEgYg=="}) {
        CAPTURE(token);
        const auto foreign = Asked::read(std::string("/x?continue=") + token);
        const auto read = page_of(*foreign);
        const bool is_refused = !read || !place_after(*read);
        CHECK(is_refused);
    }
}

TEST_CASE("worst first, the oldest of them first, and of what goes well the newest") {
    const auto place = [](Severity severity, int since, const char* name) {
        Release release;
        release.severity = severity;
        release.since = Time{std::chrono::seconds{since}};
        release.name = name;
        return place_of(release);
    };
    CHECK(place(Severity::failure, 9, "z") < place(Severity::warning, 1, "a"));
    CHECK(place(Severity::failure, 1, "z") < place(Severity::failure, 2, "a"));
    CHECK(place(Severity::ok, 2, "z") < place(Severity::ok, 1, "a"));
    CHECK(place(Severity::ok, 1, "a") < place(Severity::ok, 1, "b"));
}
