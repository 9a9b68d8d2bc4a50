// docs/reference/conformance.md says where each check of the behaviour is played: what it names has
// to exist.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The names of a file's tests, those that are written in several pieces too.
std::string joined_names(const fs::path& file) {
    static const std::regex seam("\"\\s+\"");
    return std::regex_replace(text_of(file), seam, "");
}

const fs::path root(SLUICE_SOURCE_DIR);

}  // namespace

TEST_CASE("every test that the table of checks names exists") {
    const auto table = text_of(root / "docs/reference/conformance.md");
    REQUIRE(!table.empty());
    // `tests/unit/x_test.cpp` "a sentence", or `tests/scenario/x.scenario`.
    static const std::regex named("`(tests/[^`]+)`(?: \"([^\"]+)\")?");
    int count = 0;
    for (std::sregex_iterator match(table.begin(), table.end(), named), end; match != end;
         ++match) {
        ++count;
        const auto file = (*match)[1].str();
        CAPTURE(file);
        if (!fs::exists(root / file)) {
            CHECK_MESSAGE(false, file);
            continue;
        }
        const bool has_sentences = file.ends_with("_test.cpp");
        const auto name = (*match)[2].str();
        CHECK_MESSAGE(has_sentences == !name.empty(), "a test's file and its name, or a scenario");
        if (!has_sentences || name.empty()) continue;
        CHECK_MESSAGE(joined_names(root / file).find('"' + name + '"') != std::string::npos, name);
    }
    CHECK(count >= 40);
}

TEST_CASE("the table of checks has a row for each of them, in their order") {
    const auto table = text_of(root / "docs/reference/conformance.md");
    static const std::regex row("(?:^|\n)\\| ([CR])([0-9]+) \\|[^\n]*");
    int canary = 0;
    int routing = 0;
    for (std::sregex_iterator match(table.begin(), table.end(), row), end; match != end; ++match) {
        auto& last = (*match)[1].str() == "C" ? canary : routing;
        const auto number = std::stoi((*match)[2].str());
        CHECK(number == last + 1);
        last = number;
        const auto line = match->str();
        CAPTURE(line);
        // Either a test, or why there is none yet.
        const bool says =
            line.find("`tests/") != std::string::npos || line.find("not yet") != std::string::npos;
        CHECK(says);
    }
    CHECK(canary == 15);
    CHECK(routing == 25);
}
