#include "release/versions.hpp"

#include "base/core/json.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::release {
namespace {

// "7d9f0c1" of "v2:7d9f0c1…".
std::string short_hash(std::string_view revision) {
    const auto colon = revision.find(':');
    if (colon != std::string_view::npos) revision = revision.substr(colon + 1);
    return std::string(revision.substr(0, 10));
}

std::vector<std::string> images_if_known(const Json* workload) {
    return workload == nullptr ? std::vector<std::string>{} : images_of(*workload);
}

}  // namespace

std::string version_of(std::string_view image) {
    const auto digest = image.find('@');
    const auto name = image.substr(0, digest);
    const auto colon = name.rfind(':');
    if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) {
        return std::string(name.substr(colon + 1));
    }
    if (digest == std::string_view::npos) return "latest";
    const auto hash = image.substr(digest + 1);
    return std::string(hash.substr(hash.find(':') + 1).substr(0, 12));
}

std::vector<std::string> images_of(const Json& workload) {
    std::vector<std::string> images;
    for (const auto& container : array_at(workload, {"spec", "template", "spec", "containers"})) {
        images.emplace_back(text_at(container, {"image"}));
    }
    return images;
}

Versions versions_of(const api::Status& status, const Workloads& workloads) {
    const auto stable = images_if_known(workloads.stable);
    const auto canary = images_if_known(workloads.canary);
    for (std::size_t i = 0; i < std::min(stable.size(), canary.size()); ++i) {
        if (stable[i] == canary[i]) continue;
        Versions versions{version_of(stable[i]), version_of(canary[i])};
        if (versions.stable != versions.canary) return versions;
    }
    const bool are_one = status.last_applied_spec == status.last_promoted_spec;
    Versions versions;
    if (!stable.empty()) versions.stable = version_of(stable.front());
    if (!canary.empty()) versions.canary = version_of(canary.front());
    if (are_one || stable.empty() || canary.empty() || versions.stable != versions.canary) {
        return versions;
    }
    return {short_hash(status.last_promoted_spec), short_hash(status.last_applied_spec)};
}

}  // namespace sluice::release
