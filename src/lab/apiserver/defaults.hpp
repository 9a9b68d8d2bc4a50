// The defaults that a real API server writes into built-in kinds (kubernetes.md B.6): users see
// them in `-o yaml`, and controllers rely on them. Custom kinds have theirs in their schema.
#pragma once

#include "base/core/json.hpp"

#include <string_view>

namespace sluice::lab {

struct SchemaNode;

// Members that are null say nothing in a built-in kind; they vanish, as do empty maps of metadata.
void drop_nulls(Json& object);
// The same of the metadata only: what is null elsewhere in a custom object is its schema's affair.
void drop_nulls_of_metadata(Json& object);

// By the Kind of the object, in the version of storage.
void fill_in_defaults(std::string_view kind, Json& object);
// Every quantity of a built-in kind becomes its canonical text. False when one is malformed.
bool write_quantities_canonically(const SchemaNode& schema, Json& object);
// The spec of a pod or of a pod template.
void fill_in_pod_defaults(JsonObject& spec);

}  // namespace sluice::lab
