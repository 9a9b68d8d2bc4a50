// What Istio's admission webhook says about VirtualServices, DestinationRules and Gateways
// (mesh-and-dashboard.md 1.13), and the lab's own refusal of what it does not carry out: a field
// that is silently ignored would make a test in the lab worth nothing.
#pragma once

#include "base/core/json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::mesh {

// Faults of an object, in Istio's words; empty when it is fine.
std::vector<std::string> faults_of_virtual_service(const Json& object);
std::vector<std::string> faults_of_destination_rule(const Json& object);
std::vector<std::string> faults_of_gateway(const Json& object);

// What is admitted, and yet hardly meant.
std::vector<std::string> warnings_of_virtual_service(const Json& object);
std::vector<std::string> warnings_of_destination_rule(const Json& object);
std::vector<std::string> warnings_of_gateway(const Json& object);

// What the lab's gateway operator would have to leave out of an IstioMeshGateway.
std::vector<std::string> faults_of_mesh_gateway(const Json& object);

// "admission webhook \"rev.validation.istio.io\" denied the request: configuration is invalid: …";
// several faults as a list.
std::string denial(const std::vector<std::string>& faults);

}  // namespace sluice::mesh
