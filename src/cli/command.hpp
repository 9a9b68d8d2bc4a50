// What every command is given, and how it is added: one pair of files per command, one line in
// app/main.cpp.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace sluice::cli {

// The process as the commands see it. Clock and random outlive every command.
struct Environment {
    Clock& clock;
    Random& random;
    bool terminal;  // standard output is one: live lines and colours
};

// Set by the parsed command; its result is the exit code.
using Run = std::function<int()>;

void add_lab(CLI::App& app, Environment environment, Run& run);
void add_demo(CLI::App& app, Environment environment, Run& run);
void add_inject(CLI::App& app, Environment environment, Run& run);
void add_install(CLI::App& app, Environment environment, Run& run);
void add_canaries(CLI::App& app, Environment environment, Run& run);  // get, list
void add_status(CLI::App& app, Environment environment, Run& run);
void add_wishes(CLI::App& app, Environment environment, Run& run);  // promote … resume
void add_explain(CLI::App& app, Environment environment, Run& run);
void add_plan(CLI::App& app, Environment environment, Run& run);
void add_lint(CLI::App& app, Environment environment, Run& run);
void add_completion(CLI::App& app, Environment environment, Run& run);  // after all others

}  // namespace sluice::cli
