#include "lab/mesh/tap.hpp"

#include <chrono>

namespace sluice::mesh {
namespace {

constexpr std::size_t entries_max = 2000;
constexpr int per_second_max = 200;

}  // namespace

void Tap::set_on(bool on) {
    on_.store(on, std::memory_order_relaxed);
    if (on) return;
    const std::lock_guard lock(mutex_);
    entries_.clear();
    dropped_ = 0;
}

bool Tap::may_note(Time now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::lock_guard lock(mutex_);
    if (second != second_) {
        second_ = second;
        in_second_ = 0;
    }
    if (++in_second_ <= per_second_max) return true;
    ++dropped_;
    return false;
}

void Tap::note(TapEntry entry) {
    const std::lock_guard lock(mutex_);
    // Whoever switched it off meanwhile takes nothing any more.
    if (!is_on()) return;
    if (entries_.size() >= entries_max) {
        entries_.pop_front();
        ++dropped_;
    }
    entries_.push_back(std::move(entry));
}

Tap::Taken Tap::take() {
    const std::lock_guard lock(mutex_);
    Taken taken{.entries = {std::make_move_iterator(entries_.begin()),
                            std::make_move_iterator(entries_.end())},
                .dropped = std::exchange(dropped_, 0)};
    entries_.clear();
    return taken;
}

}  // namespace sluice::mesh
