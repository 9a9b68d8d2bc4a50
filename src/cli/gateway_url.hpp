// Where users reach what stands behind a gateway of the lab.
#pragma once

#include "base/core/json.hpp"

#include <optional>
#include <string>

namespace sluice::cli {

// "http://127.112.0.1/" of an IstioMeshGateway and its Service: the address where it really
// listens, which is another one than its status says when port 80 could not be had. Nothing while
// it has none.
std::optional<std::string> gateway_url(const Json& gateway, const Json& service);
// The same of the Gateway API's Gateway, and of the Service of ingress-nginx.
std::optional<std::string> entry_url(const Json& gateway);
std::optional<std::string> ingress_url(const Json& service);

}  // namespace sluice::cli
