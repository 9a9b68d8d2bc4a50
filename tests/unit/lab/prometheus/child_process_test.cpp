#include "lab/prometheus/child_process.hpp"

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::lab;

namespace {

std::string scratch(const std::string& name) {
    return (std::filesystem::temp_directory_path() /
            ("sluice-child-" + std::to_string(::getpid()) + "-" + name))
        .string();
}

Task<> wait_for(ChildProcess& child, Clock& clock, std::optional<ChildEnd>& end) {
    end = co_await child.wait(clock);
}

int end_of(ChildProcess& child) {
    boost::asio::io_context context;
    const auto clock = make_real_clock();
    std::optional<ChildEnd> end;
    TaskGroup group(context.get_executor());
    group.spawn("wait", wait_for(child, *clock, end));
    context.run_for(std::chrono::seconds{10});
    REQUIRE(end.has_value());
    return end->exit_code;
}

}  // namespace

TEST_CASE("a program is found on the PATH, or named as missing") {
    CHECK(find_program("sh").value().ends_with("/sh"));
    CHECK(find_program("/bin/sh").value() == "/bin/sh");
    CHECK(find_program("no-such-program").error().message ==
          "there is no program no-such-program on the PATH");
}

TEST_CASE("a child gets no file or socket of ours") {
    constexpr int kept = 57;
    REQUIRE(::dup2(STDERR_FILENO, kept) == kept);
    auto child = ChildProcess::start({.program = "/bin/sh",
                                      .arguments = {"-c", "test ! -e /proc/self/fd/57"},
                                      .output = "/dev/null"});
    REQUIRE(child.has_value());
    CHECK(end_of(*child) == 0);
    ::close(kept);
}

TEST_CASE("a child's words go into a file and its end is told as a code") {
    const auto file = scratch("words");
    auto child = ChildProcess::start(
        {.program = "/bin/sh", .arguments = {"-c", "echo hello; exit 3"}, .output = file});
    REQUIRE(child.has_value());
    CHECK(end_of(*child) == 3);
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    CHECK(line == "hello");
    std::filesystem::remove(file);
}

TEST_CASE("a child that is killed tells the signal, and one that is forgotten is killed") {
    auto child = ChildProcess::start(
        {.program = "/bin/sh", .arguments = {"-c", "sleep 60"}, .output = "/dev/null"});
    REQUIRE(child.has_value());
    child->send_signal(SIGKILL);
    CHECK(end_of(*child) == 128 + SIGKILL);

    pid_t pid = 0;
    {
        const auto other = ChildProcess::start(
            {.program = "/bin/sh", .arguments = {"-c", "sleep 60"}, .output = "/dev/null"});
        pid = other->pid();
        CHECK(::kill(pid, 0) == 0);
    }
    CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a program that cannot run ends with code 127") {
    auto child =
        ChildProcess::start({.program = "/etc/passwd", .arguments = {}, .output = "/dev/null"});
    REQUIRE(child.has_value());
    CHECK(end_of(*child) == 127);
}
