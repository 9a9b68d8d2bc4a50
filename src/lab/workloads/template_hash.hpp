// When two pod templates are the same one, and the short text that names a template
// (kubernetes.md C.1).
#pragma once

#include "base/core/json.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::lab {

// Sorted and without what means nothing: nulls, empty objects and arrays, the hash label. Equal
// templates have equal texts.
std::string template_text(const Json& pod_template);

// 8 to 10 characters of the alphabet that Kubernetes' own hashes have.
std::string template_hash(const Json& pod_template,
                          std::optional<std::int64_t> collisions = std::nullopt);

}  // namespace sluice::lab
