#include "cli/lab_files.hpp"

#include "base/core/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

// An open, locked file; -1 with errno, which is EWOULDBLOCK when another process holds it.
int lock_file(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        ::close(file);
        errno = why;
        return -1;
    }
    return file;
}

// A socket with that name among Linux's abstract ones; -1 when somebody has it. They are the
// network's, as loopback addresses are: all users see the same ones, containers have their own, and
// a name goes with the process that holds it.
int hold_name(std::string_view name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // The first byte stays zero: that is what makes it abstract.
    std::copy_n(
        name.begin(), std::min(name.size(), sizeof address.sun_path - 1), address.sun_path + 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int held = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (held < 0) return -1;
    if (::bind(held, reinterpret_cast<const sockaddr*>(&address), size) == 0) return held;
    ::close(held);
    return -1;
}

fs::path locks_dir() {
    return fs::temp_directory_path() / fmt::format("sluice-{}", ::getuid());
}

// Everybody writes to /tmp: a folder of our name there may be another user's, or lead elsewhere.
Result<void> make_locks_dir() {
    const auto dir = locks_dir();
    if (::mkdir(dir.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) {
        return Error{ErrorKind::denied,
                     fmt::format("making {}: {}", dir.string(), std::strerror(errno))};
    }
    struct stat found{};
    if (::lstat(dir.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == ::getuid()) {
        return {};
    }
    return Error{ErrorKind::denied,
                 fmt::format("{} is no folder of yours: remove it, or set TMPDIR", dir.string())};
}

}  // namespace

fs::path default_lab_dir() {
    if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
        return fs::path(state) / "sluice" / "lab";
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
        return fs::path(home) / ".local" / "state" / "sluice" / "lab";
    }
    return locks_dir() / "lab";
}

Result<AddressBlock> AddressBlock::take() {
    for (int number = 0; number < 16; ++number) {
        const int name = hold_name(fmt::format("sluice/lab/block-{}", number));
        if (name >= 0) return AddressBlock(number, name);
    }
    return Error{ErrorKind::unavailable,
                 "all 16 blocks of loopback addresses are taken: 16 labs run on this machine"};
}

AddressBlock::AddressBlock(AddressBlock&& other) noexcept
    : number_(other.number_), name_(std::exchange(other.name_, -1)) {}

AddressBlock::~AddressBlock() {
    if (name_ >= 0) ::close(name_);
}

Result<LabDir> LabDir::open(fs::path dir) {
    if (dir.parent_path() == locks_dir()) {
        const auto made = make_locks_dir();
        if (!made) return made.error();
    }
    std::error_code error;
    fs::create_directories(dir, error);
    if (error) {
        return Error{ErrorKind::denied,
                     fmt::format("making {}: {}", dir.string(), error.message())};
    }
    const int lock = lock_file(dir / "lab.lock");
    if (lock < 0 && errno != EWOULDBLOCK) {
        return Error{
            ErrorKind::denied,
            fmt::format("locking {}: {}", (dir / "lab.lock").string(), std::strerror(errno))};
    }
    if (lock < 0) {
        const auto pid = lab_pid(dir);
        return Error{
            ErrorKind::already_exists,
            fmt::format(
                "a lab runs in {} already{}: use another --dir, or sluice lab down --dir {}",
                dir.string(),
                pid ? fmt::format(" (pid {})", *pid) : "",
                dir.string())};
    }
    fs::permissions(dir, fs::perms::owner_all, error);
    // What a killed lab left behind.
    fs::remove_all(dir / "run", error);
    fs::remove(dir / "kubeconfig", error);
    fs::create_directories(dir / "run", error);
    if (error) {
        ::close(lock);
        return Error{ErrorKind::denied,
                     fmt::format("making {}: {}", (dir / "run").string(), error.message())};
    }
    const auto pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(lock, 0) != 0 || ::write(lock, pid.data(), pid.size()) < 0) {
        const std::string why = std::strerror(errno);
        ::close(lock);
        return Error{ErrorKind::denied,
                     fmt::format("writing {}: {}", (dir / "lab.lock").string(), why)};
    }
    return LabDir(std::move(dir), lock);
}

Result<LabDir> LabDir::open_passing() {
    for (int number = 0;; ++number) {  // ends at a folder that no lab holds
        auto dir = open(locks_dir() / fmt::format("demo-{}", number));
        if (dir || dir.error().kind != ErrorKind::already_exists) return dir;
    }
}

LabDir::LabDir(LabDir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

LabDir::~LabDir() {
    if (lock_ < 0) return;
    std::error_code error;
    fs::remove_all(path_ / "run", error);
    fs::remove(path_ / "kubeconfig", error);
    fs::remove(path_ / "lab.lock", error);
    fs::remove(path_, error);  // only when empty
    ::close(lock_);
}

std::optional<int> lab_pid(const fs::path& dir) {
    const int file = ::open((dir / "lab.lock").c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    // Only a held lock means a living lab; the pid in a file that nobody holds is a stranger's by
    // now.
    const bool held = ::flock(file, LOCK_EX | LOCK_NB) != 0;
    char text[32]{};
    const auto size = ::read(file, text, sizeof text - 1);
    ::close(file);
    if (!held || size <= 0) return std::nullopt;
    const auto pid = parse_integer(trimmed(std::string_view(text, static_cast<std::size_t>(size))));
    if (!pid) return std::nullopt;
    return static_cast<int>(*pid);
}

Result<void> write_kubeconfig(const fs::path& file, const KubeconfigTexts& texts) {
    // Written beside and renamed, so that nobody reads half of it.
    const auto beside = fs::path(file.string() + ".new");
    {
        std::ofstream out(beside, std::ios::trunc);
        out << fmt::format(R"(apiVersion: v1
kind: Config
current-context: sluice-lab
clusters:
- name: sluice-lab
  cluster:
    server: {}
    extensions:
    - name: sluice.dev/lab
      extension:
        proxy: {}
contexts:
- name: sluice-lab
  context:
    cluster: sluice-lab
    user: sluice-lab
users:
- name: sluice-lab
  user: {{}}
)",
                           texts.server,
                           texts.proxy);
        if (!out.flush())
            return Error{ErrorKind::denied, fmt::format("writing {}", beside.string())};
    }
    std::error_code error;
    fs::rename(beside, file, error);
    if (error)
        return Error{ErrorKind::denied,
                     fmt::format("writing {}: {}", file.string(), error.message())};
    return {};
}

}  // namespace sluice::cli
