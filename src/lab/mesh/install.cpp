#include "lab/mesh/install.hpp"

#include "base/core/text.hpp"
#include "embedded/mesh_kinds.hpp"
#include "istio/validation.hpp"
#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/nginx_controller.hpp"
#include "lab/mesh/table_builder.hpp"
#include "lab/mesh/unbuilt.hpp"
#include "lab/mesh/workload.hpp"

#include <boost/json.hpp>

namespace sluice::mesh {

namespace {

namespace resources = kube::resources;
using lab::Cluster;
using lab::Status;

Result<void> create(Cluster& cluster, const kube::Resource& resource, Json object) {
    const auto name = kube::key_of(object).name;
    const auto made = cluster.create(resource, std::move(object));
    if (made || made.error().reason == "AlreadyExists") return {};
    return Error{ErrorKind::invalid, made.error().message}.with("creating " + resource.kind + " " +
                                                                name);
}

Result<void> create_kinds(Cluster& cluster) {
    for (const auto& file : embedded::mesh_kinds()) {
        const auto documents = parse_json(file.text);
        if (!documents) return documents.error().with("reading " + std::string(file.name));
        for (const auto& document : documents->as_array()) {
            auto made = create(cluster, resources::custom_resource_definitions, document);
            if (!made) return made.error();
        }
    }
    return {};
}

// An admission may warn of what it lets in (cluster.hpp).
std::optional<Status> admitted_with(const std::vector<std::string>& warnings) {
    if (warnings.empty()) return std::nullopt;
    JsonArray texts(warnings.begin(), warnings.end());
    return Status{
        .code = 200, .reason = {}, .message = {}, .details = {{"warnings", std::move(texts)}}};
}

using FaultsOf = std::vector<istio::Fault> (*)(const Json&);
using UnbuiltIn = std::vector<std::string> (*)(const Json&);

std::vector<std::string> texts_of(const std::vector<istio::Fault>& faults) {
    std::vector<std::string> texts;
    texts.reserve(faults.size());
    for (const auto& fault : faults) texts.push_back(fault.text);
    return texts;
}

// As Istio's webhook, and what that admits the lab for itself.
auto admission(FaultsOf faults_of, FaultsOf warnings_of, UnbuiltIn unbuilt_in) {
    return [=](Json& object, const Json*) -> std::optional<Status> {
        auto texts = texts_of(faults_of(object));
        if (texts.empty()) texts = unbuilt_in(object);
        if (texts.empty()) return admitted_with(texts_of(warnings_of(object)));
        return Status{.code = 400, .reason = {}, .message = istio::denial(texts)};
    };
}

}  // namespace

Result<void> install_mesh(Cluster& cluster, const InstallOptions& options) {
    if (auto made = create_kinds(cluster); !made) return made.error();
    cluster.admit(resources::virtual_services,
                  admission(istio::faults_of_virtual_service,
                            istio::warnings_of_virtual_service,
                            unbuilt_in_virtual_service));
    cluster.admit(resources::destination_rules,
                  admission(istio::faults_of_destination_rule,
                            istio::warnings_of_destination_rule,
                            unbuilt_in_destination_rule));
    cluster.admit(
        resources::gateways,
        admission(istio::faults_of_gateway, istio::warnings_of_gateway, unbuilt_in_gateway));
    cluster.admit(
        resources::istio_mesh_gateways, [](Json& object, const Json*) -> std::optional<Status> {
            const auto texts = unbuilt_in_mesh_gateway(object);
            if (texts.empty()) return std::nullopt;
            return Status{.code = 400, .reason = "BadRequest", .message = joined(texts, "; ")};
        });

    const auto revision = revision_of(options.control_plane, "istio-system");
    cluster.admit(resources::pods,
                  [&cluster, revision](Json& pod, const Json* before) -> std::optional<Status> {
                      if (before != nullptr) return std::nullopt;
                      const auto ns =
                          cluster.find(resources::namespaces,
                                       {"", std::string(text_at(pod, {"metadata", "namespace"}))});
                      if (ns != nullptr && wants_sidecar(pod, *ns, revision))
                          mark_injected(pod, revision);
                      return std::nullopt;
                  });

    // As Istio does when the Gateway API is there.
    Json entry_class{{"apiVersion", "gateway.networking.k8s.io/v1"},
                     {"kind", "GatewayClass"},
                     {"metadata", {{"name", "istio"}}},
                     {"spec", {{"controllerName", "istio.io/gateway-controller"}}}};
    if (auto made = create(cluster, gateway_classes, std::move(entry_class)); !made)
        return made.error();

    Json nginx_class{{"metadata", {{"name", "nginx"}}},
                     {"spec", {{"controller", "k8s.io/ingress-nginx"}}}};
    if (auto made = create(cluster, ingress_classes, std::move(nginx_class)); !made)
        return made.error();

    Json plane{{"apiVersion", "servicemesh.cisco.com/v1alpha1"},
               {"kind", "IstioControlPlane"},
               {"metadata", {{"name", options.control_plane}, {"namespace", "istio-system"}}},
               {"spec", {{"version", "1.12.5"}, {"mode", "ACTIVE"}, {"networkName", "network1"}}}};
    if (auto made = create(cluster, resources::istio_control_planes, std::move(plane)); !made)
        return made.error();
    const Json status{{"status", {{"status", "Available"}, {"injectionNamespaces", JsonArray{}}}}};
    const auto available = cluster.patch(resources::istio_control_planes,
                                         {"istio-system", options.control_plane},
                                         lab::PatchKind::merge,
                                         status,
                                         {.subresource = lab::Subresource::status});
    if (!available)
        return Error{ErrorKind::invalid, available.error().message}.with(
            "writing the status of IstioControlPlane " + options.control_plane);
    return {};
}

}  // namespace sluice::mesh
