#include "release/lint.hpp"

#include "base/core/text.hpp"
#include "release/mesh_lint.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::release {
namespace {

using Look = void (*)(Findings&, const Json&, const Scene&);

// What is said about which kind; the group begins an apiVersion.
struct Say {
    std::string_view group;
    std::string_view kind;
    Look look;
};

constexpr std::array<Say, 15> says{
    {{"networking.istio.io/", "VirtualService", look_at_virtual_service},
     {"networking.istio.io/", "DestinationRule", look_at_destination_rule},
     {"networking.istio.io/", "Gateway", look_at_gateway},
     {"networking.istio.io/", "Sidecar", look_at_sidecar},
     {"security.istio.io/", "PeerAuthentication", look_at_policy},
     {"security.istio.io/", "RequestAuthentication", look_at_policy},
     {"security.istio.io/", "AuthorizationPolicy", look_at_policy},
     {"v1", "Service", look_at_service},
     {"v1", "Pod", look_at_pod},
     {"v1", "Namespace", look_at_namespace},
     {"apps/", "Deployment", look_at_workload},
     {"apps/", "DaemonSet", look_at_workload},
     {"apps/", "StatefulSet", look_at_workload},
     {"argoproj.io/", "Rollout", look_at_workload},
     {"flagger.app/", "Canary", look_around_canary}}};

const Say* say_about(const Json& object) {
    const auto kind = text_at(object, {"kind"});
    const auto version = text_at(object, {"apiVersion"});
    const auto found = std::ranges::find_if(
        says, [&](const Say& say) { return say.kind == kind && version.starts_with(say.group); });
    return found == says.end() ? nullptr : found;
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::error:
            return "error";
        case Level::warning:
            return "warning";
        case Level::info:
            return "info";
    }
    return {};
}

bool Around::knows(const std::string& kind) const {
    return whole && !unread.contains(kind) && !elsewhere.contains(kind);
}

bool Around::knows(const std::string& kind, std::string_view ns) const {
    return whole && !unread.contains(kind) && (!elsewhere.contains(kind) || ns == home);
}

Linter::Linter(const Around& around, LintSettings settings)
    : settings_(settings), scene_(std::make_unique<Scene>(around)) {}

Linter::~Linter() = default;

bool Linter::has_a_say(const Json& object) {
    return say_about(object) != nullptr;
}

std::vector<Finding> Linter::look(const Json& object) const {
    const auto* say = say_about(object);
    if (say == nullptr) return {};
    Findings findings(object);
    if (say->kind == "Canary") look_at_canary(findings, object, settings_);
    look_at_admission(findings, object);
    look_at_annotations(findings, object);
    say->look(findings, object, *scene_);
    auto all = findings.take();
    const auto suppressed =
        text_at(object, {"metadata", "annotations", "galley.istio.io/analyze-suppress"});
    const auto codes = split(suppressed, ',');
    std::erase_if(all, [&](const Finding& finding) {
        if (!finding.code.starts_with("IST")) return false;
        return std::ranges::any_of(codes, [&](std::string_view code) {
            return trimmed(code) == "*" || trimmed(code) == finding.code;
        });
    });
    return all;
}

std::string line_of(const Finding& finding) {
    std::string line;
    if (!finding.file.empty()) line = fmt::format("{}:{}: ", finding.file, finding.line);
    line += fmt::format("{}: {}", to_string(finding.level), finding.object);
    if (!finding.field.empty()) line += " " + finding.field;
    line += ": " + finding.text;
    if (!finding.code.empty()) line += fmt::format(" [{}]", finding.code);
    return line;
}

}  // namespace sluice::release
