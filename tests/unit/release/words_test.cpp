#include "release/words.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

using namespace sluice;

TEST_CASE("whatever the judgement of a Canary does is told in words") {
    // act_of(world, "roll back"), one_step_home(world, "step home", 20)
    const std::regex act(R"re((?:act_of|one_step_home)\(\s*world,\s*"([^"]+)")re");
    std::set<std::string> found;
    const auto folder = std::filesystem::path(SLUICE_SOURCE_DIR) / "src/delivery/canary";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        for (std::sregex_iterator at(text.begin(), text.end(), act), end; at != end; ++at) {
            found.insert((*at)[1]);
        }
    }
    CHECK(found.size() > 50);
    for (const auto& what : found) {
        CAPTURE(what);
        CHECK(release::words_for(what) != what);
    }
}
