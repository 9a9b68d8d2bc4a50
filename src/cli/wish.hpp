// `sluice promote|abort|retry NAME`: what a person wishes of the revision at hand, said in an
// annotation of the Canary, so that it works whoever runs the controller; and `pause|resume`, which
// is spec.suspend.
#pragma once

#include "api/canary.hpp"
#include "kube/client.hpp"

#include <string>

namespace sluice::cli {

// Why this wish would not count now, in one line; empty when it would.
std::string objection_to(api::Verb verb, const api::Canary& canary);

// Writes the wish. Returns what was done, in one line.
Task<Result<std::string>> make_wish(kube::Client& client,
                                    kube::ObjectKey key,
                                    api::Verb verb,
                                    Time now);

enum class Suspension { pause, resume };
Task<Result<std::string>> suspend(kube::Client& client, kube::ObjectKey key, Suspension wanted);

}  // namespace sluice::cli
