#include "lab/prometheus/child_process.hpp"

#include "base/core/text.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::lab {

namespace {

constexpr auto look_every = std::chrono::milliseconds{50};

bool is_program(const std::string& path) {
    struct stat about{};
    return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

// Only what is allowed between fork and exec: another thread may have held any lock.
[[noreturn]] void become(const char* program, char* const* arguments, int output, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died before it was asked to take us along.
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    // Not every library marks its sockets as ours alone: a listener that lived on in the child
    // would take connections that nobody answers.
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    // A process group of its own: Ctrl-C on the terminal is sluice's to hand on.
    ::setpgid(0, 0);
    ::execv(program, arguments);
    ::_exit(127);
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        if (is_program(name)) return name;
        return Error{ErrorKind::not_found, fmt::format("there is no program {}", name)};
    }
    const char* path = std::getenv("PATH");
    for (const auto folder : split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
        auto candidate = fmt::format("{}/{}", folder, name);
        if (is_program(candidate)) return candidate;
    }
    return Error{ErrorKind::not_found, fmt::format("there is no program {} on the PATH", name)};
}

Result<std::uint16_t> free_port(const std::string& address) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in wanted{};
    wanted.sin_family = AF_INET;
    ::inet_pton(AF_INET, address.c_str(), &wanted.sin_addr);
    socklen_t size = sizeof wanted;
    const bool is_bound = socket >= 0 &&
                          ::bind(socket, reinterpret_cast<sockaddr*>(&wanted), size) == 0 &&
                          ::getsockname(socket, reinterpret_cast<sockaddr*>(&wanted), &size) == 0;
    if (socket >= 0) ::close(socket);
    if (!is_bound)
        return Error{ErrorKind::unavailable, fmt::format("there is no free port on {}", address)};
    return ntohs(wanted.sin_port);
}

Result<ChildProcess> ChildProcess::start(const ChildOptions& options) {
    std::vector<char*> arguments;
    arguments.push_back(const_cast<char*>(options.program.c_str()));
    for (const auto& argument : options.arguments)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const int output =
        ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0)
        return Error{ErrorKind::denied,
                     fmt::format("opening {}: {}", options.output, std::strerror(errno))};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) become(options.program.c_str(), arguments.data(), output, parent);
    const int trouble = errno;
    ::close(output);
    if (pid < 0)
        return Error{ErrorKind::unavailable,
                     fmt::format("starting {}: {}", options.program, std::strerror(trouble))};
    return ChildProcess(pid);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), end_(other.end_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(end_, other.end_);
    return *this;
}

ChildProcess::~ChildProcess() {
    if (pid_ < 0 || ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::send_signal(int signal) {
    if (pid_ > 0 && !ended()) ::kill(pid_, signal);
}

std::optional<ChildEnd> ChildProcess::ended() {
    if (end_ || pid_ < 0) return end_;
    int status = 0;
    const auto found = ::waitpid(pid_, &status, WNOHANG);
    if (found == 0) return std::nullopt;
    end_ = ChildEnd{WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
    return end_;
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as promised there.
Task<ChildEnd> ChildProcess::wait(Clock& clock) {
    // Twenty looks a second cost nothing, and need no signal handler that a library could fight
    // for.
    for (;;) {
        if (const auto end = ended()) co_return *end;
        co_await clock.sleep_for(look_every);
    }
}

}  // namespace sluice::lab
