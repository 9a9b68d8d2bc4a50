// `sluice plan -f FILE|NAME`: what a Canary makes, and each step of a release that goes well.
#pragma once

#include "cli/canary_access.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace sluice::cli {

struct Made {
    std::string kind;
    std::string name;

    bool operator==(const Made&) const = default;
};
// In the order in which they are made.
std::vector<Made> objects_of(const CanarySeen& seen);

std::vector<std::string> plan_lines(const CanarySeen& seen);
Json plan_json(const CanarySeen& seen);

// The Canaries of YAML text. `ns` is for those that name none.
Result<std::vector<Json>> canaries_in(std::string_view yaml, const std::string& ns);
// A file, or standard input for "-".
Result<std::string> read_text(const std::string& file);

}  // namespace sluice::cli
