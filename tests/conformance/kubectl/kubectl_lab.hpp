// A lab API server on a loopback port with the real clock, and a kubectl that talks to it.
#pragma once

#include "process.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::conformance {

struct Kubectl {
    std::string path;
    int minor = 0;  // 32 of v1.32.4
    std::string version;
};

// Every kubectl that can be found: on the PATH, beside it under names such as kubectl.1.29 as the
// Google Cloud SDK has them, and those named in SLUICE_KUBECTLS (paths joined by ':'); only those
// with SLUICE_KUBECTLS_ONLY. One of each version, the oldest first.
std::vector<Kubectl> kubectls();

// Runs until it goes.
class Lab {
   public:
    explicit Lab(Kubectl kubectl);
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;
    ~Lab();

    // Words by blanks; '…' and "…" keep them together. `input` is what "-f -" reads.
    Outcome kubectl(std::string_view arguments, std::string input = {}) const;
    std::unique_ptr<Process> start(std::string_view arguments) const;
    // Exit code 0, with a test failure that shows what was said otherwise. Gives its output.
    std::string ok(std::string_view arguments, std::string input = {}) const;
    // Another exit code; gives what it said on standard error.
    std::string fails(std::string_view arguments, std::string input = {}) const;
    // Asks until the output contains the text.
    bool eventually(std::string_view arguments, std::string_view text) const;
    bool eventually_empty(std::string_view arguments) const;

    int minor() const { return kubectl_.minor; }
    std::uint16_t port() const;

   private:
    Command command(std::string_view arguments, std::string input) const;

    struct Server;
    Kubectl kubectl_;
    std::filesystem::path home_;
    std::unique_ptr<Server> server_;
};

}  // namespace sluice::conformance
