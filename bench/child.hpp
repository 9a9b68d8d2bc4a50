// The shipped binary as a process of its own: started, looked at through /proc, and ended.
#pragma once

#include "base/async/clock.hpp"
#include "lab/prometheus/child_process.hpp"
#include "net/http.hpp"

#include <string>
#include <vector>

namespace sluice::bench {

struct Memory {
    double resident_mib = 0;
    // Without the pages of shared libraries that other processes use too.
    double proportional_mib = 0;
    double peak_mib = 0;  // resident, since its start
};

class Child {
   public:
    // Throws when it cannot be started. Its output goes to the file.
    Child(const std::string& program, std::vector<std::string> arguments, const std::string& log);

    // Throws, with its last words, when it has ended.
    void must_run();
    Memory memory() const;
    double cpu_seconds() const;
    // SIGTERM, and waits for the end.
    Task<> stop(Clock& clock);

   private:
    std::string log_;
    lab::ChildProcess process_;
};

// Whether whoever listens there answers that it is ready.
Task<bool> is_ready(net::HttpClient& http, net::Origin origin);

// A folder for what one measurement writes; goes with it.
class Scratch {
   public:
    Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch();
    std::string path(const std::string& name) const { return folder_ + "/" + name; }

   private:
    std::string folder_;
};

}  // namespace sluice::bench
