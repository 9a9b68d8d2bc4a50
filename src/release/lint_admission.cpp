// What Istio's admission webhook says of an object, before it is asked; and of those that are made
// of a Canary.
#include "base/core/text.hpp"
#include "istio/validation.hpp"
#include "release/mesh_lint.hpp"
#include "release/seen.hpp"
#include "routing/table.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace sluice::release {
namespace {

using FaultsOf = std::vector<istio::Fault> (*)(const Json&);

struct Admission {
    std::string_view kind;
    FaultsOf faults_of;
    FaultsOf warnings_of;
};

const Admission* admission_of(const Json& object) {
    static constexpr std::array<Admission, 3> all{
        {{"VirtualService", istio::faults_of_virtual_service, istio::warnings_of_virtual_service},
         {"DestinationRule",
          istio::faults_of_destination_rule,
          istio::warnings_of_destination_rule},
         {"Gateway", istio::faults_of_gateway, istio::warnings_of_gateway}}};
    if (!text_at(object, {"apiVersion"}).starts_with("networking.istio.io/")) return nullptr;
    const auto found = std::ranges::find(all, text_at(object, {"kind"}), &Admission::kind);
    return found == all.end() ? nullptr : found;
}

// Istio does not say what is wrong with "503, reset".
std::string with_hint(const istio::Fault& fault) {
    const bool is_token = fault.text.ends_with("is not a valid retryOn policy");
    if (!is_token || fault.text.find("\" ") == std::string::npos) return fault.text;
    const auto token = std::string_view(fault.text).substr(1, fault.text.find('"', 1) - 1);
    if (trimmed(token) == token) return fault.text;
    return fault.text + " (the list has no blanks after its commas)";
}

// Rules that no request reaches have codes of their own.
void tell_warning(Findings& findings, const istio::Fault& warning) {
    constexpr std::string_view rule = "virtualService rule ";
    if (!warning.text.starts_with(rule)) {
        findings.warn(
            warning.field, fmt::format("Schema validation warning: {}", warning.text), "IST0133");
        return;
    }
    auto text = fmt::format("VirtualService rule {}.", warning.text.substr(rule.size()));
    if (warning.text.find(" match ") != std::string::npos &&
        warning.text.find(" is not used (") != std::string::npos) {
        findings.inform(warning.field, std::move(text), "IST0131");
    } else {
        auto& found = findings.warn(warning.field, std::move(text), "IST0130");
        // This one takes the requests of those behind it, and the others are behind one.
        if (warning.text.ends_with("(only the last rule can have no matches)")) {
            found.suggestion = "give the rule a match, or move it behind the others";
        }
    }
}

// "Deprecated" is what still works and has a successor.
struct Successor {
    std::string_view list;  // of `spec`; empty: it stands below spec itself
    std::vector<std::string_view> path;
    std::string_view value;  // empty: any
    std::string_view text;
};

const std::vector<Successor>& successors() {
    static const std::vector<Successor> all{
        {"http", {"corsPolicy", "allowOrigin"}, "", "allowOrigin, use allowOrigins"},
        {"http", {"fault", "delay", "percent"}, "", "percent, use percentage"},
        {"",
         {"trafficPolicy", "loadBalancer", "simple"},
         "LEAST_CONN",
         "LEAST_CONN, use LEAST_REQUEST"},
        {"",
         {"trafficPolicy", "loadBalancer", "consistentHash", "minimumRingSize"},
         "",
         "minimumRingSize, use ringHash.minimumRingSize"},
        {"subsets",
         {"trafficPolicy", "loadBalancer", "simple"},
         "LEAST_CONN",
         "LEAST_CONN, use LEAST_REQUEST"},
        {"subsets",
         {"trafficPolicy", "loadBalancer", "consistentHash", "minimumRingSize"},
         "",
         "minimumRingSize, use ringHash.minimumRingSize"}};
    return all;
}

const Json* walked(const Json* from, const std::vector<std::string_view>& path) {
    for (const auto part : path) {
        if (from != nullptr) from = find(*from, {part});
    }
    return from;
}

void look_at_deprecated(Findings& findings, const Json& object) {
    const auto* spec = find(object, {"spec"});
    if (spec == nullptr) return;
    for (const auto& old : successors()) {
        const auto look = [&](const Json& holder, const std::string& at) {
            const auto* found = walked(&holder, old.path);
            if (found == nullptr || found->is_null()) return;
            if (!old.value.empty() && (!found->is_string() || found->get_string() != old.value))
                return;
            findings.warn(fmt::format("{}.{}", at, fmt::join(old.path, ".")),
                          fmt::format("Deprecated: {}", old.text),
                          "IST0002");
        };
        if (old.list.empty()) {
            look(*spec, "spec");
            continue;
        }
        const auto& entries = array_at(*spec, {old.list});
        for (std::size_t i = 0; i < entries.size(); ++i) {
            look(entries[i], fmt::format("spec.{}[{}]", old.list, i));
        }
    }
}

// Where in the Canary stands what this field was made of.
std::string field_of_canary(std::string_view field) {
    for (const std::string_view list : {"hosts", "gateways", "trafficPolicy"}) {
        if (field.starts_with(fmt::format("spec.{}", list))) {
            return fmt::format("spec.service.{}", field.substr(5));
        }
    }
    const auto dot = field.starts_with("spec.http[") ? field.find("].") : std::string_view::npos;
    if (dot == std::string_view::npos) return "spec.service";
    const auto part = field.substr(dot + 2);
    return part.starts_with("route") ? "spec.service" : fmt::format("spec.service.{}", part);
}

}  // namespace

void look_at_admission(Findings& findings, const Json& object) {
    const auto* admission = admission_of(object);
    if (admission == nullptr) return;
    for (const auto& fault : admission->faults_of(object)) {
        findings.error(
            fault.field, fmt::format("Schema validation error: {}", with_hint(fault)), "IST0106");
    }
    for (const auto& warning : admission->warnings_of(object)) tell_warning(findings, warning);
    look_at_deprecated(findings, object);
}

void look_at_own_objects(Findings& findings, const Json& canary) {
    static const routing::Table routers;
    const auto seen = seen_of(canary);
    const auto* router = routers.find(seen.canary.provider);
    if (seen.canary.provider != "istio" || router == nullptr) return;
    const auto writes = router->ensure(canary, {}, {});
    if (!writes) {
        findings.error("spec.service", writes.error().message);
        return;
    }
    std::set<std::string> said;
    for (const auto& write : *writes) {
        auto object = write.body;
        put(object, {"kind"}, Json(write.name.resource.kind));
        put(object, {"apiVersion"}, Json(write.name.resource.api_version()));
        const auto* admission = admission_of(object);
        if (admission == nullptr) continue;
        const auto called = fmt::format("{} {}", write.name.resource.kind, write.name.key.name);
        for (const auto& fault : admission->faults_of(object)) {
            if (!said.insert(fault.text).second) continue;
            findings.error(field_of_canary(fault.field),
                           fmt::format("{} would be refused: {}", called, with_hint(fault)),
                           "IST0106");
        }
        for (const auto& warning : admission->warnings_of(object)) {
            if (!said.insert(warning.text).second) continue;
            findings.warn(field_of_canary(warning.field),
                          fmt::format("{} would be warned of: {}", called, warning.text),
                          "IST0133");
        }
    }
}

}  // namespace sluice::release
