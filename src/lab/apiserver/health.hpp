// /version and the health checks.
#pragma once

#include "lab/apiserver/api_request.hpp"
#include "net/http.hpp"

namespace sluice::lab {

net::Response version_answer();
// /healthz, /livez, /readyz, with ?verbose, and one check by its name (/livez/ping).
net::Response health_answer(const ApiTarget& target);

}  // namespace sluice::lab
