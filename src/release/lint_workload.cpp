// Services, workloads, pods and namespaces: whether the mesh knows their protocols and is part of
// them.
#include "base/core/text.hpp"
#include "istio/names.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace sluice::release {
namespace {

std::string target_port_text(const Json& port) {
    const auto* target = find(port, {"targetPort"});
    if (target == nullptr || target->is_null()) {
        return std::to_string(integer_at(port, {"port"}).value_or(0));
    }
    return target->is_string() ? std::string(target->get_string()) : to_text(*target);
}

template <typename Set>
std::string listed(const Set& values) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (const auto& value : values) texts.push_back(fmt::format("{}", value));
    return go_list(texts);
}

// The Services in front of one workload: one port with two protocols, or one target port as
// several ports.
void look_at_services_of(Findings& findings, const Json& workload, const Scene& scene) {
    std::map<std::int64_t, std::set<std::string>> protocols;
    std::map<std::string, std::set<std::int64_t>> ports;
    std::map<std::string, std::set<std::string>> names;
    for (const auto* service : scene.services_of(workload)) {
        for (const auto& port : array_at(*service, {"spec", "ports"})) {
            const auto number = integer_at(port, {"port"}).value_or(0);
            const auto target = target_port_text(port);
            protocols[number].emplace(text_at(port, {"protocol"}, "TCP"));
            ports[target].insert(number);
            names[target].insert(kube::key_of(*service).name);
        }
    }
    for (const auto& [port, used] : protocols) {
        if (used.size() < 2) continue;
        findings.warn(
            "spec.template",
            fmt::format("This deployment {} is associated with multiple services using port {} but "
                        "different protocols: {}",
                        full_name_of(workload),
                        port,
                        listed(used)),
            "IST0116");
    }
    for (const auto& [target, used] : ports) {
        if (used.size() < 2 || names[target].size() < 2) continue;
        findings.warn(
            "spec.template",
            fmt::format("This deployment {} is associated with multiple services {} using "
                        "targetPort \"{}\" but different ports: {}.",
                        full_name_of(workload),
                        listed(names[target]),
                        target,
                        listed(used)),
            "IST0137");
    }
}

// `holder` has labels, annotations and a spec: a pod, or a workload's template.
std::string injection_of(const Json& holder) {
    for (const auto* group : {"labels", "annotations"}) {
        const auto wish = text_at(holder, {"metadata", group, "sidecar.istio.io/inject"});
        if (!wish.empty()) return std::string(wish);
    }
    return {};
}

// An image that only the injection fills in.
bool waits_for_image(const Json& object, const Json& holder, const Scene& scene) {
    if (!scene.is_known_not_injected(ns_of(object)) || injection_of(holder) == "true" ||
        object_at(holder, {"metadata", "labels"}).contains("istio.io/rev"))
        return false;
    return std::ranges::any_of(array_at(holder, {"spec", "containers"}), [](const Json& container) {
        return text_at(container, {"image"}) == "auto";
    });
}

std::string image_text(const Json& object) {
    return fmt::format(
        "{} {} contains `image: auto` but does not match any Istio injection "
        "webhook selectors.",
        text_at(object, {"kind"}),
        kube::key_of(object).name);
}

const Json* proxy_of(const Json& pod) {
    for (const auto* list : {"containers", "initContainers"}) {
        for (const auto& container : array_at(pod, {"spec", list})) {
            if (text_at(container, {"name"}) == "istio-proxy") return &container;
        }
    }
    return nullptr;
}

bool is_over(const Json& pod) {
    const auto phase = text_at(pod, {"status", "phase"});
    return phase == "Succeeded" || phase == "Failed";
}

// What the injection would put in now; empty where it does not say.
std::string image_of_injector(const Json& injector) {
    const auto values = parse_json(text_at(injector, {"data", "values"}));
    if (!values) return {};
    const auto image = text_at(*values, {"global", "proxy", "image"});
    if (image.empty() || image.find('/') != std::string_view::npos) return std::string(image);
    const auto hub = text_at(*values, {"global", "hub"});
    const auto tag = text_at(*values, {"global", "tag"});
    if (hub.empty() || tag.empty()) return {};
    return fmt::format("{}/{}:{}", hub, image, tag);
}

}  // namespace

