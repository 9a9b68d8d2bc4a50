// What this process costs, under the names that every Prometheus client library gives it.
#pragma once

#include <cstdint>

namespace sluice::controller {

// Zero where /proc does not say.
struct ProcessFigures {
    double cpu_seconds = 0;
    double start_time_seconds = 0;  // since 1970
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_files = 0;
    std::uint64_t files_max = 0;
};

ProcessFigures read_process_figures();

}  // namespace sluice::controller
