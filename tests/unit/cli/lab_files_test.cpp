#include "cli/lab_files.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

using namespace sluice::cli;
namespace fs = std::filesystem;

namespace {

struct Scratch {
    fs::path path = fs::temp_directory_path() / ("sluice-lab-files-" + std::to_string(::getpid()));
    Scratch() { fs::create_directories(path); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { fs::remove_all(path); }
};

// Where /tmp is for this process, until it goes.
class OtherTmp {
   public:
    explicit OtherTmp(const fs::path& path) {
        if (const char* before = std::getenv("TMPDIR")) before_ = before;
        ::setenv("TMPDIR", path.c_str(), 1);
    }
    OtherTmp(const OtherTmp&) = delete;
    OtherTmp& operator=(const OtherTmp&) = delete;
    ~OtherTmp() {
        if (before_) {
            ::setenv("TMPDIR", before_->c_str(), 1);
        } else {
            ::unsetenv("TMPDIR");
        }
    }

   private:
    std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("one lab to a folder, and it names itself") {
    const Scratch scratch;
    const auto dir = scratch.path / "lab";
    CHECK_FALSE(lab_pid(dir));
    {
        const auto lab = LabDir::open(dir);
        REQUIRE(lab);
        CHECK(lab_pid(dir) == ::getpid());
        const auto second = LabDir::open(dir);
        REQUIRE_FALSE(second);
        CHECK(second.error().message.find("a lab runs in " + dir.string() + " already (pid ") == 0);
    }
    CHECK_FALSE(fs::exists(dir));
}

TEST_CASE("what a killed lab left behind goes when the next one starts") {
    const Scratch scratch;
    const auto dir = scratch.path / "lab";
    fs::create_directories(dir / "run" / "prometheus");
    std::ofstream(dir / "kubeconfig") << "old";
    std::ofstream(dir / "lab.lock") << "1\n";
    CHECK_FALSE(lab_pid(dir));
    const auto lab = LabDir::open(dir);
    REQUIRE(lab);
    CHECK(fs::is_empty(dir / "run"));
    CHECK_FALSE(fs::exists(dir / "kubeconfig"));
}

TEST_CASE("a lock that cannot be made is not said to be another lab's") {
    const Scratch scratch;
    fs::create_directories(scratch.path / "lab" / "lab.lock");
    const auto lab = LabDir::open(scratch.path / "lab");
    REQUIRE_FALSE(lab);
    CHECK(lab.error().message ==
          "locking " + (scratch.path / "lab" / "lab.lock").string() + ": Is a directory");
}

TEST_CASE("a folder that cannot be made is named") {
    const Scratch scratch;
    std::ofstream(scratch.path / "file") << "in the way";
    const auto lab = LabDir::open(scratch.path / "file" / "lab");
    REQUIRE_FALSE(lab);
    CHECK(lab.error().message.find((scratch.path / "file" / "lab").string()) != std::string::npos);
}

TEST_CASE("a demo takes the folder that no living lab holds") {
    const auto first = LabDir::open_passing();
    REQUIRE(first);
    const auto second = LabDir::open_passing();
    REQUIRE(second);
    CHECK(first->path() != second->path());
}

TEST_CASE("a demo's folder is not made where somebody else has put a folder in its place") {
    const Scratch scratch;
    const OtherTmp tmp(scratch.path);
    const auto dir = scratch.path / ("sluice-" + std::to_string(::getuid()));
    fs::create_directories(scratch.path / "elsewhere");
    fs::create_directory_symlink(scratch.path / "elsewhere", dir);

    const auto refused = LabDir::open_passing();
    CHECK(fs::is_empty(scratch.path / "elsewhere"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          dir.string() + " is no folder of yours: remove it, or set TMPDIR");
    fs::remove(dir);
    CHECK(LabDir::open_passing());
}

// Two users share the machine's loopback addresses, but neither a home nor the folder in /tmp.
TEST_CASE("no two labs of a machine have the same block of addresses, whoever runs them") {
    const auto mine = AddressBlock::take();
    REQUIRE(mine);
    const Scratch scratch;
    const OtherTmp tmp(scratch.path);
    const auto theirs = AddressBlock::take();
    REQUIRE(theirs);
    CHECK(theirs->number() != mine->number());
}

TEST_CASE("a block of addresses is free again when its lab has gone") {
    const auto take = [] {
        const auto block = AddressBlock::take();
        REQUIRE(block);
        return block->number();
    };
    const int first = take();
    CHECK(take() <= first);
}
