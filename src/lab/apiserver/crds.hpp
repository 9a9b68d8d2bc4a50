// CustomResourceDefinitions: what is wrong with one, what the server writes into it, and the kind
// that it makes.
#pragma once

#include "lab/apiserver/statuses.hpp"

namespace sluice::lab {

inline constexpr std::string_view instances_finalizer =
    "customresourcecleanup.apiextensions.k8s.io";

void fill_in_crd_defaults(Json& crd);
FieldErrors wrong_with_crd(const Json& crd);
// Writes the status that a real cluster's controllers write a moment later: accepted names,
// conditions, stored versions. `taken` are the other definitions.
void settle_crd_status(Json& crd, const std::vector<ObjectPtr>& taken, std::string_view now);
// What goes into the status when the definition is being deleted.
void mark_crd_terminating(Json& crd, std::string_view now);
bool is_established(const Json& crd);
bool is_terminating(const Json& crd);
Kind kind_of_crd(const Json& crd);

}  // namespace sluice::lab
