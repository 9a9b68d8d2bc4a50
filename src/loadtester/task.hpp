// A task as a hook asks for it, and whoever carries commands out: real processes, or the lab's own
// load generator.
#pragma once

#include "base/async/task.hpp"
#include "base/core/result.hpp"

#include <boost/json/fwd.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::loadtester {

// What a hook is told by the controller, as far as it matters here.
struct Payload {
    std::string name;
    std::string ns;
    std::string phase;
    std::string type;  // of the hook; only sluice says it
    std::map<std::string, std::string> metadata;

    std::string canary() const { return name + "." + ns; }
    // Empty when there is none.
    std::string meta(const std::string& key) const;
    // Go's idea of true: "1", "t", "true" …
    bool flag(const std::string& key) const;
};
Result<Payload> parse_payload(std::string_view body);

struct Command {
    std::vector<std::string> words;  // the program, and its arguments
    Duration limit{};                // then it is killed, with all that it has started
};

struct Ended {
    bool well = false;
    std::string cause;   // "exit status 3", "signal: killed"; empty when well
    std::string output;  // both streams as they came, its beginning only when it is long
};

class TaskRunner {
   public:
    TaskRunner() = default;
    TaskRunner(const TaskRunner&) = delete;
    TaskRunner& operator=(const TaskRunner&) = delete;
    virtual ~TaskRunner() = default;

    // Ends at the command's limit at the latest. Cancelled, it kills the command.
    virtual Task<Ended> run(Command command) = 0;
};

inline constexpr std::size_t output_max = std::size_t{1024} * 1024;

// A command line as a shell would split it: blanks, quotes and backslashes; invalid for anything
// that only a shell can do (pipes, variables, several commands).
Result<std::vector<std::string>> split_command(std::string_view line);

}  // namespace sluice::loadtester
