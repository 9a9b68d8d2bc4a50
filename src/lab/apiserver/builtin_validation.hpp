// What Kubernetes refuses in built-in kinds beyond types: the rows of kubernetes.md B.9 that users
// meet.
#pragma once

#include "lab/apiserver/statuses.hpp"

namespace sluice::lab {

// `before` is null at creation.
FieldErrors wrong_with_builtin(std::string_view kind, const Json& object, const Json* before);

// 1 to 65535.
void check_port(std::int64_t port, const std::string& field, FieldErrors& errors);

}  // namespace sluice::lab
