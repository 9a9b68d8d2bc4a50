// What Istio's admission webhook says about VirtualServices, DestinationRules and Gateways
// (mesh-and-dashboard.md 1.13): the lab refuses by it, and lint tells of it beforehand.
#pragma once

#include "base/core/json.hpp"
#include "istio/fault.hpp"

#include <string>
#include <vector>

namespace sluice::istio {

// Faults of an object, in Istio's words; empty when it is fine.
std::vector<Fault> faults_of_virtual_service(const Json& object);
std::vector<Fault> faults_of_destination_rule(const Json& object);
std::vector<Fault> faults_of_gateway(const Json& object);

// What is admitted, and yet hardly meant.
std::vector<Fault> warnings_of_virtual_service(const Json& object);
std::vector<Fault> warnings_of_destination_rule(const Json& object);
std::vector<Fault> warnings_of_gateway(const Json& object);

// "admission webhook \"rev.validation.istio.io\" denied the request: configuration is invalid: …";
// several texts as a list.
std::string denial(const std::vector<std::string>& texts);

}  // namespace sluice::istio
