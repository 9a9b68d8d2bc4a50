#include "cli/lab_knobs.hpp"

#include <doctest/doctest.h>

using namespace sluice::cli;

TEST_CASE("a process's use is read behind its name, whatever that holds") {
    const auto use = process_use(
        "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 3 0 1234 99999744 "
        "2000 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0\n",
        {.ticks_per_second = 100, .page_bytes = 4096});
    REQUIRE(use);
    CHECK(use->cpu_seconds == doctest::Approx(3.0));
    CHECK(use->memory == 8'192'000);
}

TEST_CASE("of a process that is gone nothing is made up") {
    for (const auto* text :
         {"", "4242 (x) S 1", "no parentheses", "1 (x) S a b c d e f g h i j k"}) {
        CHECK_FALSE(process_use(text, {}));
    }
}
