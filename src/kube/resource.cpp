#include "kube/resource.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>

namespace sluice::kube {

std::string Resource::api_version() const {
    return group.empty() ? version : group + "/" + version;
}

std::string Resource::qualified() const {
    return group.empty() ? plural : plural + "." + group;
}

std::string to_string(const ObjectKey& key) {
    return key.ns.empty() ? key.name : key.ns + "/" + key.name;
}

std::string path_of(const Resource& resource, const ObjectKey& key, std::string_view subresource) {
    std::string path =
        resource.group.empty() ? "/api/" : "/apis/" + percent_encoded(resource.group) + "/";
    path += percent_encoded(resource.version);
    if (resource.namespaced && !key.ns.empty()) path += "/namespaces/" + percent_encoded(key.ns);
    path += "/" + percent_encoded(resource.plural);
    if (!key.name.empty()) path += "/" + percent_encoded(key.name);
    if (!subresource.empty()) path += "/" + std::string(subresource);
    return path;
}

ObjectKey key_of(const Json& object) {
    return {std::string(text_at(object, {"metadata", "namespace"})),
            std::string(text_at(object, {"metadata", "name"}))};
}

std::string_view uid_of(const Json& object) {
    return text_at(object, {"metadata", "uid"});
}

std::string_view resource_version_of(const Json& object) {
    return text_at(object, {"metadata", "resourceVersion"});
}

Json owner_reference_to(const Resource& resource, const Json& owner) {
    return JsonObject{{"apiVersion", resource.api_version()},
                      {"kind", resource.kind},
                      {"name", text_at(owner, {"metadata", "name"})},
                      {"uid", uid_of(owner)},
                      {"controller", true},
                      {"blockOwnerDeletion", true}};
}

const Json* controller_of(const Json& object) {
    for (const auto& reference : array_at(object, {"metadata", "ownerReferences"})) {
        if (bool_at(reference, {"controller"}).value_or(false)) return &reference;
    }
    return nullptr;
}

namespace resources {
const Resource namespaces{"", "v1", "namespaces", "Namespace", false};
const Resource pods{"", "v1", "pods", "Pod"};
const Resource services{"", "v1", "services", "Service"};
const Resource endpoints{"", "v1", "endpoints", "Endpoints"};
const Resource config_maps{"", "v1", "configmaps", "ConfigMap"};
const Resource secrets{"", "v1", "secrets", "Secret"};
const Resource events{"", "v1", "events", "Event"};
const Resource nodes{"", "v1", "nodes", "Node", false};
const Resource service_accounts{"", "v1", "serviceaccounts", "ServiceAccount"};
const Resource deployments{"apps", "v1", "deployments", "Deployment"};
const Resource replica_sets{"apps", "v1", "replicasets", "ReplicaSet"};
const Resource daemon_sets{"apps", "v1", "daemonsets", "DaemonSet"};
const Resource controller_revisions{"apps", "v1", "controllerrevisions", "ControllerRevision"};
const Resource horizontal_pod_autoscalers{
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"};
const Resource jobs{"batch", "v1", "jobs", "Job"};
const Resource endpoint_slices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"};
const Resource leases{"coordination.k8s.io", "v1", "leases", "Lease"};
const Resource custom_resource_definitions{
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false};
const Resource canaries{"flagger.app", "v1beta1", "canaries", "Canary"};
const Resource metric_templates{"flagger.app", "v1beta1", "metrictemplates", "MetricTemplate"};
const Resource alert_providers{"flagger.app", "v1beta1", "alertproviders", "AlertProvider"};
const Resource virtual_services{
    "networking.istio.io", "v1beta1", "virtualservices", "VirtualService"};
const Resource destination_rules{
    "networking.istio.io", "v1beta1", "destinationrules", "DestinationRule"};
const Resource gateways{"networking.istio.io", "v1beta1", "gateways", "Gateway"};
const Resource istio_mesh_gateways{
    "servicemesh.cisco.com", "v1alpha1", "istiomeshgateways", "IstioMeshGateway"};
const Resource istio_control_planes{
    "servicemesh.cisco.com", "v1alpha1", "istiocontrolplanes", "IstioControlPlane"};
const Resource http_routes{"gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"};
const Resource http_routes_v1beta1{
    "gateway.networking.k8s.io", "v1beta1", "httproutes", "HTTPRoute"};
const Resource ingresses{"networking.k8s.io", "v1", "ingresses", "Ingress"};
}  // namespace resources

}  // namespace sluice::kube
