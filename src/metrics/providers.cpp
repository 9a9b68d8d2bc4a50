#include "metrics/providers.hpp"

#include "base/core/excerpt.hpp"
#include "base/core/text.hpp"
#include "metrics/prometheus.hpp"

#include <fmt/format.h>

namespace sluice::metrics {

Providers::Providers(net::HttpClient& http, Duration limit) {
    providers_["prometheus"] = std::make_unique<Prometheus>(http, limit);
}

Provider* Providers::find(std::string_view type) const {
    const auto found = providers_.find(type);
    return found == providers_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Providers::known() const {
    std::vector<std::string> names;
    names.reserve(providers_.size());
    for (const auto& [name, provider] : providers_) names.push_back(name);
    return names;
}

std::string Providers::refusal(std::string_view type) const {
    constexpr std::size_t shown_max = 64;
    return fmt::format(
        "type {} is not supported; known: {}", excerpt(type, shown_max), joined(known(), ", "));
}

}  // namespace sluice::metrics
