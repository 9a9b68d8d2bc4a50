// The checks of a release as the contract tells them (web/openapi.yaml).
#pragma once

#include "release/checks.hpp"

#include <boost/json/value.hpp>

#include <vector>

namespace sluice::web {

using release::Check;
using release::Decision;

Json json_of(const Check& check);
// One per metric of the analysis, in its order; with the rounds' values when `detail`.
Json metrics_json(const api::Canary& canary, const std::vector<Decision>& run, bool detail);
// Newest first, as the contract has it.
Json decisions_json(const Json& canary);

}  // namespace sluice::web
