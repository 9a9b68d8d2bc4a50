// What the demo shows of a release while it goes on. Pure: figures in, lines out.
#pragma once

#include "cli/terminal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

// What the data plane says of one version over the last seconds.
struct Flow {
    double per_second = 0;
    std::optional<double> success_percent;
    std::optional<double> p99_ms;
};

struct VersionView {
    std::string version;
    int weight = 0;
    Flow flow;
};

struct ReleaseView {
    std::string phase;
    int failed_checks = 0;
    int threshold = 0;
    VersionView primary;
    std::optional<VersionView> canary;  // none runs between releases
    double success_min = 99;            // of the Canary's checks, in percent
    double p99_max_ms = 500;
};

// Three lines that fit into 80 columns; figures beyond the Canary's thresholds in red.
std::vector<std::string> live_block(const ReleaseView& release, const Terminal& terminal);

// The same as one line, for a file.
std::string plain_line(const ReleaseView& release);

}  // namespace sluice::cli
