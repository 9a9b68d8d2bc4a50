// The checks of validation.hpp, by what they look at. Each adds its faults, in Istio's words.
#pragma once

#include "base/core/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh {

using Faults = std::vector<std::string>;

// What the lab does not carry out: "spec.http[0].x: x is not built yet".
void not_built(Faults& faults, std::string_view path, std::string_view what);
// There, and not null.
bool has(const Json& value, std::string_view field);
bool is_dns_label(std::string_view label);

void check_host(Faults& faults, std::string_view host);
void check_duration(Faults& faults, const Json& value, JsonPath path);
void check_text_match(Faults& faults, const Json& match, std::string_view where);
// Null: none is given.
void check_destination(Faults& faults, const Json* destination);
// Of `route`: hosts, subsets and weights.
void check_weights(Faults& faults, const JsonArray& destinations);

// Which of a route's kinds exclude each other, and what it hands on to a delegate.
void check_kinds_of_route(Faults& faults, const Json& route, bool is_delegate);
void check_redirect(Faults& faults, const Json& route);
void check_direct_response(Faults& faults, const Json& route);
void check_fault(Faults& faults, const Json& route);
void check_cors(Faults& faults, const Json& route);
void check_mirrors(Faults& faults, const Json& route);
// Of tcp and tls.
void check_connections(Faults& faults, const Json& virtual_service);

// A trafficPolicy at that path.
void check_traffic_policy(Faults& faults, const Json& policy, std::string_view path);

}  // namespace sluice::mesh
