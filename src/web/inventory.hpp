// Workloads and Services as lists, and one of them alone: what they are, how they fare, what leads
// to them. Pure.
#pragma once

#include "web/edges.hpp"
#include "web/figures.hpp"
#include "web/health.hpp"
#include "web/landscape.hpp"
#include "web/sidecars.hpp"
#include "web/validations.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

// What all of a list share; they outlive what is made of them.
struct InventoryParts {
    const RatesTable& rates;
    const EdgesTable& edges;
    const Landscape& landscape;
    SidecarBook& pods;
    std::map<std::string, Role> roles;  // by the workload's id
    // Of one namespace, worst first.
    std::function<std::vector<const Validation*>(const std::string& ns)> findings;
    // Routes that this reader may not see are left out.
    std::function<bool(const std::string& ns)> sees;
};

// Valid until any of its parts changes.
class Inventory {
   public:
    explicit Inventory(InventoryParts parts) : parts_(std::move(parts)) {}

    JsonObject workload(const Json& object);
    // With what is marked "detail only"; the pods are those of its namespace.
    JsonObject workload_in_detail(const Json& object, const std::vector<Json>& pods);
    JsonObject service(const Json& object);
    JsonObject service_in_detail(const Json& object);

   private:
    using Keys = std::vector<kube::ObjectKey>;
    Keys seen_of(const std::set<kube::ObjectKey>& keys) const;
    const Objects& in(const kube::Resource& resource, const std::string& ns);
    // Those whose pods a Service's selector means.
    Objects workloads_behind(const std::string& ns, const JsonObject& selector);
    Objects services_of(const Json& workload);
    std::vector<const Validation*> findings_of(const Json& workload);
    std::vector<const Validation*> findings_of_service(const kube::ObjectKey& service);
    std::vector<const Validation*> findings_on(
        const std::vector<std::pair<std::string, kube::ObjectKey>>& objects);
    JsonObject injection(const Json& workload) const;
    void judge_ways(Health& health, const std::string& id, const Role* role);

    InventoryParts parts_;
    std::map<std::pair<std::string, std::string>, Objects> in_;  // by kind and namespace
    // By namespace, and by a label of their pods.
    std::map<std::string, std::map<std::string, Objects>> labelled_;
    // By their target; found once it is asked.
    std::map<std::string_view, std::vector<const std::pair<const EdgeKey, EdgeRates>*>> ways_;
    // By namespace, and by "VirtualService test/podinfo".
    std::map<std::string, std::map<std::string, std::vector<const Validation*>>> findings_;
};

// As the mesh takes a port: by appProtocol, else by the name before its first dash, else by
// protocol.
std::string protocol_of_port(const Json& port);

}  // namespace sluice::web
