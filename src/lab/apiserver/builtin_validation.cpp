#include "lab/apiserver/builtin_validation.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/ingress_validation.hpp"
#include "lab/apiserver/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::lab {
namespace {

namespace wrong = field_error;

constexpr std::string_view at_least_zero = "must be greater than or equal to 0";

Json or_null(const Json* value) {
    return value == nullptr ? Json() : *value;
}

void check_not_negative(const Json& object, std::string_view member, FieldErrors& errors) {
    const auto number = integer_at(object, {"spec", member});
    if (number && *number < 0) {
        errors.push_back(
            wrong::invalid(fmt::format("spec.{}", member), Json(*number), at_least_zero));
    }
}

void check_unchanged(const Json& object,
                     const Json* before,
                     std::string_view member,
                     FieldErrors& errors) {
    if (before == nullptr) return;
    const auto now = or_null(find(object, {"spec", member}));
    if (now == or_null(find(*before, {"spec", member}))) return;
    errors.push_back(wrong::invalid(fmt::format("spec.{}", member), now, "field is immutable"));
}

// Pods and templates.

void check_container(const Json& container,
                     const std::string& path,
                     const std::set<std::string_view>& volumes,
                     FieldErrors& errors) {
    const auto name = text_at(container, {"name"});
    if (name.empty()) {
        errors.push_back(wrong::required(path + ".name"));
    } else if (const auto bad = wrong_with_name(name, NameRule::label)) {
        errors.push_back(wrong::invalid(path + ".name", Json(name), *bad));
    }
    const auto image = text_at(container, {"image"});
    if (image.empty()) {
        errors.push_back(wrong::required(path + ".image"));
    } else if (trimmed(image).size() != image.size()) {
        errors.push_back(wrong::invalid(
            path + ".image", Json(image), "must not have leading or trailing whitespace"));
    }
    const auto& ports = array_at(container, {"ports"});
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto field = fmt::format("{}.ports[{}].containerPort", path, i);
        if (const auto port = integer_at(ports[i], {"containerPort"})) {
            check_port(*port, field, errors);
        } else {
            errors.push_back(wrong::required(field));
        }
    }
    const auto& env = array_at(container, {"env"});
    for (std::size_t i = 0; i < env.size(); ++i) {
        if (text_at(env[i], {"name"}).empty()) {
            errors.push_back(wrong::required(fmt::format("{}.env[{}].name", path, i)));
        }
    }
    const auto& mounts = array_at(container, {"volumeMounts"});
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        const auto field = fmt::format("{}.volumeMounts[{}]", path, i);
        const auto volume = text_at(mounts[i], {"name"});
        if (volume.empty()) {
            errors.push_back(wrong::required(field + ".name"));
        } else if (!volumes.contains(volume)) {
            errors.push_back({"FieldValueNotFound",
                              field + ".name",
                              fmt::format("Not found: {}", to_text(Json(volume)))});
        }
        if (text_at(mounts[i], {"mountPath"}).empty()) {
            errors.push_back(wrong::required(field + ".mountPath"));
        }
    }
}

void check_pod_spec(const Json& spec, const std::string& path, FieldErrors& errors) {
    std::set<std::string_view> volumes;
    const auto& listed = array_at(spec, {"volumes"});
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const auto field = fmt::format("{}.volumes[{}].name", path, i);
        const auto name = text_at(listed[i], {"name"});
        if (name.empty()) {
            errors.push_back(wrong::required(field));
        } else if (const auto bad = wrong_with_name(name, NameRule::label)) {
            errors.push_back(wrong::invalid(field, Json(name), *bad));
        } else if (!volumes.insert(name).second) {
            errors.push_back(wrong::duplicate(field, Json(name)));
        }
    }
    if (array_at(spec, {"containers"}).empty()) {
        errors.push_back(wrong::required(path + ".containers"));
    }
    std::set<std::string_view> names;
    for (const std::string_view list : {"initContainers", "containers"}) {
        const auto& containers = array_at(spec, {list});
        for (std::size_t i = 0; i < containers.size(); ++i) {
            const auto field = fmt::format("{}.{}[{}]", path, list, i);
            check_container(containers[i], field, volumes, errors);
            const auto name = text_at(containers[i], {"name"});
            if (!name.empty() && !names.insert(name).second) {
                errors.push_back(wrong::duplicate(field + ".name", Json(name)));
            }
        }
    }
    const auto policy = text_at(spec, {"restartPolicy"});
    if (policy != "Always" && policy != "OnFailure" && policy != "Never") {
        errors.push_back(wrong::not_supported(
            path + ".restartPolicy", Json(policy), {"\"Always\"", "\"OnFailure\"", "\"Never\""}));
    }
    const auto grace = integer_at(spec, {"terminationGracePeriodSeconds"});
    if (grace && *grace < 0) {
        errors.push_back(
            wrong::invalid(path + ".terminationGracePeriodSeconds", Json(*grace), at_least_zero));
    }
}

