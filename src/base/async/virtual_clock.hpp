// A clock that stands still until everything is idle and then jumps to the earliest sleeper. With
// it a release of half an hour is played in milliseconds, and always the same way.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/signal.hpp"

#include <boost/asio/io_context.hpp>

#include <map>

namespace sluice {

class VirtualClock final : public Clock {
   public:
    VirtualClock(boost::asio::io_context& context, Time start);

    Time now() const override { return now_; }
    Task<> sleep_until(Time when) override;

    // Runs whatever is ready, without moving the clock. Returns when nothing is.
    void settle();
    // Settles, jumps to the earliest sleeper, settles …, and stands at `end` when it returns.
    void run_until(Time end);
    void run_for(Duration duration) { run_until(now_ + duration); }
    // The earliest time somebody waits for; nothing when nobody does.
    std::optional<Time> next_wake() const;

   private:
    boost::asio::io_context& context_;
    Time now_;
    // By time, then in the order in which they came: a run repeats exactly.
    std::multimap<Time, Signal*> sleepers_;
};

}  // namespace sluice
