#include "lab/workloads/key_queue.hpp"

#include "base/async/task_group.hpp"

#include <boost/asio/post.hpp>

#include <deque>
#include <map>
#include <set>

namespace sluice::lab {

using kube::ObjectKey;

struct KeyQueue::State {
    State(Executor where, Clock& times, Work what)
        : executor(where), clock(times), work(std::move(what)), timers(std::move(where)) {}

    Executor executor;
    Clock& clock;
    Work work;
    std::deque<ObjectKey> ready;
    std::set<ObjectKey> queued;
    std::map<ObjectKey, Time> due_of;
    std::set<std::pair<Time, ObjectKey>> due;
    // When somebody wakes already; a new timer is only started for an earlier time.
    std::multiset<Time> wakes;
    bool draining = false;
    TaskGroup timers;
};

namespace {

template <typename State>
void drain(const std::shared_ptr<State>& state) {
    // What is added meanwhile waits for the next turn, so that others get theirs.
    for (auto turns = state->ready.size(); turns > 0 && state->work; --turns) {
        const auto key = std::move(state->ready.front());
        state->ready.pop_front();
        state->queued.erase(key);
        state->work(key);
    }
    state->draining = false;
}

template <typename State>
void schedule(const std::shared_ptr<State>& state) {
    if (state->draining || state->ready.empty() || !state->work) return;
    state->draining = true;
    boost::asio::post(state->executor, [state] {
        drain(state);
        schedule(state);
    });
}

template <typename State>
void add_ready(const std::shared_ptr<State>& state, const ObjectKey& key) {
    if (!state->queued.insert(key).second) return;
    state->ready.push_back(key);
    schedule(state);
}

template <typename State>
void arm(const std::shared_ptr<State>& state);

template <typename State>
Task<> wake_at(std::shared_ptr<State> state, Time when) {
    co_await state->clock.sleep_until(when);
    state->wakes.erase(state->wakes.find(when));
    while (!state->due.empty() && state->due.begin()->first <= state->clock.now()) {
        const auto key = state->due.begin()->second;
        state->due.erase(state->due.begin());
        state->due_of.erase(key);
        add_ready(state, key);
    }
    arm(state);
}

template <typename State>
void arm(const std::shared_ptr<State>& state) {
    if (state->due.empty() || !state->work) return;
    const auto when = state->due.begin()->first;
    if (!state->wakes.empty() && *state->wakes.begin() <= when) return;
    state->wakes.insert(when);
    state->timers.spawn("lab timer", wake_at(state, when));
}

}  // namespace

KeyQueue::KeyQueue(Executor executor, Clock& clock, Work work)
    : state_(std::make_shared<State>(std::move(executor), clock, std::move(work))) {}

KeyQueue::~KeyQueue() {
    state_->work = nullptr;
    state_->timers.cancel();
}

void KeyQueue::add(const ObjectKey& key) {
    add_ready(state_, key);
}

void KeyQueue::add_at(const ObjectKey& key, Time when) {
    const auto known = state_->due_of.find(key);
    if (known != state_->due_of.end()) {
        if (known->second <= when) return;
        state_->due.erase({known->second, key});
    }
    state_->due_of[key] = when;
    state_->due.emplace(when, key);
    arm(state_);
}

}  // namespace sluice::lab