void look_at_injection(Findings& findings,
                       const std::string& field,
                       const Json& ns,
                       Level outside) {
    const auto injection = text_at(ns, {"metadata", "labels", "istio-injection"});
    const auto revision = text_at(ns, {"metadata", "labels", "istio.io/rev"});
    if (!injection.empty() && !revision.empty()) {
        findings.warn(field,
                      "The namespace has more than one type of injection labels [istio-injection "
                      "istio.io/rev], which may lead to undefined behavior. Make sure only one "
                      "injection label exists.",
                      "IST0123");
    } else if (injection.empty() && revision.empty()) {
        findings.add(
            outside,
            field,
            fmt::format("The namespace is not enabled for Istio injection. Run 'kubectl label "
                        "namespace {0} istio-injection=enabled' to enable it, or 'kubectl label "
                        "namespace {0} istio-injection=disabled' to explicitly mark it as not "
                        "needing injection.",
                        kube::key_of(ns).name),
            "IST0102");
    }
}

void look_at_service(Findings& findings, const Json& object, const Scene& scene) {
    if (scene.is_known_not_injected(ns_of(object))) return;
    const auto& ports = array_at(object, {"spec", "ports"});
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto name = text_at(ports[i], {"name"});
        if (!text_at(ports[i], {"appProtocol"}).empty() || istio::names_a_protocol(name)) continue;
        if (text_at(ports[i], {"protocol"}, "TCP") != "TCP") continue;
        findings.inform(fmt::format("spec.ports[{}]", i),
                        fmt::format("Port name {} (port: {}, targetPort: {}) doesn't follow the "
                                    "naming convention of Istio port.",
                                    name,
                                    integer_at(ports[i], {"port"}).value_or(0),
                                    target_port_text(ports[i])),
                        "IST0118");
    }
}

void look_at_workload(Findings& findings, const Json& object, const Scene& scene) {
    look_at_services_of(findings, object, scene);
    const auto* made = find(object, {"spec", "template"});
    if (made != nullptr && waits_for_image(object, *made, scene)) {
        findings.warn("spec.template", image_text(object), "IST0146");
    }
}

void look_at_pod(Findings& findings, const Json& object, const Scene& scene) {
    if (is_over(object)) return;
    if (waits_for_image(object, object, scene)) {
        findings.error("spec", image_text(object), "IST0147");
    }
    if (!scene.is_injected(ns_of(object)) || injection_of(object) == "false" ||
        !text_at(object, {"metadata", "annotations", "sidecar.istio.io/status"}).empty() ||
        proxy_of(object) != nullptr)
        return;
    findings.warn(
        "",
        fmt::format("The pod {} is missing the Istio proxy. This can often be resolved by "
                    "restarting or redeploying the workload.",
                    full_name_of(object)),
        "IST0103");
}

void look_at_namespace(Findings& findings, const Json& object, const Scene& scene) {
    const auto name = kube::key_of(object).name;
    // Whether it should be part of the mesh only a Canary in it knows.
    const auto& labels = object_at(object, {"metadata", "labels"});
    if (labels.contains("istio-injection") && labels.contains("istio.io/rev")) {
        look_at_injection(findings, "metadata.labels", object, Level::info);
    }
    const auto pods = scene.pods.find(name);
    const auto* injector = scene.injector_of(object);
    if (injector == nullptr || pods == scene.pods.end()) return;
    const auto wanted = image_of_injector(*injector);
    if (wanted.empty()) return;
    std::vector<std::string> others;
    for (const auto* pod : pods->second) {
        const auto* proxy = proxy_of(*pod);
        if (proxy == nullptr || is_over(*pod) || text_at(*proxy, {"image"}) == wanted) continue;
        others.push_back(kube::key_of(*pod).name);
    }
    if (others.empty()) return;
    std::ranges::sort(others);
    findings.warn(
        "",
        fmt::format("The Istio proxy images of the pods running in the namespace do not match the "
                    "image defined in the injection configuration (pod names: {}). This often "
                    "happens after upgrading the Istio control-plane and can be fixed by "
                    "redeploying the pods.",
                    go_list(others)),
        "IST0158");
}

}  // namespace sluice::release
