#include "app/process_runner.hpp"

#include "base/async/deadline.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

extern char** environ;

namespace sluice {
namespace {

using loadtester::Ended;

constexpr Duration look_every = std::chrono::milliseconds{10};

std::string signal_name(int signal) {
    switch (signal) {
        case SIGKILL:
            return "killed";
        case SIGTERM:
            return "terminated";
        case SIGINT:
            return "interrupt";
        case SIGSEGV:
            return "segmentation fault";
        case SIGABRT:
            return "aborted";
        case SIGPIPE:
            return "broken pipe";
        default:
            return fmt::format("signal {}", signal);
    }
}

Ended ended_as(int status, std::string output) {
    if (WIFSIGNALED(status)) {
        return {.cause = "signal: " + signal_name(WTERMSIG(status)), .output = std::move(output)};
    }
    const int code = WEXITSTATUS(status);
    if (code == 0) return {.well = true, .output = std::move(output)};
    return {.cause = fmt::format("exit status {}", code), .output = std::move(output)};
}

// A process that is under way; its whole group dies with this.
class Group {
   public:
    explicit Group(pid_t leader) : leader_(leader) {}
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    ~Group() {
        if (!is_over_) kill();
    }

    void kill() {
        ::kill(-leader_, SIGKILL);
        ::waitpid(leader_, nullptr, 0);
        is_over_ = true;
    }
    // Its leader has been waited for.
    void is_over() { is_over_ = true; }

   private:
    pid_t leader_;
    bool is_over_ = false;
};

struct Started {
    pid_t pid = -1;
    int output = -1;  // to be read
};

Result<Started> start(const std::vector<std::string>& words) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
        return Error{ErrorKind::unavailable, std::strerror(errno)};
    }
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, pipe[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, pipe[1], STDERR_FILENO);
    // Not every library marks its sockets as ours alone.
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    sigset_t as_usual;
    sigemptyset(&as_usual);
    sigaddset(&as_usual, SIGPIPE);
    posix_spawnattr_setsigdefault(&how, &as_usual);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);

    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    Started started{.output = pipe[0]};
    const int failure =
        ::posix_spawnp(&started.pid, arguments[0], &files, &how, arguments.data(), environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    ::close(pipe[1]);
    if (failure == 0) return started;
    ::close(pipe[0]);
    return Error{ErrorKind::not_found,
                 failure == ENOENT
                     ? fmt::format("exec: \"{}\": executable file not found in $PATH", words[0])
                     : fmt::format("exec: \"{}\": {}", words[0], std::strerror(failure))};
}

}  // namespace

Task<Ended> ProcessRunner::run(loadtester::Command command) {
    if (command.words.empty()) co_return Ended{.cause = "there is no command"};
    const auto started = start(command.words);
    if (!started) co_return Ended{.cause = started.error().message};
    Group group(started->pid);
    std::string output;
    const auto status = co_await with_deadline<int>(
        clock_, command.limit, finish(started->pid, started->output, &output));
    if (!status) {
        group.kill();
        co_return ended_as(SIGKILL, std::move(output));
    }
    group.is_over();
    co_return ended_as(*status, std::move(output));
}

// Until both its output and its leader have ended. What is longer than can be shown is read, and
// thrown away.
Task<Result<int>> ProcessRunner::finish(pid_t pid, int output, std::string* text) {
    boost::asio::posix::stream_descriptor pipe(co_await boost::asio::this_coro::executor, output);
    std::array<char, 16 * 1024> piece{};
    for (;;) {  // ends by the end of the output, or the caller's deadline
        boost::system::error_code error;
        const auto size = co_await pipe.async_read_some(
            boost::asio::buffer(piece),
            boost::asio::redirect_error(boost::asio::use_awaitable, error));
        if (error == boost::asio::error::operation_aborted) {
            co_return Error{ErrorKind::cancelled, "cancelled"};
        }
        if (error) break;
        const auto room = loadtester::output_max - text->size();
        text->append(piece.data(), std::min(size, room));
    }
    for (;;) {  // ends by the end of the process, or the caller's deadline
        int status = 0;
        const auto found = ::waitpid(pid, &status, WNOHANG);
        if (found == pid) co_return status;
        co_await clock_.sleep_for(look_every);
    }
}

}  // namespace sluice