// A pod is fixed but for its images and a few more; the scheduler gives it its node.
Json fixed_part(const Json& pod) {
    Json spec = or_null(find(pod, {"spec"}));
    for (const std::string_view free : {"activeDeadlineSeconds",
                                        "tolerations",
                                        "terminationGracePeriodSeconds",
                                        "ephemeralContainers",
                                        "schedulingGates"}) {
        drop(spec, {free});
    }
    for (const std::string_view list : {"containers", "initContainers"}) {
        auto* containers = find(spec, {list});
        if (containers == nullptr || !containers->is_array()) continue;
        for (auto& container : containers->get_array()) drop(container, {"image"});
    }
    return spec;
}

void check_pod(const Json& pod, const Json* before, FieldErrors& errors) {
    check_pod_spec(or_null(find(pod, {"spec"})), "spec", errors);
    if (before == nullptr) return;
    auto now = fixed_part(pod);
    auto then = fixed_part(*before);
    if (text_at(then, {"nodeName"}).empty()) {
        drop(now, {"nodeName"});
        drop(then, {"nodeName"});
    }
    if (now == then) return;
    errors.push_back(wrong::forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"));
}

// Workloads.

void check_template(const Json& object, FieldErrors& errors) {
    static const Json none = JsonObject{};
    const auto* spec = find(object, {"spec", "template", "spec"});
    check_pod_spec(spec == nullptr ? none : *spec, "spec.template.spec", errors);
    check_labels(find(object, {"spec", "template", "metadata", "labels"}),
                 "spec.template.metadata.labels",
                 errors);
}

void check_selector(const Json& object,
                    const Json* before,
                    std::string_view kind,
                    FieldErrors& errors) {
    const auto* selector = find(object, {"spec", "selector"});
    if (selector == nullptr) {
        errors.push_back(wrong::required("spec.selector"));
    } else {
        const auto parsed = label_selector_of(*selector);
        if (!parsed) {
            errors.push_back(wrong::invalid("spec.selector", *selector, parsed.error()));
        } else if (parsed->empty()) {
            errors.push_back(
                wrong::invalid("spec.selector",
                               *selector,
                               fmt::format("empty selector is invalid for {}", lower_case(kind))));
        } else if (const auto& labels =
                       object_at(object, {"spec", "template", "metadata", "labels"});
                   !parsed->matches(labels)) {
            errors.push_back(wrong::invalid("spec.template.metadata.labels",
                                            Json(labels),
                                            "`selector` does not match template `labels`"));
        }
    }
    check_unchanged(object, before, "selector", errors);
}

void check_always_restarted(const Json& object, FieldErrors& errors) {
    const auto policy = text_at(object, {"spec", "template", "spec", "restartPolicy"});
    if (policy == "OnFailure" || policy == "Never") {
        errors.push_back(
            wrong::not_supported("spec.template.spec.restartPolicy", Json(policy), {"\"Always\""}));
    }
}

// 0 for "0" and "0%" too.
bool is_zero(const Json* amount) {
    if (amount == nullptr) return false;
    if (amount->is_string()) return amount->get_string() == "0%" || amount->get_string() == "0";
    return integer_at(*amount, {}) == 0;
}

void check_amount(const Json& object,
                  std::string_view strategy,
                  std::string_view member,
                  FieldErrors& errors) {
    const auto* amount = find(object, {"spec", strategy, "rollingUpdate", member});
    if (amount == nullptr) return;
    const auto field = fmt::format("spec.{}.rollingUpdate.{}", strategy, member);
    if (const auto number = integer_at(*amount, {}); number && *number < 0) {
        errors.push_back(wrong::invalid(field, *amount, at_least_zero));
    }
    if (amount->is_string()) {
        std::string_view text = amount->get_string();
        const bool percent = text.ends_with('%');
        if (percent) text.remove_suffix(1);
        if (!percent || text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) {
            errors.push_back(wrong::invalid(
                field,
                *amount,
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
                "'1%',  or '93%', regex used for validation is '[0-9]+%')"));
        }
    }
}

void check_deployment(const Json& object, const Json* before, FieldErrors& errors) {
    check_not_negative(object, "replicas", errors);
    check_not_negative(object, "minReadySeconds", errors);
    check_not_negative(object, "revisionHistoryLimit", errors);
    check_selector(object, before, "Deployment", errors);
    check_template(object, errors);
    check_always_restarted(object, errors);
    const auto type = text_at(object, {"spec", "strategy", "type"});
    if (type == "RollingUpdate") {
        check_amount(object, "strategy", "maxUnavailable", errors);
        check_amount(object, "strategy", "maxSurge", errors);
        const auto* unavailable =
            find(object, {"spec", "strategy", "rollingUpdate", "maxUnavailable"});
        if (is_zero(unavailable) &&
            is_zero(find(object, {"spec", "strategy", "rollingUpdate", "maxSurge"}))) {
            errors.push_back(wrong::invalid("spec.strategy.rollingUpdate.maxUnavailable",
                                            *unavailable,
                                            "may not be 0 when `maxSurge` is 0"));
        }
    } else if (type == "Recreate") {
        if (find(object, {"spec", "strategy", "rollingUpdate"}) != nullptr) {
            errors.push_back(
                wrong::forbidden("spec.strategy.rollingUpdate",
                                 "may not be specified when strategy `type` is 'Recreate'"));
        }
    } else {
        errors.push_back(wrong::not_supported(
            "spec.strategy.type", Json(type), {"\"Recreate\"", "\"RollingUpdate\""}));
    }
    const auto deadline = integer_at(object, {"spec", "progressDeadlineSeconds"});
    const auto ready = integer_at(object, {"spec", "minReadySeconds"}).value_or(0);
    if (deadline && *deadline < 0) {
        errors.push_back(
            wrong::invalid("spec.progressDeadlineSeconds", Json(*deadline), at_least_zero));
    } else if (deadline && *deadline <= ready) {
        errors.push_back(wrong::invalid("spec.progressDeadlineSeconds",
                                        Json(*deadline),
                                        "must be greater than minReadySeconds"));
    }
}

void check_daemon_set(const Json& object, const Json* before, FieldErrors& errors) {
    check_not_negative(object, "minReadySeconds", errors);
    check_not_negative(object, "revisionHistoryLimit", errors);
    check_selector(object, before, "DaemonSet", errors);
    check_template(object, errors);
    check_always_restarted(object, errors);
    const auto type = text_at(object, {"spec", "updateStrategy", "type"});
    if (type == "RollingUpdate") {
        check_amount(object, "updateStrategy", "maxUnavailable", errors);
        check_amount(object, "updateStrategy", "maxSurge", errors);
        const auto* unavailable =
            find(object, {"spec", "updateStrategy", "rollingUpdate", "maxUnavailable"});
        const auto* surge = find(object, {"spec", "updateStrategy", "rollingUpdate", "maxSurge"});
        if (is_zero(unavailable) && is_zero(surge)) {
            errors.push_back(wrong::invalid("spec.updateStrategy.rollingUpdate.maxUnavailable",
                                            *unavailable,
                                            "cannot be 0 when maxSurge is 0"));
        } else if (unavailable != nullptr && surge != nullptr && !is_zero(unavailable) &&
                   !is_zero(surge)) {
            errors.push_back(wrong::invalid("spec.updateStrategy.rollingUpdate.maxSurge",
                                            *surge,
                                            "may not be set when maxUnavailable is non-zero"));
        }
    } else if (type != "OnDelete") {
        errors.push_back(wrong::not_supported(
            "spec.updateStrategy.type", Json(type), {"\"OnDelete\"", "\"RollingUpdate\""}));
    }
}

void check_job(const Json& object, const Json* before, FieldErrors& errors) {
    for (const std::string_view member : {"parallelism",
                                          "completions",
                                          "activeDeadlineSeconds",
                                          "backoffLimit",
                                          "ttlSecondsAfterFinished"}) {
        check_not_negative(object, member, errors);
    }
    check_template(object, errors);
    if (text_at(object, {"spec", "template", "spec", "restartPolicy"}) == "Always") {
        errors.push_back(wrong::required("spec.template.spec.restartPolicy",
                                         "valid values: \"OnFailure\", \"Never\""));
    }
    for (const std::string_view member :
         {"completions", "selector", "template", "completionMode"}) {
        check_unchanged(object, before, member, errors);
    }
}

// Services.

void check_service(const Json& object, const Json* before, FieldErrors& errors) {
    const auto type = text_at(object, {"spec", "type"});
    static constexpr std::string_view types[]{
        "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"};
    if (std::find(std::begin(types), std::end(types), type) == std::end(types)) {
        std::vector<std::string> supported;
        for (const auto one : types) supported.push_back(fmt::format("\"{}\"", one));
        errors.push_back(wrong::not_supported("spec.type", Json(type), supported));
    }
    const auto& ports = array_at(object, {"spec", "ports"});
    const bool headless = text_at(object, {"spec", "clusterIP"}) == "None";
    if (ports.empty() && !headless && type != "ExternalName") {
        errors.push_back(wrong::required("spec.ports"));
    }
    if (type == "ExternalName" && text_at(object, {"spec", "externalName"}).empty()) {
        errors.push_back(wrong::required("spec.externalName"));
    }
    std::set<std::string> names;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto path = fmt::format("spec.ports[{}]", i);
        const auto name = text_at(ports[i], {"name"});
        if (name.empty()) {
            if (ports.size() > 1) errors.push_back(wrong::required(path + ".name"));
        } else if (const auto bad = wrong_with_name(name, NameRule::label)) {
            errors.push_back(wrong::invalid(path + ".name", Json(name), *bad));
        } else if (!names.insert(std::string(name)).second) {
            errors.push_back(wrong::duplicate(path + ".name", Json(name)));
        }
        const auto port = integer_at(ports[i], {"port"});
        check_port(port.value_or(0), path + ".port", errors);
        const auto protocol = text_at(ports[i], {"protocol"});
        if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
            errors.push_back(wrong::not_supported(
                path + ".protocol", Json(protocol), {"\"SCTP\"", "\"TCP\"", "\"UDP\""}));
        }
        const JsonObject identity{{"protocol", protocol}, {"port", port.value_or(0)}};
        if (!seen.insert(canonical_text(identity)).second) {
            errors.push_back(wrong::duplicate(path, identity));
        }
    }
    check_labels(find(object, {"spec", "selector"}), "spec.selector", errors);
    if (before == nullptr || type == "ExternalName" ||
        text_at(*before, {"spec", "type"}) == "ExternalName") {
        return;
    }
    if (text_at(*before, {"spec", "clusterIP"}) != text_at(object, {"spec", "clusterIP"})) {
        errors.push_back(wrong::invalid("spec.clusterIPs[0]",
                                        or_null(find(object, {"spec", "clusterIPs"})),
                                        "may not change once set"));
    }
}

