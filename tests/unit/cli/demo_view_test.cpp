#include "cli/demo_view.hpp"

#include <doctest/doctest.h>

using namespace sluice::cli;

namespace {

ReleaseView a_release() {
    return {
        .phase = "Progressing",
        .failed_checks = 0,
        .threshold = 3,
        .primary = {.version = "6.1.0",
                    .weight = 60,
                    .flow = {.per_second = 12, .success_percent = 100, .p99_ms = 4.2}},
        .canary = VersionView{.version = "6.1.1-slow",
                              .weight = 40,
                              .flow = {.per_second = 8, .success_percent = 98.66, .p99_ms = 2177}}};
}

}  // namespace

TEST_CASE("the live block says weight, rate, success and p99 of both versions") {
    const Terminal plain(TerminalStyle{.live = true});
    const auto lines = live_block(a_release(), plain);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "  ── podinfo Progressing ──");
    CHECK(lines[1] == "  primary  6.1.0        60%  ██████░░░░  12.0 req/s   100% ok  p99    4ms");
    CHECK(lines[2] == "  canary   6.1.1-slow   40%  ████░░░░░░   8.0 req/s  98.7% ok  p99 2177ms");
}

TEST_CASE("the live block fits into 80 columns") {
    auto release = a_release();
    release.primary.weight = 100;
    release.canary->flow.p99_ms = 10000;
    const Terminal plain(TerminalStyle{.live = true});
    for (const auto& line : live_block(release, plain)) CHECK(columns_of(line) < 80);
}

TEST_CASE("figures beyond the thresholds are red") {
    const Terminal terminal(TerminalStyle{.live = true, .colours = true});
    const auto lines = live_block(a_release(), terminal);
    CHECK(lines[1].find("\033[31m") == std::string::npos);
    CHECK(lines[2].find("\033[31m98.7% ok\033[0m") != std::string::npos);
    CHECK(lines[2].find("\033[31mp99 2177ms\033[0m") != std::string::npos);
}

TEST_CASE("between releases no canary is shown") {
    auto release = a_release();
    release.phase = "Succeeded";
    release.canary.reset();
    const Terminal plain(TerminalStyle{.live = true});
    CHECK(live_block(release, plain)[2] == "  canary   none runs");
    CHECK(plain_line(release) == "  primary 6.1.0 60% 12.0 req/s 100% ok p99 4ms");
}

TEST_CASE("failed checks stand beside the phase") {
    auto release = a_release();
    release.failed_checks = 2;
    const Terminal plain(TerminalStyle{.live = true});
    CHECK(live_block(release, plain)[0] == "  ── podinfo Progressing · 2 of 3 failed checks ──");
}

TEST_CASE("what was not measured is not claimed") {
    auto release = a_release();
    release.primary.flow = {};
    release.canary->flow.success_percent = 99.96;
    CHECK(plain_line(release) ==
          "  primary 6.1.0 60% 0.0 req/s – ok p99 – | canary 6.1.1-slow 40% 8.0 req/s 100% ok p99 "
          "2177ms");
}
