#include "lab/apiserver/health.hpp"

#include "lab/apiserver/answers.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::lab {

namespace {

// Whoever can answer is well: the store is in memory and nothing runs beside it.
constexpr std::array<std::string_view, 3> checks{"ping", "log", "etcd"};

}  // namespace

net::Response version_answer() {
    // The suffix tells a lab from a real cluster; the rest must parse as a version.
    return json_answer(200,
                       JsonObject{{"major", "1"},
                                  {"minor", "32"},
                                  {"gitVersion", "v1.32.4+sluice"},
                                  {"gitCommit", ""},
                                  {"gitTreeState", "clean"},
                                  {"buildDate", "1970-01-01T00:00:00Z"},
                                  {"goVersion", "none"},
                                  {"compiler", "clang"},
                                  {"platform", "linux/amd64"}});
}

net::Response health_answer(const ApiTarget& target) {
    const auto& segments = target.segments;
    if (segments.size() == 2) {
        const bool is_known = std::find(checks.begin(), checks.end(), segments[1]) != checks.end();
        return is_known ? text_answer(200, "ok") : no_such_path();
    }
    if (segments.size() > 2) return no_such_path();
    if (!target.query.is_set("verbose")) return text_answer(200, "ok");
    std::string text;
    for (const auto check : checks) text += fmt::format("[+]{} ok\n", check);
    text += fmt::format("{} check passed\n", segments.front());
    return text_answer(200, std::move(text));
}

}  // namespace sluice::lab
