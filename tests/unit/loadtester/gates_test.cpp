#include "loadtester/gates.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::loadtester;

namespace {

struct Folder {
    Folder()
        : path(std::filesystem::temp_directory_path() /
               ("sluice-gates-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(path);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file() const { return (path / "gates.json").string(); }

    std::filesystem::path path;
};

}  // namespace

TEST_CASE("gates in a file survive a restart") {
    const Folder folder;
    {
        auto gates = Gates::open(folder.file());
        REQUIRE(gates);
        CHECK(gates->set("podinfo.test", true));
        CHECK(gates->set("other.test", true));
        CHECK(gates->set("other.test", false));
    }
    auto gates = Gates::open(folder.file());
    REQUIRE(gates);
    CHECK(gates->is_open("podinfo.test"));
    CHECK_FALSE(gates->is_open("other.test"));
    CHECK_FALSE(gates->is_open("unknown.test"));
}

TEST_CASE("a file that cannot be read or written is said before anything starts") {
    const Folder folder;
    std::ofstream(folder.file()) << "{";
    const auto broken = Gates::open(folder.file());
    REQUIRE_FALSE(broken);
    CHECK(broken.error().message.find("reading the gates in") == 0);
    const auto nowhere = Gates::open((folder.path / "no" / "gates.json").string());
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().message.find("No such file or directory") != std::string::npos);
}
