#include "base/core/text.hpp"
#include "lab/apiserver/table_cells.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>

namespace sluice::lab {

namespace {

std::string_view name_of(const Json& object) {
    return text_at(object, {"metadata", "name"});
}

std::vector<std::string> texts_of(const JsonArray& array) {
    std::vector<std::string> texts;
    for (const auto& item : array) {
        if (item.is_string()) texts.emplace_back(item.get_string());
    }
    return texts;
}

JsonArray namespace_cells(const Json& ns, Time now) {
    return {name_of(ns), text_at(ns, {"status", "phase"}), age_of(ns, now)};
}

std::string load_balancer_text(const Json& object) {
    std::vector<std::string> parts;
    for (const auto& ingress : array_at(object, {"status", "loadBalancer", "ingress"})) {
        const auto ip = text_at(ingress, {"ip"});
        parts.emplace_back(ip.empty() ? text_at(ingress, {"hostname"}) : ip);
    }
    return joined(parts, ",");
}

std::string service_external(const Json& service) {
    const auto type = text_at(service, {"spec", "type"});
    if (type == "ExternalName") return std::string(text_at(service, {"spec", "externalName"}));
    auto external = texts_of(array_at(service, {"spec", "externalIPs"}));
    if (type != "LoadBalancer") return or_none(joined(external, ","));
    auto balanced = load_balancer_text(service);
    if (!external.empty()) {
        if (!balanced.empty()) external.insert(external.begin(), balanced);
        return joined(external, ",");
    }
    return balanced.empty() ? "<pending>" : balanced;
}

std::string service_ports(const Json& service) {
    std::vector<std::string> parts;
    for (const auto& port : array_at(service, {"spec", "ports"})) {
        const auto node_port = count_at(port, {"nodePort"});
        const auto number = count_at(port, {"port"});
        const auto protocol = text_at(port, {"protocol"}, "TCP");
        parts.push_back(node_port == 0 ? fmt::format("{}/{}", number, protocol)
                                       : fmt::format("{}:{}/{}", number, node_port, protocol));
    }
    return or_none(joined(parts, ","));
}

JsonArray service_cells(const Json& service, Time now) {
    std::string ip(text_at(service, {"spec", "clusterIP"}));
    if (const auto ips = texts_of(array_at(service, {"spec", "clusterIPs"})); !ips.empty()) {
        ip = ips.front();
    }
    return {name_of(service),
            text_at(service, {"spec", "type"}),
            or_none(std::move(ip)),
            service_external(service),
            service_ports(service),
            age_of(service, now),
            labels_text(object_at(service, {"spec", "selector"}))};
}

JsonArray endpoints_cells(const Json& endpoints, Time now) {
    std::vector<std::string> parts;
    for (const auto& subset : array_at(endpoints, {"subsets"})) {
        const auto& addresses = array_at(subset, {"addresses"});
        const auto& ports = array_at(subset, {"ports"});
        if (ports.empty()) {
            for (const auto& address : addresses) parts.emplace_back(text_at(address, {"ip"}));
        }
        for (const auto& port : ports) {
            for (const auto& address : addresses) {
                parts.push_back(
                    fmt::format("{}:{}", text_at(address, {"ip"}), count_at(port, {"port"})));
            }
        }
    }
    return {name_of(endpoints), clipped_list(parts, 3), age_of(endpoints, now)};
}

JsonArray endpoint_slice_cells(const Json& slice, Time now) {
    std::vector<std::string> ports;
    for (const auto& port : array_at(slice, {"ports"})) {
        if (const auto number = integer_at(port, {"port"})) {
            ports.push_back(fmt::format("{}", *number));
        } else {
            const auto name = text_at(port, {"name"});
            ports.emplace_back(name.empty() ? "<unset>" : name);
        }
    }
    std::vector<std::string> addresses;
    for (const auto& endpoint : array_at(slice, {"endpoints"})) {
        for (auto& address : texts_of(array_at(endpoint, {"addresses"}))) {
            addresses.push_back(std::move(address));
        }
    }
    return {name_of(slice),
            text_at(slice, {"addressType"}),
            ports.empty() ? "<unset>" : clipped_list(ports, 3),
            addresses.empty() ? "<unset>" : clipped_list(addresses, 3),
            age_of(slice, now)};
}

JsonArray config_map_cells(const Json& map, Time now) {
    const auto count = object_at(map, {"data"}).size() + object_at(map, {"binaryData"}).size();
    return {name_of(map), static_cast<std::int64_t>(count), age_of(map, now)};
}

JsonArray secret_cells(const Json& secret, Time now) {
    return {name_of(secret),
            text_at(secret, {"type"}),
            static_cast<std::int64_t>(object_at(secret, {"data"}).size()),
            age_of(secret, now)};
}

JsonArray service_account_cells(const Json& account, Time now) {
    return {name_of(account),
            static_cast<std::int64_t>(array_at(account, {"secrets"}).size()),
            age_of(account, now)};
}

// The age at the first of these times that is set.
std::string first_age(const Json& object, std::initializer_list<JsonPath> paths, Time now) {
    for (const auto& path : paths) {
        if (!text_at(object, path).empty()) return age_at(object, path, now);
    }
    return "<unknown>";
}

JsonArray event_cells(const Json& event, Time now) {
    std::string source(text_at(event, {"source", "component"}));
    if (source.empty()) source = text_at(event, {"reportingComponent"});
    std::string host(text_at(event, {"source", "host"}));
    if (host.empty()) host = text_at(event, {"reportingInstance"});
    if (!host.empty()) source.append(", ").append(host);
    const auto count = integer_at(event, {"series", "count"});
    return {first_age(event,
                      {{"series", "lastObservedTime"},
                       {"lastTimestamp"},
                       {"firstTimestamp"},
                       {"eventTime"},
                       {"metadata", "creationTimestamp"}},
                      now),
            text_at(event, {"type"}),
            text_at(event, {"reason"}),
            lower_case(text_at(event, {"involvedObject", "kind"})) + "/" +
                std::string(text_at(event, {"involvedObject", "name"})),
            text_at(event, {"involvedObject", "fieldPath"}),
            source,
            std::string(trimmed(text_at(event, {"message"}))),
            first_age(event, {{"firstTimestamp"}, {"eventTime"}}, now),
            std::max<std::int64_t>(1, count.value_or(count_at(event, {"count"}))),
            name_of(event)};
}

JsonArray lease_cells(const Json& lease, Time now) {
    return {name_of(lease), text_at(lease, {"spec", "holderIdentity"}), age_of(lease, now)};
}

std::string node_status(const Json& node) {
    std::string status = "Unknown";
    for (const auto& condition : array_at(node, {"status", "conditions"})) {
        if (text_at(condition, {"type"}) != "Ready") continue;
        const auto is = text_at(condition, {"status"});
        status = is == "True" ? "Ready" : (is == "False" ? "NotReady" : "Unknown");
    }
    if (bool_at(node, {"spec", "unschedulable"}).value_or(false)) status += ",SchedulingDisabled";
    return status;
}

std::string node_roles(const Json& node) {
    constexpr std::string_view prefix = "node-role.kubernetes.io/";
    std::set<std::string> roles;
    for (const auto& label : object_at(node, {"metadata", "labels"})) {
        const std::string_view key = label.key();
        if (key.starts_with(prefix) && key.size() > prefix.size()) {
            roles.emplace(key.substr(prefix.size()));
        }
    }
    return or_none(joined({roles.begin(), roles.end()}, ","));
}

std::string node_address(const Json& node, std::string_view type) {
    for (const auto& address : array_at(node, {"status", "addresses"})) {
        if (text_at(address, {"type"}) == type) return std::string(text_at(address, {"address"}));
    }
    return "<none>";
}

JsonArray node_cells(const Json& node, Time now) {
    const auto info = [&node](std::string_view field) {
        const auto text = text_at(node, {"status", "nodeInfo", field});
        return text.empty() ? std::string("<unknown>") : std::string(text);
    };
    return {name_of(node),
            node_status(node),
            node_roles(node),
            age_of(node, now),
            text_at(node, {"status", "nodeInfo", "kubeletVersion"}),
            node_address(node, "InternalIP"),
            node_address(node, "ExternalIP"),
            info("osImage"),
            info("kernelVersion"),
            info("containerRuntimeVersion")};
}

JsonArray ingress_cells(const Json& ingress, Time now) {
    std::vector<std::string> hosts;
    for (const auto& rule : array_at(ingress, {"spec", "rules"})) {
        const auto host = text_at(rule, {"host"});
        if (!host.empty()) hosts.emplace_back(host);
    }
    const bool has_tls = !array_at(ingress, {"spec", "tls"}).empty();
    return {name_of(ingress),
            or_none(std::string(text_at(ingress, {"spec", "ingressClassName"}))),
            hosts.empty() ? "*" : clipped_list(hosts, 3),
            load_balancer_text(ingress),
            has_tls ? "80, 443" : "80",
            age_of(ingress, now)};
}

// "IngressParameters.example.com/x" of the parameters.
JsonArray ingress_class_cells(const Json& ingress_class, Time now) {
    std::string parameters = "<none>";
    if (const auto* given = find(ingress_class, {"spec", "parameters"})) {
        parameters = text_at(*given, {"kind"});
        const auto group = text_at(*given, {"apiGroup"});
        if (!group.empty()) parameters.append(".").append(group);
        parameters.append("/").append(text_at(*given, {"name"}));
    }
    return {name_of(ingress_class),
            text_at(ingress_class, {"spec", "controller"}),
            parameters,
            age_of(ingress_class, now)};
}

JsonArray crd_cells(const Json& crd, Time) {
    return {name_of(crd), text_at(crd, {"metadata", "creationTimestamp"})};
}

JsonArray binding_cells(const Json& binding, Time now) {
    return {
        name_of(binding),
        fmt::format(
            "{}/{}", text_at(binding, {"roleRef", "kind"}), text_at(binding, {"roleRef", "name"})),
        age_of(binding, now)};
}

constexpr std::string_view rbac = "rbac.authorization.k8s.io";
constexpr std::string_view created = "Name, Created At(d)";
constexpr std::string_view bound = "Name, Role, Age";

constexpr std::array rows{
    TableRow{"", "namespaces", "Name, Status, Age", namespace_cells},
    TableRow{"",
             "services",
             "Name, Type, Cluster-IP, External-IP, Port(s), Age, w:Selector",
             service_cells},
    TableRow{"", "endpoints", "Name, Endpoints, Age", endpoints_cells},
    TableRow{"discovery.k8s.io",
             "endpointslices",
             "Name, AddressType, Ports, Endpoints, Age",
             endpoint_slice_cells},
    TableRow{"", "configmaps", "Name, Data, Age", config_map_cells},
    TableRow{"", "secrets", "Name, Type, Data, Age", secret_cells},
    TableRow{"", "serviceaccounts", "Name, Secrets(i), Age", service_account_cells},
    TableRow{"",
             "events",
             "Last Seen, Type, Reason, Object, w:Subobject, w:Source, Message, w:First Seen, "
             "w:Count, w:Name",
             event_cells},
    TableRow{"coordination.k8s.io", "leases", "Name, Holder, Age", lease_cells},
    TableRow{"",
             "nodes",
             "Name, Status, Roles, Age, Version, w:Internal-IP, w:External-IP, w:OS-Image, "
             "w:Kernel-Version, w:Container-Runtime",
             node_cells},
    TableRow{
        "networking.k8s.io", "ingresses", "Name, Class, Hosts, Address, Ports, Age", ingress_cells},
    TableRow{"networking.k8s.io",
             "ingressclasses",
             "Name, Controller, Parameters, Age",
             ingress_class_cells},
    TableRow{"apiextensions.k8s.io", "customresourcedefinitions", created, crd_cells},
    TableRow{rbac, "roles", created, crd_cells},
    TableRow{rbac, "clusterroles", created, crd_cells},
    TableRow{rbac, "rolebindings", bound, binding_cells},
    TableRow{rbac, "clusterrolebindings", bound, binding_cells},
};

}  // namespace

std::span<const TableRow> cluster_tables() {
    return rows;
}

}  // namespace sluice::lab
