#include "scenario/role.hpp"

#include "base/core/json.hpp"
#include "base/core/text.hpp"
#include "kube/yaml.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <vector>

namespace sluice::scenario {
namespace {

std::vector<std::string> texts(const Json& rule, std::string_view key) {
    std::vector<std::string> result;
    for (const auto& item : array_at(rule, {key})) result.emplace_back(item.as_string());
    return result;
}

std::string verb_of(std::string_view method, bool named, bool watched) {
    if (method == "POST") return "create";
    if (method == "PUT") return "update";
    if (method == "PATCH") return "patch";
    if (method == "DELETE") return named ? "delete" : "deletecollection";
    if (watched) return "watch";
    return named ? "get" : "list";
}

}  // namespace

Role::Role(std::string_view manifests) {
    const auto documents = kube::parse_yaml_documents(manifests);
    if (!documents) throw std::runtime_error(documents.error().message);
    int roles = 0;
    for (const auto& document : *documents) {
        if (text_at(document, {"kind"}) != "ClusterRole") continue;
        ++roles;
        for (const auto& rule : array_at(document, {"rules"})) {
            for (const auto& group : texts(rule, "apiGroups")) {
                for (const auto& resource : texts(rule, "resources")) {
                    for (const auto& verb : texts(rule, "verbs")) {
                        rows_.emplace(fmt::format("{} {}/{}", verb, group, resource), false);
                    }
                }
            }
        }
    }
    if (roles != 1) throw std::runtime_error(fmt::format("{} ClusterRoles", roles));
}

// /api/v1/… and /apis/GROUP/VERSION/…, each with or without namespaces/NS.
std::optional<std::string> Role::refusal(std::string_view method, std::string_view target) {
    const auto path = target.substr(0, target.find('?'));
    const auto query = target.substr(path.size());
    auto parts = split(path.substr(1), '/');
    if (parts.front() != "api" && parts.front() != "apis") return {};

    const bool core = parts.front() == "api";
    const std::size_t head = core ? 2 : 3;
    if (parts.size() <= head) return {};
    const std::string group(core ? std::string_view{} : parts[1]);
    parts.erase(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(head));
    if (parts.front() == "namespaces" && parts.size() > 2)
        parts.erase(parts.begin(), parts.begin() + 2);

    const bool named = parts.size() > 1;
    std::string resource(parts.front());
    if (parts.size() > 2) resource += "/" + std::string(parts[2]);
    const bool watched = query.find("watch=true") != std::string_view::npos ||
                         query.find("watch=1") != std::string_view::npos;
    const auto row = fmt::format("{} {}/{}", verb_of(method, named, watched), group, resource);
    const auto found = rows_.find(row);
    if (found == rows_.end()) {
        refused_.insert(row);
        return row;
    }
    found->second = true;
    return {};
}

std::set<std::string> Role::unused() const {
    std::set<std::string> result;
    for (const auto& [row, used] : rows_) {
        if (!used) result.insert(row);
    }
    return result;
}

}  // namespace sluice::scenario
