// The steps of a release: what the plan has, how far it came, and when, as far as the decisions
// that are kept tell it.
#pragma once

#include "delivery/canary/outlook.hpp"
#include "release/seen.hpp"
#include "web/checks.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct Steps {
    int index = -1;  // of the current one; `total` when all are done, -1 before the first
    int total = 0;
    Json items;  // array
};
// `events`: of this Canary, for what is older than the decisions that are kept.
Steps steps_of(const release::CanarySeen& seen,
               const std::vector<Decision>& run,
               const std::vector<Json>& events = {});
// When the run under way, or the last one, began; nothing where nobody tells.
std::optional<Time> run_began(const api::Canary& canary,
                              const std::vector<Decision>& run,
                              const std::vector<Json>& events);

// Whether it says that a run of this target began.
bool is_start_of_run(const Json& event, std::string_view ns, std::string_view target);

// setWeight, iteration, mirror, switch, promote, primaryWeight, home or finish.
std::string_view type_of(const canary::PlannedStep& step);

}  // namespace sluice::web
