// YAML as kubectl reads it, to and from the JSON that everything else works on.
#pragma once

#include "base/core/json.hpp"
#include "base/core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

struct YamlLimits {
    std::size_t bytes = std::size_t{8} * 1024 * 1024;
    std::size_t depth = 64;
    // Values in all documents together, each use of an alias counted in full.
    std::size_t values = 1'000'000;
    // Values that stand there only because an alias repeats them.
    std::size_t repeated = 20'000;
};

// Every document of the text that is not empty, in order. Plain scalars are read by YAML 1.1 as
// kubectl does: yes, no, on, off, y and n are booleans (as keys too), 0644 is octal, 1_000 a
// number. JSON is YAML. `bad_answer` names the line ("line 7: …"), `too_large` the limit. A key
// that stands twice in one mapping is refused.
Result<std::vector<Json>> parse_yaml_documents(std::string_view text,
                                               const YamlLimits& limits = {});

// One document in the style of kubectl's -o yaml, the keys in the order in which they stand.
// Reading it again gives the same value.
std::string to_yaml(const Json& value);

}  // namespace sluice::kube
