// What the two versions of a release are called. Pure.
#pragma once

#include "api/canary.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::release {

// The tag of an image, or what stands for one.
std::string version_of(std::string_view image);
// Those of a workload's containers, in their order.
std::vector<std::string> images_of(const Json& workload);

// Empty where one is not known.
struct Versions {
    std::string stable, canary;
};
// The Deployments or DaemonSets of the two; null where one is not known.
struct Workloads {
    const Json* stable = nullptr;
    const Json* canary = nullptr;
};
// By the image that differs; equal tags say nothing, then the revision does.
Versions versions_of(const api::Status& status, const Workloads& workloads);

}  // namespace sluice::release
