// `sluice explain NAME`: what was decided about a Canary and why, for somebody who was asleep.
#pragma once

#include "cli/canary_access.hpp"
#include "cli/terminal.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::cli {

struct Story {
    CanarySeen of;
    std::vector<Json> events;        // of the Canary, where it keeps no decisions
    std::string pods_wait_for = {};  // those that the release waits for; empty: not known
};
std::vector<std::string> story_lines(const Story& story,
                                     std::size_t last,
                                     Time now,
                                     const Terminal& terminal);
Json story_json(const Story& story, std::size_t last);

Task<Result<Story>> read_story(kube::Client& client, kube::ObjectKey key);

}  // namespace sluice::cli
