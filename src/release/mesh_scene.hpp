// The objects around what is linted, ready to be asked about each other.
#pragma once

#include "base/core/json.hpp"
#include "release/lint.hpp"
#include "release/revision_tags.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::release {

using Objects = std::vector<const Json*>;

// Gateways by what two of them may clash over: a port and host, or a certificate, on the same pods.
class GatewayBook {
   public:
    explicit GatewayBook(const Objects& gateways);

    // Those with such a server, the asked one too; in the order of the objects.
    Objects with_hosts(const Json& gateway, const Json& server) const;
    Objects with_certificate(const Json& gateway, std::string_view certificate) const;

   private:
    using Places = std::set<std::size_t>;
    Objects at(const Places& places) const;

    const Objects& gateways_;
    std::map<std::string, Places, std::less<>> by_host_, by_certificate_;
};

struct Scene {
    explicit Scene(const Around& around);
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    const Around& around;
    Objects gateways, sidecars, policies;
    // By "ns/Kind name" of the target, and by "ns/name" of the Service.
    std::map<std::string, Objects, std::less<>> canaries_on, canaries_with;
    std::map<std::string, Objects, std::less<>> services, workloads, pods;  // by namespace
    std::map<std::string, const Json*, std::less<>> namespaces;
    std::map<std::string, const Json*, std::less<>> service_of;  // by full host
    std::vector<std::string> entry_hosts;                        // of ServiceEntries
    std::map<std::string, Objects, std::less<>> rules_of;        // DestinationRules, by full host
    std::map<std::string, Objects, std::less<>> mesh_routes_of;  // VirtualServices of the mesh
    std::map<std::string, const Json*, std::less<>> injectors;   // ConfigMaps, by revision
    RevisionTags tags;

    // Also what belongs to no namespace.
    const Json* object(std::string_view kind, std::string_view ns, std::string_view name) const;
    const Json* gateway(std::string_view full_name) const;
    // Other Gateways on the same pods with a server of the same port and a host of its hosts, or
    // with that certificate.
    Objects rivals_for_hosts(const Json& gateway, const Json& server) const;
    Objects rivals_for_certificate(const Json& gateway, std::string_view certificate) const;
    // Whether no Service and no ServiceEntry has this full host, and all that may are known.
    bool lacks_host(const std::string& host) const;
    bool knows_workloads(std::string_view ns) const;  // empty: everywhere
    // Nothing is known of a namespace that is not among the objects.
    bool is_injected(std::string_view ns) const;
    bool is_known_not_injected(std::string_view ns) const;
    // Of the proxies that the namespace asks for, by revision or tag; null where it is not known.
    const Json* injector_of(const Json& ns) const;

    // Their pods' labels have all of the selector.
    Objects workloads_with(const Json* selector, std::string_view ns) const;  // empty: everywhere
    bool has_pods_with(const JsonObject& selector,
                       const JsonObject& labels,
                       std::string_view ns) const;
    Objects services_of(const Json& workload) const;
    // How many Gateways and workloads were held against what was asked: what the answers cost.
    std::uint64_t compared() const { return compared_; }

   private:
    const GatewayBook& book() const;
    Objects without(const Json& gateway, Objects all) const;

    std::map<std::string, const Json*, std::less<>> by_title_;    // "Kind ns/name"
    std::map<std::string, const Json*, std::less<>> by_gateway_;  // "ns/name"
    // By a label of their pods, and by namespace.
    std::map<std::string, std::map<std::string, Objects, std::less<>>, std::less<>> labelled_;
    // Most namespaces have no Gateway, and never ask for it.
    mutable std::optional<GatewayBook> book_;
    mutable std::uint64_t compared_ = 0;
};

std::string ns_of(const Json& object);
// "ns/name".
std::string full_name_of(const Json& object);
std::vector<std::string> texts_at(const Json& object, JsonPath path);
// Of a workload's pods, or of a pod.
const JsonObject& pod_labels(const Json& object);
// An empty selector selects nothing.
bool selects(const JsonObject& selector, const JsonObject& labels);
// "app=web": by one label of a selector what it may select is found.
std::string label_text(std::string_view name, const Json& value);
// "app=web,version=v2", in the order of the names.
std::string selector_text(const JsonObject& selector);
// As Go prints a list: "[a b]".
std::string go_list(const std::vector<std::string>& texts);
bool is_workload(std::string_view kind);
// Gateways that a VirtualService names, as "ns/name"; none means "mesh".
std::vector<std::string> gateways_of(const Json& virtual_service);

}  // namespace sluice::release
