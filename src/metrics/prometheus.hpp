// Prometheus: an instant query and what came of it. The server is somebody else's: its answers are
// bounded, timed and believed only as far as they can be read.
#pragma once

#include "base/core/time.hpp"
#include "metrics/provider.hpp"
#include "net/http.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace sluice::metrics {

// The answer of /api/v1/query, read defensively.
Reading read_answer(int status, std::string_view body);

class Prometheus final : public Provider {
   public:
    // The client outlives this.
    explicit Prometheus(net::HttpClient& http, Duration limit = std::chrono::seconds{5});

    // "prometheus address X is not a valid URL", "prometheus credentials does not contain a
    // username".
    Result<void> check(const ProviderSpec& spec) const override;
    Task<Reading> query(ProviderSpec spec, std::string query, std::string interval) override;
    // Asks vector(1).
    Task<Result<void>> probe(ProviderSpec spec) override;

   private:
    Result<net::Request> request_for(const ProviderSpec& spec, std::string_view query) const;

    net::HttpClient& http_;
    Duration limit_;
    std::shared_ptr<const net::TlsOptions> unverified_;
};

// "prometheus address X is not a valid URL" for a server that cannot be asked.
Result<void> check_address(std::string_view server);

}  // namespace sluice::metrics
