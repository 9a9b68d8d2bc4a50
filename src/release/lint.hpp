// What `sluice lint` and the dashboard find: what is wrong with a Canary that its CRD's schema lets
// pass.
#pragma once

#include "base/core/duration.hpp"
#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::release {

enum class Level { error, warning, info };
std::string_view to_string(Level level);

struct Finding {
    Level level = Level::error;
    std::string code;    // "IST0101", "SLU0003"; empty for a Canary's own mistakes
    std::string object;  // "Canary test/podinfo"
    std::string field;   // "spec.analysis.metrics[0].interval"; may be empty
    std::string text;
    std::string file;  // where it was read from, if from a file
    std::size_t line = 0;

    bool operator==(const Finding&) const = default;
};

struct LintSettings {
    Duration scrape_interval = std::chrono::seconds(15);
};

// What is wrong with one Canary by itself.
std::vector<Finding> lint_canary(const Json& canary, const LintSettings& settings = {});

// The objects around it: those of its file, or of the cluster. `whole` says that what is not among
// them does not exist.
struct Around {
    std::vector<Json> objects;
    bool whole = false;
    // Namespaces are asked for apart: not everybody may read them.
    std::optional<Json> ns;
};
// What is wrong between it and them: a target that is missing, or has no label to be found by; two
// Canaries on one target; selectors that find both versions, or only the one that rests; a gateway
// that is missing; a namespace outside the mesh.
std::vector<Finding> lint_around(const Json& canary, const Around& around);

// "canary.yaml:12: error: Canary test/podinfo spec.x: … [IST0101]".
std::string line_of(const Finding& finding);

}  // namespace sluice::release
