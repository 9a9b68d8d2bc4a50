#include "app/real_world.hpp"

#include "base/async/forget_wait.hpp"
#include "base/async/wall_time.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <time.h>

#include <chrono>
#include <random>

namespace sluice {
namespace {

class RealClock final : public Clock {
   public:
    Time now() const override { return time_.at(passed(), std::chrono::system_clock::now()); }

    Task<> sleep_until(Time when) override {
        const auto left = when - now();
        if (left <= Duration{0}) co_return;
        const ForgetWait forget((co_await boost::asio::this_coro::cancellation_state).slot());
        boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
        timer.expires_after(left);
        co_await timer.async_wait(boost::asio::use_awaitable);
    }

   private:
    // Counts what the machine has slept, too: then the wall clock has gone on rightly.
    static Duration passed() {
        timespec time{};
        ::clock_gettime(CLOCK_BOOTTIME, &time);
        return std::chrono::seconds{time.tv_sec} + Duration{time.tv_nsec};
    }

    mutable WallTime time_{passed(), std::chrono::system_clock::now()};
};

}  // namespace

std::unique_ptr<Clock> make_real_clock() {
    return std::make_unique<RealClock>();
}

std::unique_ptr<Random> make_real_random() {
    std::random_device device;
    const auto high = static_cast<std::uint64_t>(device());
    return std::make_unique<SeededRandom>(high << 32U | device());
}

}  // namespace sluice
