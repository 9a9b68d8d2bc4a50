// Running a program and reading what it says, with a deadline.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace sluice::conformance {

struct Outcome {
    int code = -1;  // 128 + n when signal n ended it
    std::string out;
    std::string err;
    bool timed_out = false;

    // Both, for a message about what went wrong.
    std::string all() const { return out + err; }
};

struct Command {
    std::vector<std::string> words;
    std::map<std::string, std::string> environment = {};
    std::string directory = "/";
    std::string input = {};
    std::chrono::seconds limit{60};
};

// A program that runs until it ends, is ended, or its time is over.
class Process {
   public:
    explicit Process(Command command);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    // Kills what still runs.
    ~Process();

    // Reads until the program ends or its time is over; then it is killed.
    Outcome wait();
    // Reads until its output contains the text; false when it ends, or is too slow, before.
    bool says(std::string_view text, std::chrono::seconds limit = std::chrono::seconds{30});
    const std::string& out() const { return outcome_.out; }
    // Kills it and gives what it said.
    Outcome end();

   private:
    // Takes what can be read within that time; false when both outputs are closed.
    bool read_some(std::chrono::milliseconds limit);
    void reap();

    std::chrono::steady_clock::time_point deadline_;
    int pid_ = -1;
    int out_ = -1;
    int err_ = -1;
    Outcome outcome_;
};

Outcome run(Command command);

}  // namespace sluice::conformance
