// A new image for one container of a release's target: what kubectl set image does. Pure.
#pragma once

#include "api/canary.hpp"
#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::release {

struct ContainerImage {
    std::string container;
    std::string image;

    bool operator==(const ContainerImage&) const = default;
};
// Of the workload's template, its init containers last.
std::vector<ContainerImage> container_images(const Json& workload);

// "registry.example:5000/team/web:2.1@sha256:…", with tag and digest or without.
bool is_image_reference(std::string_view text);

// Why this cannot be, in one line; empty when it can.
std::string objection_to_image(const ContainerImage& wanted,
                               const Json& workload,
                               const api::Canary& canary);
// What becomes of a release that is under way, or of one that rests, with a new image: "begins the
// analysis anew with it".
std::string_view consequence_of_image(const api::Canary& canary);

// A JSON patch that writes nothing else, and nothing at all where the containers stand otherwise by
// then. For a container that is there.
Json image_patch(const ContainerImage& wanted, const Json& workload);

}  // namespace sluice::release
