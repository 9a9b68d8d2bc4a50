// What a name, a label and other texts of metadata may look like, with the words in which
// Kubernetes refuses them (kubernetes.md B.9).
#pragma once

#include "lab/apiserver/statuses.hpp"

namespace sluice::lab {

// Which rule an object's name follows.
enum class NameRule { subdomain, label, dns1035_label, path_segment };
NameRule name_rule_of(const Kind& kind);

// The detail of a refusal, or nothing when the name is well formed.
std::optional<std::string> wrong_with_name(std::string_view name, NameRule rule);
std::optional<std::string> wrong_with_label_key(std::string_view key);
std::optional<std::string> wrong_with_label_value(std::string_view value);

// metadata.labels and the like; `field` is the path of the map.
void check_labels(const Json* labels, std::string_view field, FieldErrors& errors);
// Everything about metadata that holds for every kind.
FieldErrors wrong_with_metadata(const Kind& kind, const Json& object);

}  // namespace sluice::lab
