// The answers of the API server as HTTP.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "net/http.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

net::Response json_answer(int status, const Json& body);
// Text that is JSON already.
net::Response json_text_answer(int status, std::string body);
net::Response text_answer(int status, std::string body);
// The refusal as a metav1.Status, with Retry-After where it says when to come back.
net::Response status_answer(const Status& status);
// "404 page not found", which clients show as `the server could not find the requested resource`.
net::Response no_such_path();
// `Warning: 299 - "…"` for each.
void add_warnings(net::Response& response, const std::vector<std::string>& warnings);

}  // namespace sluice::lab