// The rest.

bool is_config_key(std::string_view key) {
    return !key.empty() && key.size() <= 253 && key != "." && key != ".." &&
           std::all_of(key.begin(), key.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
                      c == '_' || c == '.';
           });
}

// Of the bytes behind base64, without the '=' that fill it up.
std::size_t decoded_size(std::string_view text) {
    return text.substr(0, text.find_last_not_of('=') + 1).size() * 3 / 4;
}

// Where a ConfigMap is too large no field of it is named.
void check_data_size(const Json& object, FieldErrors& errors) {
    const bool secret = text_at(object, {"kind"}) == "Secret";
    std::size_t bytes = 0;
    for (const std::string_view map : {"data", "binaryData"}) {
        for (const auto& [key, value] : object_at(object, {map})) {
            const auto* text = value.if_string();
            if (text == nullptr) continue;
            bytes += secret || map == "binaryData" ? decoded_size(*text) : text->size();
        }
    }
    constexpr std::size_t bytes_max = std::size_t{1024} * 1024;
    if (bytes > bytes_max) errors.push_back(wrong::too_long(secret ? "data" : "[]", bytes_max));
}

void check_data(const Json& object, const Json* before, FieldErrors& errors) {
    for (const std::string_view map : {"data", "binaryData"}) {
        for (const auto& [key, value] : object_at(object, {map})) {
            if (is_config_key(key)) continue;
            errors.push_back(wrong::invalid(
                fmt::format("{}[{}]", map, std::string_view(key)),
                Json(key),
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
                "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
                "'[-._a-zA-Z0-9]+')"));
        }
    }
    check_data_size(object, errors);
    if (before == nullptr || !bool_at(*before, {"immutable"}).value_or(false)) return;
    if (!bool_at(object, {"immutable"}).value_or(false)) {
        errors.push_back(
            wrong::forbidden("immutable", "field is immutable when `immutable` is set"));
    }
    for (const std::string_view map : {"data", "binaryData"}) {
        if (object_at(object, {map}) != object_at(*before, {map})) {
            errors.push_back(
                wrong::forbidden(std::string(map), "field is immutable when `immutable` is set"));
        }
    }
}

