#include "base/core/time.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("a time survives being written and read") {
    const auto time = parse_rfc3339("2022-01-25T19:54:42.528Z");
    REQUIRE(time);
    CHECK(rfc3339(*time) == "2022-01-25T19:54:42Z");
    CHECK(rfc3339_millis(*time) == "2022-01-25T19:54:42.528Z");
    CHECK(rfc3339_micros(*time) == "2022-01-25T19:54:42.528000Z");
    CHECK(parse_rfc3339("2022-01-25T21:54:42.528+02:00") == time);
}

TEST_CASE("what is not a time is not one") {
    for (const auto* text : {"",
                             "2022-01-25",
                             "2022-13-25T19:54:42Z",
                             "2022-02-30T00:00:00Z",
                             "2022-01-25T24:00:00Z",
                             "2022-01-25T19:54:42",
                             "2022-01-25T19:54:42.Z",
                             "2022-01-25T19:54:42Zx",
                             // Past 64-bit nanoseconds.
                             "4052-01-01T00:00:00Z",
                             "0001-01-01T00:00:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rfc3339(text));
    }
}
