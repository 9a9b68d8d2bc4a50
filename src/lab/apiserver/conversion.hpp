// One object in the versions of its kind. Custom kinds only swap apiVersion; autoscalers and Events
// have two built-in forms.
#pragma once

#include "lab/apiserver/kinds.hpp"

namespace sluice::lab {

// True when the stored form can be shown as it is.
bool is_stored_form(const Kind& kind, const KindVersion& version);
Json from_storage(const Kind& kind, const KindVersion& to, const Json& stored);
Json into_storage(const Kind& kind, const KindVersion& from, Json object);

}  // namespace sluice::lab