void check_secret(const Json& object, const Json* before, FieldErrors& errors) {
    check_data(object, before, errors);
    if (before != nullptr && text_at(object, {"type"}) != text_at(*before, {"type"})) {
        errors.push_back(
            wrong::invalid("type", or_null(find(object, {"type"})), "field is immutable"));
    }
}

void check_autoscaler(const Json& object, FieldErrors& errors) {
    for (const std::string_view member : {"kind", "name"}) {
        if (text_at(object, {"spec", "scaleTargetRef", member}).empty()) {
            errors.push_back(wrong::required(fmt::format("spec.scaleTargetRef.{}", member)));
        }
    }
    const auto most = integer_at(object, {"spec", "maxReplicas"}).value_or(0);
    const auto least = integer_at(object, {"spec", "minReplicas"}).value_or(1);
    if (least < 1) {
        errors.push_back(
            wrong::invalid("spec.minReplicas", Json(least), "must be greater than or equal to 1"));
    }
    if (most < 1) {
        errors.push_back(wrong::invalid("spec.maxReplicas", Json(most), "must be greater than 0"));
    } else if (most < least) {
        errors.push_back(wrong::invalid(
            "spec.maxReplicas", Json(most), "must be greater than or equal to `minReplicas`"));
    }
}

void check_lease(const Json& object, FieldErrors& errors) {
    const auto seconds = integer_at(object, {"spec", "leaseDurationSeconds"});
    if (seconds && *seconds <= 0) {
        errors.push_back(
            wrong::invalid("spec.leaseDurationSeconds", Json(*seconds), "must be greater than 0"));
    }
    const auto transitions = integer_at(object, {"spec", "leaseTransitions"});
    if (transitions && *transitions < 0) {
        errors.push_back(
            wrong::invalid("spec.leaseTransitions", Json(*transitions), at_least_zero));
    }
}

