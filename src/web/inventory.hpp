// Workloads and Services as lists, and one of them alone: what they are, how they fare, what leads
// to them. Pure.
#pragma once

#include "web/edges.hpp"
#include "web/figures.hpp"
#include "web/health.hpp"
#include "web/sidecars.hpp"
#include "web/validations.hpp"

#include <boost/json/object.hpp>

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
    const std::map<std::string, Sidecars>& sidecars;  // by the workload's id
    std::map<std::string, Role> roles;                // likewise
    // By the object's namespace.
    std::map<std::string, std::vector<Json>> workloads, services, virtual_services,
        destination_rules, pods;
    std::map<std::string, Json> namespaces;
    // Of each release: its primary's and its canary's Service, and its apex, whose traffic goes
    // there.
    std::map<kube::ObjectKey, kube::ObjectKey> apexes;
    std::vector<const Validation*> findings;
};

// Traffic that arrives, by the id of a workload or a Service.
std::map<std::string, EdgeRates> arrivals_of(const EdgesTable& edges);

class Inventory {
   public:
    explicit Inventory(const InventoryParts& parts);

    JsonObject workload(const Json& object) const;
    // With what is marked "detail only".
    JsonObject workload_in_detail(const Json& object) const;
    JsonObject service(const Json& object) const;
    JsonObject service_in_detail(const Json& object) const;

   private:
    struct Routes {
        std::vector<const Json*> virtual_services, destination_rules;
    };
    std::set<kube::ObjectKey> services_concerned(const Json& virtual_service) const;
    const Routes& routes_of(const kube::ObjectKey& service) const;
    std::vector<const Json*> services_of(const Json& workload) const;
    std::vector<const Validation*> findings_of(const Json& workload) const;
    std::vector<const Validation*> findings_of_service(const kube::ObjectKey& service) const;
    std::vector<const Validation*> findings_on(
        const std::vector<std::pair<std::string, kube::ObjectKey>>& objects) const;
    JsonObject injection(const Json& workload) const;

    const InventoryParts& parts_;
    std::map<std::string, EdgeRates> arrivals_;
    std::map<kube::ObjectKey, Routes> routes_;  // by Service
    // By "VirtualService test/podinfo".
    std::map<std::string, std::vector<const Validation*>> findings_;
};

// As the mesh takes a port: by appProtocol, else by the name before its first dash, else by
// protocol.
std::string protocol_of_port(const Json& port);

}  // namespace sluice::web
