// Prometheus: an instant query and what came of it. The server is somebody else's: its answers are
// bounded, timed and believed only as far as they can be read.
#pragma once

#include "base/async/task.hpp"
#include "base/core/time.hpp"
#include "net/http.hpp"

#include <string>
#include <string_view>

namespace sluice::metrics {

enum class Outcome {
    value,
    no_values,  // no series, or a value that is not a finite number
    failed,     // could not be asked, or the answer cannot be read
};

struct Reading {
    Outcome outcome = Outcome::failed;
    double value = 0;
    std::string text;  // of no_values and failed: what happened, in the peer's words

    bool operator==(const Reading&) const = default;
};

// The answer of /api/v1/query, read defensively.
Reading read_answer(int status, std::string_view body);

class Prometheus {
   public:
    // The client outlives this.
    explicit Prometheus(net::HttpClient& http, Duration limit = std::chrono::seconds{5})
        : http_(http), limit_(limit) {}

    // Never takes longer than the limit.
    Task<Reading> query(std::string server, std::string query);
    // Whether the server answers at all: asks vector(1). The text is the peer's.
    Task<Result<void>> probe(std::string server);

   private:
    net::HttpClient& http_;
    Duration limit_;
};

// "prometheus address X is not a valid URL" for a server that cannot be asked.
Result<void> check_address(std::string_view server);

}  // namespace sluice::metrics
