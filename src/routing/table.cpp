#include "routing/table.hpp"

#include "base/core/text.hpp"
#include "routing/istio.hpp"

#include <fmt/format.h>

namespace sluice::routing {

Table::Table() {
    routers_["istio"] = std::make_unique<IstioRouter>();
}

const Router* Table::find(std::string_view provider) const {
    const auto found = routers_.find(provider);
    return found == routers_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Table::known() const {
    std::vector<std::string> names;
    names.reserve(routers_.size());
    for (const auto& [name, router] : routers_) names.push_back(name);
    return names;
}

std::string Table::refusal(std::string_view provider) const {
    return fmt::format("provider {} is not supported; known: {}", provider, joined(known(), ", "));
}

}  // namespace sluice::routing
