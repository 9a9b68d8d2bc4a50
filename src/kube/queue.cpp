#include "kube/queue.hpp"

#include "base/core/duration.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

namespace sluice::kube {
namespace {

// Ends the passes with the loop that started them.
class CancelAtEnd {
   public:
    explicit CancelAtEnd(TaskGroup& group) : group_(group) {}
    CancelAtEnd(const CancelAtEnd&) = delete;
    CancelAtEnd& operator=(const CancelAtEnd&) = delete;
    ~CancelAtEnd() { group_.cancel(); }

   private:
    TaskGroup& group_;
};

// No chance in it, so a run can be repeated; the number of the failure moves it about.
Duration spread(const ObjectKey& key, int failures, Duration pause) {
    constexpr std::uint64_t parts = 1024;
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, draft-eastlake-fnv
    const auto mix = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
    for (const char c : to_string(key)) mix(static_cast<unsigned char>(c));
    mix(static_cast<std::uint64_t>(failures));
    return pause / 5 / parts * static_cast<Duration::rep>(hash % parts);
}

}  // namespace

WorkQueue::WorkQueue(
    Executor executor, Clock& clock, Logger& log, Pass pass, QueueOptions options, Hold hold)
    : clock_(clock),
      log_(log),
      pass_(std::move(pass)),
      options_(options),
      hold_(std::move(hold)),
      signal_(executor),
      added_(executor),
      passes_(std::move(executor)) {}

WorkQueue::~WorkQueue() = default;

// Ended by cancellation only.
Task<> WorkQueue::run() {
    using boost::asio::experimental::awaitable_operators::operator||;
    const CancelAtEnd guard(
        passes_);  // NOLINT(misc-coroutine-hostile-raii): cancels a group, holds no lock
    for (;;) {
        const auto seen = news_;
        start_what_is_due();
        // With every worker busy only the end of a pass changes anything.
        const auto wake = has_place() ? next_wake() : std::nullopt;
        if (wake) {
            co_await (wait_for_news(seen) || clock_.sleep_until(*wake));
        } else {
            co_await wait_for_news(seen);
        }
    }
}

Task<> WorkQueue::drained() {
    co_await passes_.wait();
}

void WorkQueue::start_what_is_due() {
    const auto now = clock_.now();
    while (!wakes_.empty() && wakes_.begin()->first <= now) {
        const auto key = wakes_.begin()->second;
        drop_wake(key);
        add(key);
    }
    while (has_place() && !ready_.empty()) {
        const auto key = std::move(ready_.front());
        ready_.pop_front();
        if (is_ready_.erase(key) == 0) continue;
        // The pass says anew when it wants to be woken.
        drop_wake(key);
        working_.insert(key);
        passes_.spawn("pass over " + to_string(key), perform(key));
    }
}

// The count tells whether something came between the caller's look and this wait.
Task<> WorkQueue::wait_for_news(std::uint64_t seen) {
    while (news_ == seen) co_await signal_.wait();
}

Task<> WorkQueue::perform(ObjectKey key) {
    // What comes after the pass is ours too.
    const auto held = hold_ ? hold_() : nullptr;
    const auto outcome = co_await pass_(key);
    finish(key, outcome);
}

void WorkQueue::finish(const ObjectKey& key, const Result<std::optional<Time>>& outcome) {
    working_.erase(key);
    if (outcome) {
        failures_.erase(key);
        if (const auto when = outcome.value()) wake_at(key, *when);
    } else {
        auto& failures = failures_[key];
        auto pause = options_.backoff;
        for (int i = 0; i < failures && pause < options_.backoff_max; ++i) pause *= 2;
        ++failures;
        pause = std::min(pause, options_.backoff_max);
        pause = std::max(pause, outcome.error().retry_after.value_or(Duration{}));
        pause += spread(key, failures, pause);
        log_.debug(fmt::format("{}; again in {}", outcome.error().message, go_text(pause)),
                   {{"key", to_string(key)}});
        wake_at(key, clock_.now() + pause);
    }
    if (once_more_.erase(key) > 0) add(key);
    news();
}

void WorkQueue::add(const ObjectKey& key) {
    if (working_.contains(key)) {
        once_more_.insert(key);
        added_.notify_all();
        return;
    }
    if (!is_ready_.insert(key).second) return;
    ready_.push_back(key);
    news();
}

void WorkQueue::note_look(const ObjectKey& key) {
    once_more_.erase(key);
}

Task<> WorkQueue::added(ObjectKey key) {
    while (!once_more_.contains(key)) co_await added_.wait();
}

WorkQueue::Aside::Aside(WorkQueue& queue)
    : queue_(queue.aside_ < queue.options_.aside_max ? &queue : nullptr) {
    if (queue_ == nullptr) return;
    ++queue_->aside_;
    queue_->news();
}

WorkQueue::Aside::~Aside() {
    if (queue_ != nullptr) --queue_->aside_;
}

void WorkQueue::wake_at(const ObjectKey& key, Time when) {
    const auto known = wake_of_.find(key);
    if (known != wake_of_.end() && known->second <= when) return;
    drop_wake(key);
    wake_of_[key] = when;
    wakes_.emplace(when, key);
    news();
}

void WorkQueue::drop_wake(const ObjectKey& key) {
    const auto known = wake_of_.find(key);
    if (known == wake_of_.end()) return;
    wakes_.erase({known->second, key});
    wake_of_.erase(known);
}

void WorkQueue::forget(const ObjectKey& key) {
    drop_wake(key);
    is_ready_.erase(key);
    once_more_.erase(key);
    failures_.erase(key);
}

void WorkQueue::news() {
    ++news_;
    signal_.notify_all();
}

std::size_t WorkQueue::waiting() const {
    return is_ready_.size();
}

std::size_t WorkQueue::working() const {
    return working_.size();
}

std::optional<Time> WorkQueue::next_wake() const {
    if (wakes_.empty()) return std::nullopt;
    return wakes_.begin()->first;
}

}  // namespace sluice::kube
