// A VirtualService whose routes name others that know more: each such route is replaced by theirs
// (mesh-and-dashboard.md 1.8). Pure; works on the objects as they are written.
#pragma once

#include "base/core/json.hpp"
#include "kube/resource.hpp"

#include <functional>
#include <set>

namespace sluice::mesh {

// Without hosts: its routes count only where another one names it.
bool is_delegate(const Json& virtual_service);
// Those that the routes of this one name.
std::set<kube::ObjectKey> delegates_of(const Json& virtual_service);

// Null when there is none of that name.
using FindDelegate = std::function<const Json*(const kube::ObjectKey& key)>;
// The same object with its delegates' routes in the places where they are named. A route whose
// delegate is not there, is not exported to this namespace, or asks for what the root does not let
// through, is left out.
Json with_delegates(const Json& virtual_service, const FindDelegate& find_delegate);

}  // namespace sluice::mesh
