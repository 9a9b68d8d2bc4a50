#include "lab/mesh/gateway_objects.hpp"

#include "lab/mesh/table_builder.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::mesh {

namespace {

namespace resources = kube::resources;

const kube::Resource roles{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
const kube::Resource role_bindings{
    "rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"};
const kube::Resource disruption_budgets{
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};

JsonObject as_object(const Labels& labels) {
    JsonObject object;
    for (const auto& [name, value] : labels) object[name] = value;
    return object;
}

// Without the labels that are of pods only.
JsonObject deployment_labels(const Json& gateway) {
    auto labels = gateway_pod_labels(gateway);
    const auto& of_pods = object_at(gateway, {"spec", "deployment", "podMetadata", "labels"});
    const auto& of_all = object_at(gateway, {"spec", "deployment", "metadata", "labels"});
    std::erase_if(labels, [&](const auto& label) {
        static const std::vector<std::string> ours{
            "gateway-name", "gateway-type", "release", "istio.io/rev"};
        return of_pods.contains(label.first) && !of_all.contains(label.first) &&
               std::find(ours.begin(), ours.end(), label.first) == ours.end();
    });
    return as_object(labels);
}

struct Maker {
    const Json& gateway;
    std::string name, ns;
    JsonObject labels = deployment_labels(gateway);
    JsonObject pod_labels = as_object(gateway_pod_labels(gateway));
    std::vector<WantedObject> made = {};

    void add(const kube::Resource& resource, const std::string& object_name, Json object) {
        object.get_object()["apiVersion"] = resource.api_version();
        object.get_object()["kind"] = resource.kind;
        put(object, {"metadata", "name"}, Json(object_name));
        put(object, {"metadata", "namespace"}, Json(ns));
        auto all = object_at(object, {"metadata", "labels"});
        for (const auto& [label, value] : labels) all[label] = value;
        put(object, {"metadata", "labels"}, all);
        put(object,
            {"metadata", "ownerReferences"},
            JsonArray{kube::owner_reference_to(resources::istio_mesh_gateways, gateway)});
        made.push_back({resource, std::move(object)});
    }

    void add_access() {
        const auto account = name + "-service-account", role = name + "-sds";
        add(resources::service_accounts, account, JsonObject{});
        add(roles,
            role,
            JsonObject{{"rules",
                        JsonArray{JsonObject{{"apiGroups", JsonArray{""}},
                                             {"resources", JsonArray{"secrets"}},
                                             {"verbs", JsonArray{"get", "watch", "list"}}}}}});
        add(role_bindings,
            role,
            JsonObject{
                {"roleRef",
                 {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", role}}},
                {"subjects",
                 JsonArray{JsonObject{
                     {"kind", "ServiceAccount"}, {"name", account}, {"namespace", ns}}}}});
    }

    void add_service() {
        JsonArray ports;
        for (const auto& port : array_at(gateway, {"spec", "service", "ports"})) {
            JsonObject made_port{{"protocol", text_at(port, {"protocol"}, "TCP")},
                                 {"port", *find(port, {"port"})}};
            for (const auto field : {"name", "nodePort"}) {
                if (const auto* value = find(port, {field})) made_port[field] = *value;
            }
            const auto* target = find(port, {"targetPort"});
            made_port["targetPort"] = target == nullptr ? *find(port, {"port"}) : *target;
            ports.push_back(std::move(made_port));
        }
        Json service = JsonObject{
            {"metadata",
             {{"annotations", object_at(gateway, {"spec", "service", "metadata", "annotations"})},
              {"labels", object_at(gateway, {"spec", "service", "metadata", "labels"})}}},
            {"spec",
             {{"type", text_at(gateway, {"spec", "service", "type"})},
              {"ports", std::move(ports)},
              {"selector", pod_labels}}}};
        for (const auto field : {"loadBalancerIP",
                                 "loadBalancerSourceRanges",
                                 "externalTrafficPolicy",
                                 "clusterIP",
                                 "sessionAffinity"}) {
            if (const auto* value = find(gateway, {"spec", "service", field}))
                put(service, {"spec", field}, *value);
        }
        add(resources::services, name, std::move(service));
    }

    JsonObject container() const {
        JsonArray ports;
        for (const auto& port : array_at(gateway, {"spec", "service", "ports"})) {
            const auto number = integer_at(port, {"port"}).value_or(0);
            ports.push_back(
                JsonObject{{"containerPort", integer_at(port, {"targetPort"}).value_or(number)},
                           {"protocol", text_at(port, {"protocol"}, "TCP")}});
        }
        const std::pair<int, const char*> own[]{
            {15020, "http-int-debug"}, {15021, "http-ext-health"}, {15090, "http-envoy-prom"}};
        for (const auto& [number, port_name] : own) {
            ports.push_back(
                JsonObject{{"containerPort", number}, {"protocol", "TCP"}, {"name", port_name}});
        }
        JsonObject made_container{{"name", "istio-proxy"},
                                  {"image", "auto"},
                                  {"ports", std::move(ports)},
                                  {"securityContext",
                                   {{"allowPrivilegeEscalation", false},
                                    {"capabilities", {{"drop", JsonArray{"ALL"}}}},
                                    {"privileged", false},
                                    {"readOnlyRootFilesystem", true}}},
                                  {"resources",
                                   {{"requests", {{"cpu", "100m"}, {"memory", "128Mi"}}},
                                    {"limits", {{"cpu", "2"}, {"memory", "1Gi"}}}}}};
        if (const auto* wanted = find(gateway, {"spec", "deployment", "resources"}))
            made_container["resources"] = *wanted;
        auto env = array_at(gateway, {"spec", "deployment", "env"});
        if (const auto as_root = bool_at(gateway, {"spec", "runAsRoot"}); as_root && !*as_root)
            env.push_back(JsonObject{{"name", "ISTIO_META_UNPRIVILEGED_POD"}, {"value", "true"}});
        if (!env.empty()) made_container["env"] = std::move(env);
        return made_container;
    }

    void add_deployment(bool is_autoscaled) {
        auto template_labels = pod_labels;
        template_labels["sidecar.istio.io/inject"] = "true";
        auto annotations = object_at(gateway, {"spec", "deployment", "podMetadata", "annotations"});
        for (const auto& [annotation, value] :
             std::initializer_list<std::pair<std::string_view, std::string_view>>{
                 {"sidecar.istio.io/inject", "true"},
                 {"inject.istio.io/templates", "gateway"},
                 {"prometheus.io/scrape", "true"},
                 {"prometheus.io/port", "15020"},
                 {"prometheus.io/path", "/stats/prometheus"}})
            annotations[annotation] = value;
        if (const auto image = text_at(gateway, {"spec", "deployment", "image"}); !image.empty())
            annotations["sidecar.istio.io/proxyImage"] = image;

        JsonObject pod_spec{{"serviceAccountName", name + "-service-account"},
                            {"containers", JsonArray{container()}},
                            {"securityContext",
                             {{"runAsUser", 1337},
                              {"runAsGroup", 1337},
                              {"runAsNonRoot", true},
                              {"fsGroup", 1337}}}};
        for (const auto field : {"nodeSelector",
                                 "affinity",
                                 "tolerations",
                                 "topologySpreadConstraints",
                                 "priorityClassName",
                                 "imagePullSecrets",
                                 "volumes",
                                 "securityContext"}) {
            if (const auto* value = find(gateway, {"spec", "deployment", field}))
                pod_spec[field] = *value;
        }
        JsonObject strategy{{"type", "RollingUpdate"},
                            {"rollingUpdate", {{"maxSurge", "100%"}, {"maxUnavailable", "25%"}}}};
        if (const auto* wanted = find(gateway, {"spec", "deployment", "deploymentStrategy"});
            wanted != nullptr && wanted->is_object() && !wanted->get_object().empty())
            strategy = wanted->get_object();
        JsonObject spec{
            {"selector", {{"matchLabels", pod_labels}}},
            {"strategy", std::move(strategy)},
            {"template",
             {{"metadata", {{"labels", template_labels}, {"annotations", std::move(annotations)}}},
              {"spec", std::move(pod_spec)}}}};
        if (!is_autoscaled)
            spec["replicas"] =
                integer_at(gateway, {"spec", "deployment", "replicas", "count"}).value_or(1);
        add(resources::deployments,
            name,
            JsonObject{{"metadata",
                        {{"annotations",
                          object_at(gateway, {"spec", "deployment", "metadata", "annotations"})}}},
                       {"spec", std::move(spec)}});
    }

    void add_autoscaler(std::int64_t min, std::int64_t max) {
        const auto target =
            integer_at(gateway,
                       {"spec", "deployment", "replicas", "targetCPUUtilizationPercentage"})
                .value_or(80);
        add(resources::horizontal_pod_autoscalers,
            name,
            JsonObject{{"spec",
                        {{"scaleTargetRef",
                          {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", name}}},
                         {"minReplicas", min},
                         {"maxReplicas", max},
                         {"metrics",
                          JsonArray{JsonObject{{"type", "Resource"},
                                               {"resource",
                                                {{"name", "cpu"},
                                                 {"target",
                                                  {{"type", "Utilization"},
                                                   {"averageUtilization", target}}}}}}}}}}});
    }

    void add_disruption_budget() {
        for (const auto field : {"minAvailable", "maxUnavailable"}) {
            const auto* value = find(gateway, {"spec", "deployment", "podDisruptionBudget", field});
            if (value == nullptr || (value->is_int64() && value->get_int64() <= 0)) continue;
            add(disruption_budgets,
                name,
                JsonObject{
                    {"spec", {{field, *value}, {"selector", {{"matchLabels", pod_labels}}}}}});
            return;
        }
    }
};

}  // namespace

std::vector<WantedObject> objects_of_gateway(const Json& mesh_gateway) {
    const auto key = kube::key_of(mesh_gateway);
    Maker maker{mesh_gateway, key.name, key.ns};
    const auto min =
        integer_at(mesh_gateway, {"spec", "deployment", "replicas", "min"}).value_or(0);
    const auto max =
        integer_at(mesh_gateway, {"spec", "deployment", "replicas", "max"}).value_or(0);
    const bool is_autoscaled = min > 0 && max > min;
    maker.add_access();
    maker.add_service();
    maker.add_deployment(is_autoscaled);
    if (is_autoscaled) maker.add_autoscaler(min, max);
    maker.add_disruption_budget();
    return std::move(maker.made);
}

bool has_all(const Json& there, const Json& wanted) {
    if (wanted.is_object()) {
        if (!there.is_object()) return wanted.get_object().empty();
        return std::all_of(
            wanted.get_object().begin(), wanted.get_object().end(), [&](const auto& field) {
                const auto* value = there.get_object().if_contains(field.key());
                const bool says_nothing =
                    field.value().is_object() && field.value().get_object().empty();
                return value == nullptr ? says_nothing : has_all(*value, field.value());
            });
    }
    if (wanted.is_array()) {
        if (!there.is_array() || there.get_array().size() != wanted.get_array().size())
            return false;
        for (std::size_t i = 0; i < wanted.get_array().size(); ++i) {
            if (!has_all(there.get_array()[i], wanted.get_array()[i])) return false;
        }
        return true;
    }
    return there == wanted;
}

}  // namespace sluice::mesh
