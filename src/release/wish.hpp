// What a person wishes of the revision at hand, said in an annotation of the Canary, so that it
// works whoever runs the controller (promote, abort, retry); and spec.suspend (pause, resume).
#pragma once

#include "api/canary.hpp"
#include "kube/client.hpp"
#include "release/seen.hpp"

#include <string>

namespace sluice::release {

// Why this wish would not count now, in one line; empty when it would.
std::string objection_to(api::Verb verb, const api::Canary& canary);

enum class Suspension { pause, resume };

// How a wish is written: by whom, and over which version (empty: any of that uid).
struct Writing {
    std::string field_manager = "sluice-cli";
    std::string resource_version = {};
};
// Writes what was decided on `seen`; the object as it is then. Asks no objection.
Task<Result<Json>> write_wish(
    kube::Client& client, CanarySeen seen, api::Verb verb, Time now, Writing writing = {});
Task<Result<Json>> write_suspension(kube::Client& client,
                                    CanarySeen seen,
                                    Suspension wanted,
                                    Writing writing = {});
// "revision v2:0f3a is rolled back, when it is resumed (it is paused)".
std::string deed_of(api::Verb verb, const api::Canary& canary);

// Reads, objects or writes. Returns what was done, in one line.
Task<Result<std::string>> make_wish(kube::Client& client,
                                    kube::ObjectKey key,
                                    api::Verb verb,
                                    Time now);
Task<Result<std::string>> suspend(kube::Client& client, kube::ObjectKey key, Suspension wanted);

}  // namespace sluice::release
