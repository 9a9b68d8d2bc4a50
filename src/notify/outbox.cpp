#include "notify/outbox.hpp"

#include <utility>

namespace sluice::notify {

Outbox::Outbox(Executor executor, OutboxOptions options, Hold hold)
    : options_(options), hold_(std::move(hold)), deliveries_(std::move(executor)) {}

void Outbox::post(const std::string& line, Task<> delivery) {
    auto& place = lines_[line];
    if (place.waiting.size() >= options_.line_max) {
        place.waiting.pop_front();
        --pending_;
        ++dropped_;
        if (on_dropped_) on_dropped_(line);
    }
    place.waiting.push_back(std::move(delivery));
    ++pending_;
    if (!place.busy) {
        place.busy = true;
        turns_.push_back(line);
    }
    start_what_may();
}

void Outbox::start_what_may() {
    while (under_way_ < options_.at_once_max && !turns_.empty()) {
        auto line = std::move(turns_.front());
        turns_.pop_front();
        auto& waiting = lines_[line].waiting;
        auto delivery = std::move(waiting.front());
        waiting.pop_front();
        ++under_way_;
        deliveries_.spawn("telling " + line,
                          deliver(hold_ ? hold_() : nullptr, line, std::move(delivery)));
    }
}

// One of a line, then the line stands at the end of the turns: none holds up the others for longer.
Task<> Outbox::deliver(std::shared_ptr<const void> /*hold*/, std::string line, Task<> delivery) {
    co_await std::move(delivery);
    --under_way_;
    --pending_;
    const auto place = lines_.find(line);
    if (place != lines_.end() && place->second.waiting.empty()) {
        lines_.erase(place);
    } else if (place != lines_.end()) {
        turns_.push_back(line);
    }
    start_what_may();
}

void Outbox::cancel() {
    lines_.clear();
    turns_.clear();
    pending_ = under_way_;
    deliveries_.cancel();
}

Task<> Outbox::wait() {
    return deliveries_.wait();
}

}  // namespace sluice::notify
