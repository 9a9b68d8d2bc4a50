// The controller's own metrics: the peer's names and values (canary.md 5.5), and a few of ours. The
// series of a Canary go when it goes.
#pragma once

#include "base/core/time.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace sluice::controller {

// Whose series they are. The label `name` is the target's, as with the peer.
struct Measured {
    std::string target;
    std::string primary;
    std::string ns;

    bool operator==(const Measured&) const = default;
};

struct RunResult {
    std::string strategy;  // "canary"
    std::string analysis;  // "completed", "skipped"
};

class OwnMetrics {
   public:
    OwnMetrics(const std::string& version, const std::string& mesh_provider);
    OwnMetrics(const OwnMetrics&) = delete;
    OwnMetrics& operator=(const OwnMetrics&) = delete;
    ~OwnMetrics();

    // The exposition, for /metrics.
    std::string text() const;

    // None takes the series away.
    void set_total(const std::string& ns, std::size_t canaries);
    // flagger_canary_status: 0 Progressing, 2 Failed, 1 any other phase; sluice_canary_phase: 1 for
    // this one, and no series for the others.
    void set_status(const Measured& subject, std::string_view phase);
    struct Weights {
        int primary;
        int canary;
    };
    void set_weights(const Measured& subject, Weights weights);
    void observe_analysis(const Measured& subject, Duration took);
    void set_check(const Measured& subject, const std::string& check, double value);
    void count_success(const Measured& subject, const RunResult& run);
    void count_failure(const Measured& subject, const RunResult& run);
    void count_law_violation(const Measured& subject);
    // An alert or an event webhook: "sent", "failed", "dropped".
    void count_notification(std::string_view result);
    void set_api_requests(std::uint64_t reads, std::uint64_t writes);
    // Drops every series of a Canary that is gone.
    void forget(const Measured& subject);

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::controller
