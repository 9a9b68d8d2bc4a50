// Which releases a person should look at, and what is offered beside them.
#include "release/attention.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::release;
using namespace std::chrono_literals;
using Words = std::vector<std::string_view>;

namespace {

constexpr Time now{std::chrono::seconds{1767225600}};  // 2026-01-01T00:00:00Z

api::Canary a_canary(api::Phase phase) {
    api::Canary canary;
    canary.ns = "test";
    canary.name = "podinfo";
    canary.progress_deadline = 10min;
    canary.status.phase = phase;
    canary.status.last_applied_spec = "v2:ab";
    return canary;
}

}  // namespace

TEST_CASE("whatever does not go well needs a person, a failure for an hour") {
    const auto running = a_canary(api::Phase::progressing);
    CHECK_FALSE(needs_a_person(Severity::ok, running, {now, now}));
    CHECK_FALSE(needs_a_person(Severity::progress, running, {now, now}));
    for (const auto bad : {Severity::waiting, Severity::warning, Severity::failure}) {
        CHECK(needs_a_person(bad, running, {now - 48h, now}));
    }
    const auto failed = a_canary(api::Phase::failed);
    CHECK(needs_a_person(Severity::failure, failed, {now - 59min, now}));
    CHECK_FALSE(needs_a_person(Severity::failure, failed, {now - 1h, now}));
}

TEST_CASE("time alone changes what is said at the end of a failure's hour, and of a wait") {
    CHECK_FALSE(stale_at(a_canary(api::Phase::progressing), {now, now}));
    const auto failed = a_canary(api::Phase::failed);
    CHECK(stale_at(failed, {now - 20min, now}) == now + 40min);
    CHECK_FALSE(stale_at(failed, {now - 2h, now}));
    auto waiting = a_canary(api::Phase::progressing);
    waiting.status.unready_since = now - 1min;
    CHECK(stale_at(waiting, {now - 1min, now}) == now + 9min + 1ms);
    waiting.status.unready_since = now - 11min;
    CHECK_FALSE(stale_at(waiting, {now, now}));
}

TEST_CASE("what fails is stopped first, what waits is let on first, and nothing else is offered") {
    const auto running = a_canary(api::Phase::progressing);
    CHECK(offers(Severity::failure, running) == Words{"abort", "pause", "promote"});
    const auto waiting = a_canary(api::Phase::waiting_promotion);
    CHECK(offers(Severity::waiting, waiting) == Words{"step", "promote", "abort", "pause"});
    auto paused = a_canary(api::Phase::progressing);
    paused.suspended = true;
    CHECK(offers(Severity::waiting, paused) == Words{"promote", "resume", "abort"});
    CHECK(offers(Severity::failure, a_canary(api::Phase::failed)) == Words{"retry"});
    CHECK(offers(Severity::ok, a_canary(api::Phase::succeeded)).empty());
}
