// Which provider serves which type of MetricTemplate.
#pragma once

#include "base/core/time.hpp"
#include "metrics/provider.hpp"
#include "net/http.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

class Providers {
   public:
    // The client outlives this.
    explicit Providers(net::HttpClient& http, Duration limit = std::chrono::seconds{5});

    // Null for a type that is not built; never a default.
    Provider* find(std::string_view type) const;
    // The server of built-in and inline checks.
    Provider& prometheus() const { return *find("prometheus"); }
    std::vector<std::string> known() const;
    // "type influxdb is not supported; known: prometheus"
    std::string refusal(std::string_view type) const;

   private:
    std::map<std::string, std::unique_ptr<Provider>, std::less<>> providers_;
};

}  // namespace sluice::metrics
