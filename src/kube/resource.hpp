// Which kind of object, and which one: the names by which the API server is asked.
#pragma once

#include "base/core/json.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace sluice::kube {

struct Resource {
    std::string group;    // empty for the core group
    std::string version;  // "v1"
    std::string plural;   // "deployments"
    std::string kind;     // "Deployment"
    bool namespaced = true;

    auto operator<=>(const Resource&) const = default;

    // "apps/v1", or "v1" for the core group.
    std::string api_version() const;
    // "deployments.apps", or "pods": the form of error texts.
    std::string qualified() const;
};

struct ObjectKey {
    std::string ns;  // empty for cluster-scoped objects
    std::string name;

    auto operator<=>(const ObjectKey&) const = default;
};
// "prod/web", or "web" for cluster-scoped objects.
std::string to_string(const ObjectKey& key);

// "/apis/apps/v1/namespaces/prod/deployments/web/status"; an empty name is the collection, an empty
// namespace all of them, an empty subresource the object itself. Every part is percent-encoded.
std::string path_of(const Resource& resource,
                    const ObjectKey& key,
                    std::string_view subresource = {});

ObjectKey key_of(const Json& object);
std::string_view uid_of(const Json& object);
std::string_view resource_version_of(const Json& object);

// A controller owner reference to that object (apiVersion, kind, name, uid, controller and
// blockOwnerDeletion true).
Json owner_reference_to(const Resource& resource, const Json& owner);
// The owner reference with controller: true, or null.
const Json* controller_of(const Json& object);

// The kinds that sluice itself reads or writes.
namespace resources {
extern const Resource namespaces, pods, services, endpoints, config_maps, secrets, events, nodes,
    service_accounts;
extern const Resource deployments, replica_sets, daemon_sets, controller_revisions;
extern const Resource horizontal_pod_autoscalers, jobs, endpoint_slices, leases,
    custom_resource_definitions;
extern const Resource canaries, metric_templates, alert_providers;
extern const Resource virtual_services, destination_rules, gateways;  // networking.istio.io/v1beta1
extern const Resource istio_mesh_gateways, istio_control_planes;
extern const Resource http_routes, http_routes_v1beta1;  // gateway.networking.k8s.io
extern const Resource ingresses;
}  // namespace resources

}  // namespace sluice::kube
