#include "lab/workloads/pod_runtime.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

namespace sluice::lab {
namespace {

constexpr std::uint32_t addresses_max = 0xFFFE;
// So long a connection kept by somebody could still mean the former pod.
constexpr auto rest = std::chrono::seconds{60};

}  // namespace

void PodRuntime::serve_also(const ContainerId&, const std::string&, std::uint16_t) {}

void PodRuntime::set_fault(const ContainerId&, const PodFault&) {}
std::vector<std::uint16_t> PodRuntime::ports_of(const ContainerId&) const {
    return {};
}

std::optional<std::string> PodAddresses::give() {
    for (std::uint32_t tries = 0; tries < addresses_max; ++tries) {
        last_ = last_ >= addresses_max ? 2 : last_ + 1;
        const auto low = last_ & 0xFFU;
        if (low == 0 || low == 0xFFU) continue;
        const auto known = used_.find(last_);
        if (known != used_.end() && (!known->second || *known->second + rest > clock_.now())) {
            continue;
        }
        used_[last_] = std::nullopt;
        return fmt::format("127.{}.{}.{}", 64 + block_, last_ >> 8U, low);
    }
    return std::nullopt;
}

void PodAddresses::take_back(const std::string& ip) {
    const auto parts = split(ip, '.');
    if (parts.size() != 4) return;
    const auto number =
        parse_integer(parts[2]).value_or(0) * 256 + parse_integer(parts[3]).value_or(0);
    const auto known = used_.find(static_cast<std::uint32_t>(number));
    if (known != used_.end()) known->second = clock_.now();
}

}  // namespace sluice::lab