// An Event lies beside its object; those of cluster-scoped objects lie in default.
void check_event(const Json& object, FieldErrors& errors) {
    const auto ns = text_at(object, {"metadata", "namespace"});
    const auto involved = text_at(object, {"involvedObject", "namespace"});
    if (involved == ns || (involved.empty() && (ns == "default" || ns == "kube-system"))) return;
    errors.push_back(wrong::invalid(
        "involvedObject.namespace", Json(involved), "does not match event.namespace"));
}

}  // namespace

void check_port(std::int64_t port, const std::string& field, FieldErrors& errors) {
    if (port >= 1 && port <= 65535) return;
    errors.push_back(wrong::invalid(field, Json(port), "must be between 1 and 65535, inclusive"));
}

FieldErrors wrong_with_builtin(std::string_view kind, const Json& object, const Json* before) {
    FieldErrors errors;
    if (kind == "Pod") check_pod(object, before, errors);
    if (kind == "Deployment") check_deployment(object, before, errors);
    if (kind == "DaemonSet") check_daemon_set(object, before, errors);
    if (kind == "ReplicaSet" || kind == "StatefulSet") {
        check_not_negative(object, "replicas", errors);
        check_not_negative(object, "minReadySeconds", errors);
        check_selector(object, before, kind, errors);
        check_template(object, errors);
        check_always_restarted(object, errors);
    }
    if (kind == "Job") check_job(object, before, errors);
    if (kind == "Service") check_service(object, before, errors);
    if (kind == "ConfigMap") check_data(object, before, errors);
    if (kind == "Secret") check_secret(object, before, errors);
    if (kind == "HorizontalPodAutoscaler") check_autoscaler(object, errors);
    if (kind == "Ingress") errors = wrong_with_ingress(object);
    if (kind == "IngressClass") errors = wrong_with_ingress_class(object, before);
    if (kind == "Lease") check_lease(object, errors);
    if (kind == "Event") check_event(object, errors);
    return errors;
}

}  // namespace sluice::lab
