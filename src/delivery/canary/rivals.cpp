#include "delivery/canary/rivals.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <tuple>
#include <utility>

namespace sluice::canary {
namespace {

std::string_view name_of(const Json& canary) {
    return text_at(canary, {"metadata", "name"});
}

// Of one second the uid decides, the same way for both.
auto age_of(const Json& canary) {
    return std::pair(text_at(canary, {"metadata", "creationTimestamp"}),
                     text_at(canary, {"metadata", "uid"}));
}

std::string_view target_of(const Json& canary) {
    return text_at(canary, {"spec", "targetRef", "name"});
}

auto workload_of(const Json& canary) {
    return std::pair(text_at(canary, {"spec", "targetRef", "kind"}), target_of(canary));
}

std::string_view service_of(const Json& canary) {
    const auto name = text_at(canary, {"spec", "service", "name"});
    return name.empty() ? target_of(canary) : name;
}

}  // namespace

std::optional<std::string> older_rival(const Json& canary, const std::vector<Json>& others) {
    const auto ns = text_at(canary, {"metadata", "namespace"});
    for (const auto& other : others) {
        const bool same_target = workload_of(other) == workload_of(canary);
        if (!same_target && service_of(other) != service_of(canary)) continue;
        if (age_of(other) >= age_of(canary)) continue;
        return fmt::format(
            "Found more than one canary with the same {} {}.{}: {}.{} is older, this one holds",
            same_target ? "target" : "service",
            same_target ? target_of(canary) : service_of(canary),
            ns,
            name_of(other),
            ns);
    }
    return std::nullopt;
}

}  // namespace sluice::canary
