#include "routing/router.hpp"

namespace sluice::routing {

ServiceNames service_names(const Json& canary) {
    std::string apex(text_at(canary, {"spec", "service", "name"}));
    if (apex.empty()) apex = text_at(canary, {"spec", "targetRef", "name"});
    return {.apex = apex, .primary = apex + "-primary", .canary = apex + "-canary"};
}

const std::map<std::string, std::string>& flux_annotations() {
    static const std::map<std::string, std::string> annotations{
        {"helm.toolkit.fluxcd.io/driftDetection", "disabled"},
        {"kustomize.toolkit.fluxcd.io/reconcile", "disabled"}};
    return annotations;
}

}  // namespace sluice::routing
