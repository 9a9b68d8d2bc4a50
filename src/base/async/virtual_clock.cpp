#include "base/async/virtual_clock.hpp"

namespace sluice {
namespace {

// Takes the sleeper out again however the wait ends.
class Registration {
   public:
    Registration(std::multimap<Time, Signal*>& sleepers, Time when, Signal& signal)
        : sleepers_(sleepers), signal_(&signal) {
        sleepers_.emplace(when, signal_);
    }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    ~Registration() {
        std::erase_if(sleepers_, [this](const auto& sleeper) { return sleeper.second == signal_; });
    }

   private:
    std::multimap<Time, Signal*>& sleepers_;
    Signal* signal_;
};

}  // namespace

VirtualClock::VirtualClock(boost::asio::io_context& context, Time start)
    : context_(context), now_(start) {}

Task<> VirtualClock::sleep_until(Time when) {
    if (when <= now_) co_return;
    Signal signal(context_.get_executor());
    const Registration registration(sleepers_, when, signal);
    co_await signal.wait();
}

void VirtualClock::settle() {
    context_.restart();
    while (context_.poll() > 0) context_.restart();
}

void VirtualClock::run_until(Time end) {
    settle();
    while (!sleepers_.empty() && sleepers_.begin()->first <= end) {
        now_ = std::max(now_, sleepers_.begin()->first);
        // One at a time: what the first does may end the wait of the next.
        auto* signal = sleepers_.begin()->second;
        sleepers_.erase(sleepers_.begin());
        signal->notify_all();
        settle();
    }
    now_ = std::max(now_, end);
}

std::optional<Time> VirtualClock::next_wake() const {
    if (sleepers_.empty()) return std::nullopt;
    return sleepers_.begin()->first;
}

}  // namespace sluice
