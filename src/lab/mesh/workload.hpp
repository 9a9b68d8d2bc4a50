// Who somebody is in the mesh: the identity that metrics show and routes ask for, and whether a pod
// belongs to the mesh at all.
#pragma once

#include "base/core/json.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::mesh {

// Sorted by name.
using Labels = std::vector<std::pair<std::string, std::string>>;

Labels labels_of(const JsonObject& object);
// Every wanted label is there with that value.
bool has_labels(const Labels& labels, const Labels& wanted);

// The identity labels of mesh-and-dashboard.md 2.2. Shared between threads, so it never changes.
struct Workload {
    std::string name = "unknown";
    std::string ns = "unknown";
    std::string canonical_service = "unknown";
    std::string canonical_revision = "latest";
    std::string app = "unknown";
    std::string version = "unknown";
    std::string cluster = "unknown";
    Labels labels = {};
    // Has a sidecar, or is a gateway: reports its side of every request.
    bool in_mesh = false;
    // Of what metrics show; equal identities have equal hashes.
    std::uint64_t hash = 0;

    bool same_identity(const Workload& other) const;
    bool operator==(const Workload&) const = default;
};
using WorkloadPtr = std::shared_ptr<const Workload>;

// A caller of whom nothing is known: it has no sidecar.
WorkloadPtr outside();
// By owner and labels; a ReplicaSet's pod shows the name of its Deployment or Rollout.
Workload workload_of_pod(const Json& pod);
Workload workload_named(std::string name, std::string ns, Labels labels);

// Whether the injection webhook gives this pod a sidecar (mesh-and-dashboard.md 3.5). `revision` is
// "<name>.<namespace>" of the control plane; a label that names its plain name counts too.
bool wants_sidecar(const Json& pod, const Json& ns, std::string_view revision);
// Marks a pod that gets one, as the webhook does; membership is decided once, when the pod is made.
void mark_injected(Json& pod, std::string_view revision);
// A pod so marked.
bool has_sidecar(const Json& pod);

}  // namespace sluice::mesh
