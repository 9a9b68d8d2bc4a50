#include "child.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sluice::bench {
namespace {

lab::ChildProcess started(const std::string& program,
                          std::vector<std::string> arguments,
                          const std::string& log) {
    auto process = lab::ChildProcess::start(
        {.program = program, .arguments = std::move(arguments), .output = log});
    if (!process) throw std::runtime_error(process.error().message);
    return std::move(*process);
}

// "Rss:   1234 kB" of a file in /proc, in MiB.
double mebibytes(std::istream& rollup, const std::string& name) {
    std::string word;
    while (rollup >> word) {
        double kib = 0;
        if (word == name + ":" && rollup >> kib) return kib / 1024;
    }
    throw std::runtime_error("the process has ended");
}

}  // namespace

Child::Child(const std::string& program, std::vector<std::string> arguments, const std::string& log)
    : log_(log), process_(started(program, std::move(arguments), log)) {}

void Child::must_run() {
    if (!process_.ended()) return;
    std::ifstream log(log_);
    std::string line;
    std::string last;
    while (std::getline(log, line)) last = line;
    throw std::runtime_error("it has ended: " + last);
}

Memory Child::memory() const {
    // Rss stands before Pss.
    std::ifstream rollup("/proc/" + std::to_string(process_.pid()) + "/smaps_rollup");
    const auto resident = mebibytes(rollup, "Rss");
    std::ifstream status("/proc/" + std::to_string(process_.pid()) + "/status");
    return {.resident_mib = resident,
            .proportional_mib = mebibytes(rollup, "Pss"),
            .peak_mib = mebibytes(status, "VmHWM")};
}

double Child::cpu_seconds() const {
    std::ifstream stat("/proc/" + std::to_string(process_.pid()) + "/stat");
    std::stringstream text;
    text << stat.rdbuf();
    // The name in parentheses may hold blanks; utime and stime are the 14th and 15th field.
    std::istringstream fields(text.str().substr(text.str().rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Task<> Child::stop(Clock& clock) {
    process_.send_signal(SIGTERM);
    co_await process_.wait(clock);
}

Task<bool> is_ready(net::HttpClient& http, net::Origin origin) {
    net::Request request;
    request.origin = std::move(origin);
    request.target = "/readyz";
    const auto answer = co_await http.send(std::move(request));
    co_return answer && answer->status == 200;
}

Scratch::Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder in /tmp");
    folder_ = pattern;
}

Scratch::~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

}  // namespace sluice::bench
