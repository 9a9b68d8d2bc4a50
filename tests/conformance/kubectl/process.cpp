#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace sluice::conformance {

namespace {

struct Pipe {
    int read_end = -1;
    int write_end = -1;

    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
        read_end = ends[0];
        write_end = ends[1];
    }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (auto& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

}  // namespace

Process::Process(Command command) : deadline_(std::chrono::steady_clock::now() + command.limit) {
    std::vector<std::string> environment;
    for (const auto& [name, value] : command.environment) {
        environment.push_back(name);
        environment.back().append("=").append(value);
    }
    // Everything that allocates happens before the fork.
    auto words = pointers(command.words);
    auto variables = pointers(environment);
    const Pipe input;
    const Pipe output;
    const Pipe error;
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
        ::dup2(input.read_end, 0);
        ::dup2(output.write_end, 1);
        ::dup2(error.write_end, 2);
        if (::chdir(command.directory.c_str()) == 0) {
            ::execve(words[0], words.data(), variables.data());
        }
        ::_exit(127);
    }
    ::close(input.read_end);
    ::close(output.write_end);
    ::close(error.write_end);
    out_ = output.read_end;
    err_ = error.read_end;
    // Manifests are shorter than a pipe is deep.
    if (!command.input.empty()) {
        const auto written = ::write(input.write_end, command.input.data(), command.input.size());
        static_cast<void>(written);
    }
    ::close(input.write_end);
}

Process::~Process() {
    end();
}

bool Process::read_some(std::chrono::milliseconds limit) {
    std::array<pollfd, 2> waiting{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
    if (out_ < 0 && err_ < 0) return false;
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count())) <= 0) return true;
    for (auto [descriptor, text] :
         {std::pair(&out_, &outcome_.out), std::pair(&err_, &outcome_.err)}) {
        const auto& polled = waiting[descriptor == &out_ ? 0 : 1];
        if (*descriptor < 0 || polled.revents == 0) continue;
        std::array<char, 65536> bytes{};
        const auto count = ::read(*descriptor, bytes.data(), bytes.size());
        if (count > 0) {
            text->append(bytes.data(), static_cast<std::size_t>(count));
        } else {
            ::close(*descriptor);
            *descriptor = -1;
        }
    }
    return out_ >= 0 || err_ >= 0;
}

bool Process::says(std::string_view text, std::chrono::seconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (outcome_.out.find(text) == std::string::npos) {
        if (std::chrono::steady_clock::now() >= until) return false;
        if (!read_some(std::chrono::milliseconds{100})) {
            return outcome_.out.find(text) != std::string::npos;
        }
    }
    return true;
}

Outcome Process::wait() {
    while (read_some(std::chrono::milliseconds{100})) {
        if (std::chrono::steady_clock::now() < deadline_) continue;
        outcome_.timed_out = true;
        return end();
    }
    reap();
    return std::move(outcome_);
}

Outcome Process::end() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    reap();
    return outcome_;
}

void Process::reap() {
    for (auto* descriptor : {&out_, &err_}) {
        if (*descriptor >= 0) ::close(*descriptor);
        *descriptor = -1;
    }
    if (pid_ <= 0) return;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    outcome_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pid_ = -1;
}

Outcome run(Command command) {
    return Process(std::move(command)).wait();
}

}  // namespace sluice::conformance
