// What is served, as clients ask for it: one aggregated document each for /api and /apis, or one
// document per group and per version (kubernetes.md B.2).
#pragma once

#include "lab/apiserver/kinds.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

inline constexpr std::string_view group_discovery_media_type =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

struct ServedSubresource {
    std::string name;
    Resource responds_with;  // group, version and kind of its answer
    std::vector<std::string> verbs;
};
std::vector<ServedSubresource> subresources_of(const Kind& kind, const KindVersion& version);

// A kind under one of the group-versions in which it is served.
struct ServedKind {
    const Kind* kind;
    const KindVersion* version;
};
struct ServedVersion {
    std::string name;
    std::vector<ServedKind> kinds = {};
};
struct ServedGroup {
    std::string name;                          // empty for the core group
    std::vector<ServedVersion> versions = {};  // the preferred one first
};
// The core group first. A group's versions stand in Kubernetes' order: stable, beta, alpha, and
// higher numbers first.
std::vector<ServedGroup> served_groups(const KindTable& kinds);

// APIGroupDiscoveryList of /api (the core group alone) or of /apis (the others).
enum class DiscoveryRoot { api, apis };
Json group_discovery(const KindTable& kinds, DiscoveryRoot root);

// "/api"
Json api_versions();
// "/apis"
Json api_group_list(const KindTable& kinds);
// "/apis/<group>"; nothing when there is no such group.
std::optional<Json> api_group(const KindTable& kinds, std::string_view group);
// "/api/v1" and "/apis/<group>/<version>".
std::optional<Json> api_resource_list(const KindTable& kinds,
                                      std::string_view group,
                                      std::string_view version);

}  // namespace sluice::lab
