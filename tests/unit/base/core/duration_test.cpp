#include "base/core/duration.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("a duration in Go's syntax is read exactly") {
    CHECK(parse_duration("30s") == 30s);
    CHECK(parse_duration("1m30s") == 90s);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("0.1s") == 100ms);
    CHECK(parse_duration("1.5h") == 90min);
    CHECK(parse_duration("-2m") == -2min);
    CHECK(parse_duration("0") == 0s);
    CHECK(parse_duration("1\u00b5s") == 1us);
}

TEST_CASE("what is not a duration is not one") {
    for (const auto* text :
         {"", "5", "s", "1x", "1s ", " 1s", "-", "1.s.", "9223372037s", "1e3s", "."}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("a duration is shown as Go shows it") {
    CHECK(go_text(0s) == "0s");
    CHECK(go_text(1515ms) == "1.515s");
    CHECK(go_text(500ms) == "500ms");
    CHECK(go_text(60s) == "1m0s");
    CHECK(go_text(3600s) == "1h0m0s");
    CHECK(go_text(1500us) == "1.5ms");
    CHECK(go_text(-90s) == "-1m30s");
    CHECK(go_text(Duration::min()) == "-2562047h47m16.854775808s");
}

TEST_CASE("an age is shown as kubectl shows it") {
    CHECK(human_text(-2s) == "<invalid>");
    CHECK(human_text(0s) == "0s");
    CHECK(human_text(119s) == "119s");
    CHECK(human_text(120s) == "2m");
    CHECK(human_text(125s) == "2m5s");
    CHECK(human_text(11min) == "11m");
    CHECK(human_text(200min) == "3h20m");
    CHECK(human_text(30h) == "30h");
    CHECK(human_text(50h) == "2d2h");
    CHECK(human_text(24h * 100) == "100d");
    CHECK(human_text(24h * 800) == "2y70d");
}
