#include "lab/mesh/cluster_memory.hpp"

#include "base/async/clock.hpp"
#include "base/async/deadline.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace sluice::mesh {

namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): its memory is held.
Task<Result<void>> notified(Signal& freed) {
    co_await freed.wait();
    co_return Result<void>{};
}

// Counts as waiting for as long as it lives: also when the caller goes away.
struct Waiting {
    explicit Waiting(std::uint64_t& the_count) : count(the_count) { ++count; }
    ~Waiting() { --count; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    std::uint64_t& count;
};

}  // namespace

ClusterMemory::Place::Place(std::shared_ptr<ClusterMemory> memory, Kind kind)
    : memory_(std::move(memory)), kind_(kind) {
    ++(kind_ == Kind::request ? memory_->requests_ : memory_->retries_);
}

ClusterMemory::Place& ClusterMemory::Place::operator=(Place&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(kind_, other.kind_);
    return *this;
}

ClusterMemory::Place::~Place() {
    if (memory_ == nullptr) return;
    --(kind_ == Kind::request ? memory_->requests_ : memory_->retries_);
    if (memory_->freed_) memory_->freed_->notify_all();
}

bool ClusterMemory::has_room(const Limits& limits) const {
    return !limits.requests || requests_ + waiting_ < *limits.requests;
}

bool ClusterMemory::has_connection(const Limits& limits) const {
    return !limits.connections || requests_ < *limits.connections;
}

std::optional<ClusterMemory::Place> ClusterMemory::take_now(
    const std::shared_ptr<ClusterMemory>& memory, const Limits& limits) {
    if (!memory->has_room(limits) || !memory->has_connection(limits)) return std::nullopt;
    return Place(memory, Place::Kind::request);
}

std::optional<ClusterMemory::Place> ClusterMemory::take_retry(
    const std::shared_ptr<ClusterMemory>& memory, const Limits& limits) {
    if (limits.retries && memory->retries_ >= *limits.retries) return std::nullopt;
    return Place(memory, Place::Kind::retry);
}

// The clock outlives every task.
// NOLINTBEGIN(cppcoreguidelines-avoid-reference-coroutine-parameters)
Task<std::optional<ClusterMemory::Place>> ClusterMemory::take(std::shared_ptr<ClusterMemory> memory,
                                                              Clock& clock,
                                                              Limits limits,
                                                              Time until) {
    if (!memory->has_room(limits)) co_return std::nullopt;
    if (!memory->has_connection(limits)) {
        if (limits.pending && memory->waiting_ >= *limits.pending) co_return std::nullopt;
        const Waiting waiting(memory->waiting_);
        if (!memory->freed_) memory->freed_.emplace(co_await boost::asio::this_coro::executor);
        while (!memory->has_connection(limits)) {
            const auto left = until - clock.now();
            if (left <= Duration::zero()) co_return std::nullopt;
            (void)co_await with_deadline(clock, left, notified(*memory->freed_));
        }
        if (clock.now() >= until) co_return std::nullopt;
    }
    co_return Place(std::move(memory), Place::Kind::request);
}
// NOLINTEND(cppcoreguidelines-avoid-reference-coroutine-parameters)

std::vector<const Endpoint*> ClusterMemory::healthy(const OutlierRules& rules,
                                                    std::vector<const Endpoint*> pods,
                                                    Time now) const {
    if (!outliers.has_ejected()) return pods;
    std::vector<const Endpoint*> left;
    for (const auto* pod : pods) {
        if (!outliers.is_ejected(pod->id, now)) left.push_back(pod);
    }
    const auto percent =
        100.0 * static_cast<double>(left.size()) / static_cast<double>(pods.size());
    if (left.empty() || percent < rules.healthy_percent_min) return pods;
    return left;
}

const Endpoint* ClusterMemory::member_of(const ConsistentHash& policy,
                                         const std::vector<const Endpoint*>& pods,
                                         std::uint64_t key) {
    std::uint64_t fingerprint = policy.size * 2 + static_cast<std::uint64_t>(policy.method) + 1;
    for (const auto* pod : pods) fingerprint = (fingerprint ^ pod->id) * 1099511628211ULL;
    if (table_.empty() || fingerprint != table_of_) {
        std::vector<std::string> members;
        members.reserve(pods.size());
        for (const auto* pod : pods)
            members.push_back(pod->address + ":" + std::to_string(pod->port));
        table_ = HashTable(policy, members);
        table_of_ = fingerprint;
    }
    return pods[table_.member_of(key)];
}

}  // namespace sluice::mesh
