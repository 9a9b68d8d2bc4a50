// Cross-origin requests: the proxy answers a browser's preflight in the app's place, and tells it
// what it may read of an answer.
#pragma once

#include "lab/mesh/route.hpp"

#include <string>
#include <vector>

namespace sluice::mesh {

struct CorsPolicy {
    std::vector<TextMatch> origins;
    // As they are written into the headers; empty: no such header.
    std::string methods, headers, exposed, max_age_seconds;
    bool allows_credentials = false;
    // A preflight of another origin is for the app to answer.
    bool forwards_unmatched = true;

    bool allows(std::string_view origin) const;
    // What every answer to an allowed origin carries.
    void add_to_answer(net::Headers& headers, std::string_view origin) const;
    // What the answer to its preflight carries.
    void add_to_preflight(net::Headers& headers, std::string_view origin) const;
};

std::shared_ptr<const CorsPolicy> parse_cors(const Json& json);

// OPTIONS with an Origin that asks for a method.
bool is_preflight(const RequestHead& request);

}  // namespace sluice::mesh
