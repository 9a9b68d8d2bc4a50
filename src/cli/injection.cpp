#include "cli/injection.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::cli {
namespace {

bool selects(const Json& deployment, const Json& pod) {
    const auto* wanted = find(deployment, {"spec", "selector", "matchLabels"});
    if (wanted == nullptr || !wanted->is_object()) return false;
    return std::ranges::all_of(wanted->get_object(), [&pod](const auto& label) {
        const auto* has = find(pod, {"metadata", "labels", std::string_view(label.key())});
        return has != nullptr && *has == label.value();
    });
}

bool is_from_before(const Json& pod, std::string_view revision) {
    if (find(pod, {"metadata", "deletionTimestamp"}) != nullptr) return false;
    if (find(pod, {"metadata", "labels", "sidecar.istio.io/inject"}) != nullptr) return false;
    const auto sidecar = text_at(pod, {"metadata", "annotations", "sidecar.istio.io/status"});
    if (sidecar.empty() || revision.empty()) return sidecar.empty() != revision.empty();
    const auto status = parse_json(sidecar);
    const auto present = status ? text_at(*status, {"revision"}) : std::string_view{};
    // An injector that does not say its revision is taken at its word.
    return !present.empty() && present != revision;
}

}  // namespace

std::vector<std::string> with_pods_from_before(const std::vector<Json>& deployments,
                                               const std::vector<Json>& pods,
                                               std::string_view revision) {
    std::vector<std::string> names;
    for (const auto& deployment : deployments) {
        const bool any = std::ranges::any_of(pods, [&](const Json& pod) {
            return selects(deployment, pod) && is_from_before(pod, revision);
        });
        if (any) names.emplace_back(text_at(deployment, {"metadata", "name"}));
    }
    return names;
}

}  // namespace sluice::cli
