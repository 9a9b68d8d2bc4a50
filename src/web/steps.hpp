// The steps of a release: what the plan has, how far it came, and when, as far as the decisions
// that are kept tell it.
#pragma once

#include "delivery/canary/outlook.hpp"
#include "release/seen.hpp"
#include "web/checks.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct Steps {
    int index = -1;  // of the current one; `total` when all are done, -1 before the first
    int total = 0;
    Json items;  // array
};
Steps steps_of(const release::CanarySeen& seen, const std::vector<Decision>& run);

// setWeight, iteration, mirror, switch, promote, primaryWeight or finish.
std::string_view type_of(const canary::PlannedStep& step);

}  // namespace sluice::web
