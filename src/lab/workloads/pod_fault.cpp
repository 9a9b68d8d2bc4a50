#include "lab/workloads/pod_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::lab {
namespace {

// Steps of this size fill 0..1 evenly, however many are taken.
constexpr double golden_step = 0.6180339887498949;
constexpr double rounding = 1e-9;
// Who hangs looks so often whether it still does. Callers have given up long before the limit; it
// bounds how many are held.
constexpr Duration hang_look = std::chrono::seconds{1};
constexpr Duration hang_limit = std::chrono::minutes{1};

Duration latency_at(const PodFault& fault, double place) {
    if (place <= 0.5) return fault.p50;
    const double part = std::min((place - 0.5) / 0.49, 1.0);
    const auto spread = std::chrono::duration<double, std::nano>(fault.p99 - fault.p50) * part;
    return fault.p50 + std::chrono::duration_cast<Duration>(spread);
}

net::Response answer_of(int status, std::string_view message) {
    net::Response response;
    response.status = status;
    response.headers.set("Content-Type", "application/json; charset=utf-8");
    response.body =
        fmt::format("{{\n  \"code\": {},\n  \"message\": \"{}\"\n}}\n", status, message);
    return response;
}

}  // namespace

void AppFaults::begin(const PodFault& fault, Time now) {
    set(fault);
    started_ = now + fault.slow_start;
}

void AppFaults::set(const PodFault& fault) {
    fault_ = fault;
    if (fault.slow_start == Duration{}) started_ = Time{};
    place_ = 0;
    failed_ = 0;
}

AppFaults::Strike AppFaults::next(const net::Request& request, Time now) {
    if (fault_.is_none()) return {};
    if (fault_.hangs) return {.hangs = true};
    if (now < started_) return {.starts = true};
    const auto agent = request.headers.get("user-agent").value_or("");
    if (agent.starts_with("kube-probe/") || agent.starts_with("Prometheus/")) return {};
    place_ = std::fmod(place_ + golden_step, 1.0);
    failed_ += fault_.error_ratio;
    const bool fails = failed_ >= 1 - rounding;
    if (fails) failed_ -= 1;
    return {.later = latency_at(fault_, place_), .fails = fails};
}

Task<std::optional<net::Response>> suffer(std::shared_ptr<const AppFaults> faults,
                                          AppFaults::Strike strike,
                                          Clock* clock) {
    if (strike.starts) co_return answer_of(503, "it is starting, slowly: a fault of the lab");
    if (strike.hangs) {
        const auto end = clock->now() + hang_limit;
        while (faults->hangs() && clock->now() < end) co_await clock->sleep_for(hang_look);
        // What has been stuck goes on where it was.
        if (!faults->hangs()) co_return std::nullopt;
        co_return answer_of(500, "it hangs: a fault of the lab");
    }
    if (strike.later > Duration{}) co_await clock->sleep_for(strike.later);
    if (strike.fails) co_return answer_of(500, "a fault of the lab");
    co_return std::nullopt;
}

}  // namespace sluice::lab
