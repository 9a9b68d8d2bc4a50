// Plays every .scenario file.
#include "scenario/script.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <set>

using namespace sluice::scenario;

TEST_CASE("every scenario goes as it is written") {
    namespace fs = std::filesystem;
    const auto root = fs::path(SLUICE_SOURCE_DIR);
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root / "tests/scenario")) {
        if (entry.path().extension() == ".scenario") {
            files.insert(fs::relative(entry.path(), root).string());
        }
    }
    REQUIRE(files.size() >= 3);
    const auto* only = std::getenv("SLUICE_SCENARIO");
    for (const auto& file : files) {
        if (only != nullptr && file.find(only) == std::string::npos) continue;
        World world;
        Player player(world);
        for (const auto& what : player.play(parse_script(source_file(file)))) {
            MESSAGE(file << ": " << what);
            CHECK_MESSAGE(false, file);
        }
    }
}

TEST_CASE("the installed role has every row that these stories need, and no other") {
    if (std::getenv("SLUICE_SCENARIO") != nullptr) return;
    CHECK(fmt::format("{}", fmt::join(installed_role().refused(), "\n")) == "");

    auto idle = installed_role().unused();
    // API servers that do not stream lists are listed; a repeated Event is patched; and no lab
    // checks who may set blockOwnerDeletion.
    std::erase_if(idle, [](const auto& row) { return row.starts_with("list "); });
    idle.erase("patch /events");
    idle.erase("update flagger.app/canaries/finalizers");
    CHECK(fmt::format("{}", fmt::join(idle, "\n")) == "");
}
