// The checks of validation.hpp, by what they look at. Each adds its faults, in Istio's words.
#pragma once

#include "base/core/json.hpp"
#include "istio/fault.hpp"

#include <string_view>

namespace sluice::istio {

// There, and not null.
bool has(const Json& value, std::string_view field);
bool is_dns_label(std::string_view label);
// HTTP, HTTP2, GRPC, GRPC-WEB.
bool speaks_http(std::string_view protocol);

void check_host(Faults& faults, std::string_view host);
void check_duration(Faults& faults, const Json& value, JsonPath path);
// `where` is the field as Istio calls it in its texts.
void check_text_match(Faults& faults, const Json& match, std::string_view where);
// Null: none is given.
void check_destination(Faults& faults, const Json* destination);
// Of `route`: hosts, subsets and weights.
void check_weights(Faults& faults, const JsonArray& destinations);
void check_export_to(Faults& faults, const Json& object);
void check_gateway_name(Faults& faults, std::string_view name);

// An entry of a VirtualService's http.
void check_route(Faults& faults, const Json& route, bool is_delegate);
void check_redirect(Faults& faults, const Json& route);
void check_direct_response(Faults& faults, const Json& route);
void check_fault(Faults& faults, const Json& route);
void check_cors(Faults& faults, const Json& route);
void check_mirrors(Faults& faults, const Json& route);
void check_retries(Faults& faults, const Json& route);
// Of tcp and tls.
void check_connections(Faults& faults, const Json& virtual_service);

}  // namespace sluice::istio
