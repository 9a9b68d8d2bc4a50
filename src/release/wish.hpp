// What a person wishes of the revision at hand, said in an annotation of the Canary, so that it
// works whoever runs the controller (promote, abort, retry); and spec.suspend (pause, resume).
#pragma once

#include "kube/client.hpp"
#include "release/action.hpp"
#include "release/seen.hpp"

#include <string>

namespace sluice::release {

// How a wish is written: by whom, and over which version (empty: any of that uid).
struct Writing {
    std::string field_manager = "sluice-cli";
    std::string resource_version = {};
};
// Writes what was decided on `seen`; the object as it is then. Asks no objection.
Task<Result<Json>> write(
    kube::Client& client, CanarySeen seen, Action action, Time now, Writing writing = {});

// Reads, objects or writes. Returns what was done, in one line.
Task<Result<std::string>> make_wish(kube::Client& client,
                                    kube::ObjectKey key,
                                    api::Verb verb,
                                    Time now);
Task<Result<std::string>> suspend(kube::Client& client, kube::ObjectKey key, Suspension wanted);

}  // namespace sluice::release
