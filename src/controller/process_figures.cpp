#include "controller/process_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::controller {
namespace {

double seconds_of(const timeval& time) {
    constexpr double micro = 1e-6;
    return static_cast<double>(time.tv_sec) + micro * static_cast<double>(time.tv_usec);
}

// The 22nd field of /proc/self/stat counts ticks since the boot; the second one may hold blanks.
double started_at() {
    std::ifstream boot("/proc/stat");
    double booted = 0;
    for (std::string word; boot >> word;) {
        if (word == "btime") boot >> booted;
    }
    std::ifstream own("/proc/self/stat");
    std::string fields;
    std::getline(own, fields, ')');
    constexpr int fields_between = 19;
    std::string skipped;
    for (int i = 0; i < fields_between; ++i) own >> skipped;
    double ticks = 0;
    own >> ticks;
    return booted + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessFigures read_process_figures() {
    ProcessFigures figures;
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        figures.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    }
    figures.start_time_seconds = started_at();
    std::ifstream memory("/proc/self/statm");
    std::uint64_t pages = 0;
    std::uint64_t resident = 0;
    if (memory >> pages >> resident) {
        const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        figures.virtual_bytes = pages * page;
        figures.resident_bytes = resident * page;
    }
    std::error_code gone;
    for (auto file = std::filesystem::directory_iterator("/proc/self/fd", gone);
         !gone && file != std::filesystem::directory_iterator();
         file.increment(gone)) {
        ++figures.open_files;
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.files_max = limit.rlim_cur;
    return figures;
}

}  // namespace sluice::controller
