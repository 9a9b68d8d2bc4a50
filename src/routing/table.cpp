#include "routing/table.hpp"

#include "base/core/text.hpp"
#include "routing/gateway_api.hpp"
#include "routing/istio.hpp"
#include "routing/nginx.hpp"
#include "routing/no_mesh.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::routing {

Table::Table(const TableSettings& settings) {
    const auto add = [&](std::string name, Naming naming, std::unique_ptr<Router> router) {
        entries_.push_back({std::move(name), naming, std::move(router)});
    };
    add("istio", Naming::exact, std::make_unique<IstioRouter>());
    add("kubernetes", Naming::exact, std::make_unique<NoMeshRouter>());
    add("nginx", Naming::exact, std::make_unique<NginxRouter>(settings.ingress_annotations_prefix));
    add("gatewayapi:v1beta1",
        Naming::prefix,
        std::make_unique<GatewayRouter>(GatewayVersion::v1beta1));
    add("gatewayapi:v1", Naming::prefix, std::make_unique<GatewayRouter>(GatewayVersion::v1));
}

const Router* Table::find(std::string_view provider) const {
    for (const auto& [name, naming, router] : entries_) {
        const bool fits = naming == Naming::exact ? provider == name : provider.starts_with(name);
        if (fits) return router.get();
    }
    return nullptr;
}

std::vector<std::string> Table::known() const {
    std::vector<std::string> names;
    names.reserve(entries_.size());
    for (const auto& entry : entries_) names.push_back(entry.name);
    std::ranges::sort(names);
    return names;
}

std::string Table::refusal(std::string_view provider) const {
    return fmt::format("provider {} is not supported; known: {}", provider, joined(known(), ", "));
}

}  // namespace sluice::routing
