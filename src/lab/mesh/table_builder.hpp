// Makes the proxy's tables from the cluster's objects. Each object is compiled once when it
// changes, and only what names it is put together anew, so a change among thousands costs
// microseconds.
#pragma once

#include "lab/mesh/route_table.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace sluice::mesh {

// The labels that an IstioMeshGateway's pods carry: the user's, and those by which Gateways select.
Labels gateway_pod_labels(const Json& mesh_gateway);
// "<control plane with dashes>.<namespace>", as in label istio.io/rev.
std::string revision_of(std::string_view control_plane, std::string_view ns);

class TableBuilder {
   public:
    TableBuilder();
    TableBuilder(const TableBuilder&) = delete;
    TableBuilder& operator=(const TableBuilder&) = delete;
    ~TableBuilder();

    // What stands under that key now; null when it is gone.
    void virtual_service(const kube::ObjectKey& key, const Json* object);
    void destination_rule(const kube::ObjectKey& key, const Json* object);
    void gateway(const kube::ObjectKey& key, const Json* object);
    void mesh_gateway(const kube::ObjectKey& key, const Json* object);
    void service(const kube::ObjectKey& key, const Json* object);
    void endpoint_slice(const kube::ObjectKey& key, const Json* object);
    void pod(const kube::ObjectKey& key, const Json* object);

    // A listener that is put together elsewhere, and the HTTPRoutes of a Service; null when it is
    // gone.
    void entry_listener(const std::string& name, GatewayListenerPtr listener);
    void service_routes(const std::string& host, ServiceRoutesPtr routes);

    // Something that a table shows has changed since the last one.
    bool is_dirty() const;
    // The table as of now; the last one again when nothing has changed.
    RouteTablePtr build();

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::mesh
