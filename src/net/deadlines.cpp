#include "net/deadlines.hpp"

#include <algorithm>
#include <set>

namespace sluice::net {

struct Deadlines::State : std::enable_shared_from_this<State> {
    State(Executor executor, Clock& the_clock) : clock(the_clock), sleepers(std::move(executor)) {}

    void place(Entry& entry, Time when);
    void wake_by(Time when);
    void let_pass(Time now);

    Clock& clock;
    std::multimap<Time, Entry*> entries;
    // When the sleepers wake. An earlier deadline gets a sleeper of its own, so there are about as
    // many as there are lengths of deadlines.
    std::multiset<Time> wakes;
    TaskGroup sleepers;
    bool ended = false;
};

Deadlines::Deadlines(Executor executor, Clock& clock)
    : state_(std::make_shared<State>(std::move(executor), clock)) {}

void Deadlines::end() {
    state_->ended = true;
    state_->sleepers.cancel();
}

void Deadlines::State::place(Entry& entry, Time when) {
    if (entry.is_placed_) {
        auto node = entries.extract(entry.place_);
        node.key() = when;
        entry.place_ = entries.insert(std::move(node));
    } else {
        entry.place_ = entries.emplace(when, &entry);
        entry.is_placed_ = true;
    }
}

void Deadlines::State::wake_by(Time when) {
    if (!wakes.empty() && *wakes.begin() <= when) return;
    wakes.insert(when);
    sleepers.spawn("deadlines", sleep(shared_from_this(), when));
}

// Ends when nothing is left to wait for, or when another sleeper wakes first.
Task<> Deadlines::sleep(std::shared_ptr<State> state, Time until) {
    for (;;) {
        co_await state->clock.sleep_until(until);
        if (state->ended) co_return;
        if (const auto mine = state->wakes.find(until); mine != state->wakes.end()) {
            state->wakes.erase(mine);
        }
        // The wall clock may have been set back while we slept; what was slept for has come.
        state->let_pass(std::max(state->clock.now(), until));
        if (state->entries.empty()) co_return;
        until = state->entries.begin()->first;
        if (!state->wakes.empty() && *state->wakes.begin() <= until) co_return;
        state->wakes.insert(until);
    }
}

void Deadlines::State::let_pass(Time now) {
    while (!entries.empty() && entries.begin()->first <= now) {
        auto& entry = *entries.begin()->second;
        if (entry.due_ == Time::max()) {
            entry.leave();
        } else if (entry.due_ > now) {
            place(entry, entry.due_);
        } else {
            entry.leave();
            entry.due_ = Time::max();
            // The entry may be gone before this returns.
            const auto passed = entry.passed_;
            passed();
        }
    }
}

Deadlines::Entry::Entry(const Deadlines& deadlines, std::function<void()> passed)
    : state_(deadlines.state_), passed_(std::move(passed)) {}

Deadlines::Entry::~Entry() {
    leave();
    // Nothing is left to wait for: let the context run dry.
    if (state_->entries.empty() && !state_->wakes.empty()) {
        state_->wakes.clear();
        state_->sleepers.cancel();
    }
}

void Deadlines::Entry::arm(Time due) {
    due_ = due;
    if (state_->ended || due == Time::max() || (is_placed_ && place_->first <= due)) return;
    state_->place(*this, due);
    state_->wake_by(due);
}

void Deadlines::Entry::arm_in(Duration wait) {
    arm(state_->clock.now() + wait);
}

void Deadlines::Entry::leave() {
    if (!is_placed_) return;
    state_->entries.erase(place_);
    is_placed_ = false;
}

}  // namespace sluice::net
