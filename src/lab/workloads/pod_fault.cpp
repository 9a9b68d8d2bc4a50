#include "lab/workloads/pod_fault.hpp"

#include <cmath>

namespace sluice::lab {
namespace {

// Steps of this size fill 0..1 evenly, however many are taken.
constexpr double golden_step = 0.6180339887498949;
constexpr double rounding = 1e-9;

Duration latency_at(const PodFault& fault, double place) {
    if (place <= 0.5) return fault.p50;
    const double part = std::min((place - 0.5) / 0.49, 1.0);
    const auto spread = std::chrono::duration<double, std::nano>(fault.p99 - fault.p50) * part;
    return fault.p50 + std::chrono::duration_cast<Duration>(spread);
}

}  // namespace

void AppFaults::set(const PodFault& fault) {
    fault_ = fault;
    place_ = 0;
    failed_ = 0;
}

AppFaults::Strike AppFaults::next(const net::Request& request) {
    if (fault_.is_none()) return {};
    const auto agent = request.headers.get("user-agent").value_or("");
    if (agent.starts_with("kube-probe/") || agent.starts_with("Prometheus/")) return {};
    place_ = std::fmod(place_ + golden_step, 1.0);
    failed_ += fault_.error_ratio;
    const bool fails = failed_ >= 1 - rounding;
    if (fails) failed_ -= 1;
    return {latency_at(fault_, place_), fails};
}

net::Response fault_answer() {
    net::Response response;
    response.status = 500;
    response.headers.set("Content-Type", "application/json; charset=utf-8");
    response.body = "{\n  \"code\": 500,\n  \"message\": \"a fault of the lab\"\n}\n";
    return response;
}

}  // namespace sluice::lab
