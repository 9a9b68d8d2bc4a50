#include "base/async/wall_time.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr Time noon{Duration{1'800'000'000'000'000'000}};

}  // namespace

TEST_CASE("while nobody sets the wall clock its time is told") {
    WallTime time(1h, noon);
    CHECK(time.at(1h, noon) == noon);
    CHECK(time.at(1h + 5s, noon + 5s) == noon + 5s);
    CHECK(time.at(3h, noon + 2h) == noon + 2h);
}

TEST_CASE("a jump of the wall clock changes what is measured by a twentieth at most") {
    for (const Duration jump : {Duration(1h), Duration(-1h)}) {
        WallTime time(0s, noon);
        const auto began = time.at(10s, noon + 10s);
        auto last = began;
        for (int second = 11; second <= 40; ++second) {
            const auto passed = std::chrono::seconds{second};
            const auto now = time.at(passed, noon + passed + jump);
            CHECK(now > last);
            last = now;
        }
        const auto measured = last - began;
        CHECK(measured >= 28s);
        CHECK(measured <= 32s);
    }
}

TEST_CASE("after a jump the wall clock's time is told again in the end, and not passed") {
    WallTime time(0s, noon);
    auto now = noon;
    for (int minute = 1; minute <= 30; ++minute) {
        const auto passed = std::chrono::minutes{minute};
        now = time.at(passed, noon + passed + 60s);
        CHECK(now <= noon + passed + 60s);
    }
    CHECK(now == noon + 30min + 60s);
}
