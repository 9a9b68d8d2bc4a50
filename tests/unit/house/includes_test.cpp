// Reads the #include lines of src/ and keeps the floors in order (src/README.md).
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Include {
    std::string file;   // "kube/client.cpp"
    std::string named;  // "net/http.hpp" or "boost/asio.hpp"
};

// The room of a file: "base/core", "delivery", "lab" …
std::string room(const std::string& path) {
    const auto first = path.substr(0, path.find('/'));
    if (first != "base") return first;
    const auto rest = path.substr(first.size() + 1);
    return first + "/" + rest.substr(0, rest.find('/'));
}

// What each room may include of the others. A room may always include itself.
const std::map<std::string, std::set<std::string>> allowed{
    {"base/core", {}},
    {"base/async", {"base/core"}},
    {"net", {"base/core", "base/async"}},
    {"kube", {"base/core", "base/async", "net"}},
    {"api", {"base/core"}},
    {"delivery", {"base/core", "api"}},
    {"istio", {"base/core"}},
    {"routing", {"base/core", "base/async", "api", "kube"}},
    {"metrics", {"base/core", "base/async", "api", "net"}},
    {"notify", {"base/core", "base/async", "api", "net"}},
    {"controller",
     {"base/core", "base/async", "net", "kube", "api", "delivery", "routing", "metrics", "notify"}},
    {"release",
     {"base/core",
      "base/async",
      "net",
      "kube",
      "api",
      "delivery",
      "istio",
      "routing",
      "controller"}},
    {"loadtester", {"base/core", "base/async", "net"}},
    {"lab", {"base/core", "base/async", "net", "kube", "istio", "loadtester"}},
    {"web",
     {"base/core",
      "base/async",
      "net",
      "kube",
      "api",
      "delivery",
      "istio",
      "routing",
      "metrics",
      "notify",
      "controller",
      "release"}},
    {"cli",
     {"base/core",
      "base/async",
      "net",
      "kube",
      "api",
      "delivery",
      "istio",
      "routing",
      "metrics",
      "notify",
      "controller",
      "release",
      "loadtester",
      "lab",
      "web"}},
    {"app",
     {"base/core",
      "base/async",
      "net",
      "kube",
      "api",
      "delivery",
      "istio",
      "routing",
      "metrics",
      "notify",
      "controller",
      "release",
      "loadtester",
      "lab",
      "web",
      "cli"}},
};

std::vector<Include> includes() {
    std::vector<Include> found;
    const fs::path source = fs::path(SLUICE_SOURCE_DIR) / "src";
    const std::regex line_form(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
        if (entry.path().extension() != ".hpp" && entry.path().extension() != ".cpp") continue;
        std::ifstream file(entry.path());
        std::string line;
        std::smatch match;
        while (std::getline(file, line)) {
            if (std::regex_search(line, match, line_form)) {
                found.push_back({fs::relative(entry.path(), source).string(), match[1]});
            }
        }
    }
    return found;
}

bool is_ours(const std::string& named) {
    return named.find('/') != std::string::npos && allowed.contains(room(named));
}

std::vector<std::string> files_with(std::string_view text, const std::set<std::string>& except) {
    std::vector<std::string> found;
    const fs::path source = fs::path(SLUICE_SOURCE_DIR) / "src";
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
        if (!entry.is_regular_file()) continue;
        const auto name = fs::relative(entry.path(), source).string();
        if ((entry.path().extension() != ".hpp" && entry.path().extension() != ".cpp") ||
            except.contains(name))
            continue;
        std::ifstream file(entry.path());
        const std::string whole{std::istreambuf_iterator<char>(file), {}};
        if (whole.find(text) != std::string::npos) found.push_back(name);
    }
    return found;
}

}  // namespace

TEST_CASE("no room includes one that stands above it") {
    const auto all = includes();
    REQUIRE(all.size() > 20);
    for (const auto& include : all) {
        if (!is_ours(include.named)) continue;
        const auto from = room(include.file);
        const auto to = room(include.named);
        CAPTURE(include.file);
        CAPTURE(include.named);
        REQUIRE(allowed.contains(from));
        CHECK((from == to || allowed.at(from).contains(to)));
    }
}

TEST_CASE("Beast stays in at most six files of net") {
    std::set<std::string> files;
    for (const auto& include : includes()) {
        if (!include.named.starts_with("boost/beast")) continue;
        CHECK(room(include.file) == "net");
        files.insert(include.file);
    }
    CHECK(files.size() <= 6);
}

TEST_CASE("the vocabulary and the judgement reach neither Asio nor Beast") {
    for (const auto& include : includes()) {
        const auto from = room(include.file);
        if (from != "api" && from != "delivery" && from != "istio" && from != "base/core") continue;
        CAPTURE(include.file);
        CHECK_FALSE(include.named.starts_with("boost/asio"));
        CHECK_FALSE(include.named.starts_with("boost/beast"));
        CHECK_FALSE(include.named.starts_with("base/async"));
    }
}

TEST_CASE("the clock, timers and randomness have one real implementation each") {
    CHECK(files_with("system_clock::now", {"app/real_world.cpp"}) == std::vector<std::string>{});
    CHECK(files_with("steady_clock::now", {"app/real_world.cpp"}) == std::vector<std::string>{});
    CHECK(files_with("steady_timer",
                     {"app/real_world.cpp", "base/async/signal.hpp", "base/async/signal.cpp"}) ==
          std::vector<std::string>{});
    CHECK(files_with("random_device", {"app/real_world.cpp"}) == std::vector<std::string>{});
    CHECK(files_with("asio::detached", {}) == std::vector<std::string>{});
}
