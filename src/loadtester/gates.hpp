// Gates that people open and close, and hooks ask about. Closed until somebody opens them.
#pragma once

#include "base/core/result.hpp"

#include <map>
#include <string>

namespace sluice::loadtester {

class Gates {
   public:
    // With a file they survive a restart: what it says is read, and each change is written to it.
    // An Error says why it cannot be: then nothing starts.
    static Result<Gates> open(std::string state_file);
    Gates() = default;

    bool is_open(const std::string& gate);
    // The Error says that the change is not in the file; it counts all the same.
    Result<void> set(const std::string& gate, bool open);
    // Every gate that was ever asked about or set, with what it is.
    const std::map<std::string, bool>& all() const { return open_; }

   private:
    Result<void> save() const;

    std::string file_;
    std::map<std::string, bool> open_;
};

}  // namespace sluice::loadtester
