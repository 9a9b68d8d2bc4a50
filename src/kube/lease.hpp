// One controller at a time: leader election with a Lease (kubernetes.md A.8).
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/async/signal.hpp"
#include "kube/client.hpp"

#include <functional>
#include <optional>
#include <string>

namespace sluice::kube {

struct LeaseOptions {
    ObjectKey lease = {"default", "sluice"};
    std::string identity;  // "<hostname>_<uuid>"
    Duration lease_duration = std::chrono::seconds{60};
    Duration renew_deadline = std::chrono::seconds{15};
    Duration retry_period = std::chrono::seconds{5};
    bool release_on_stop = true;
};
// lease > renew > 1.2 × retry, and a name and an identity; `invalid` says which does not hold.
Result<void> check(const LeaseOptions& options);

// Also the gate for everybody's writes: closed unless we lead, and from renew_deadline after the
// last renewal that succeeded was *sent*, which is before anybody else can take the lease.
class LeaderElection final : public WriteGate {
   public:
    // All outlive the election. The client is one without a gate and without a rate limit.
    LeaderElection(Executor executor,
                   Clock& clock,
                   Random& random,
                   Client& client,
                   Logger& log,
                   LeaseOptions options);
    ~LeaderElection() override;

    // Waits until we lead (at the latest lease_duration + retry_period after the last leader has
    // gone), calls `on_started`, renews; when the lease is lost or `stop` was called,
    // calls `on_stopped` (only after on_started) and returns. Who lost the lease ends the process.
    Task<> run(std::function<void()> on_started, std::function<void()> on_stopped);
    // Asks `run` to end in order and to give the lease back.
    void stop();

    bool leads() const;
    std::optional<std::string> refusal(Time now) const override;
    // Whoever holds the lease as far as we have seen; empty when nobody does.
    const std::string& holder() const;
    // How often the lease has changed hands: grows with every leader.
    std::int64_t transitions() const;
    // Called with each new holder other than ourselves.
    void on_new_leader(std::function<void(const std::string& identity)> callback);

   private:
    enum class Attempt { held, taken_by_other, failed };

    Task<Attempt> try_to_hold();
    Duration until_next_try();
    Task<Result<Json>> ask(Task<Result<Json>> request);
    Task<> pause(Duration duration);
    Task<> wait_for_stop();
    Task<> give_back();
    void observe(const Json& lease);
    Json record(Time now, bool changes_hands) const;

    Clock& clock_;
    Random& random_;
    Client& client_;
    Logger& log_;
    LeaseOptions options_;
    Signal signal_;
    std::function<void(const std::string&)> on_new_leader_;
    bool stopping_ = false;
    bool leads_ = false;
    Time renewed_{};           // when the last renewal that succeeded was sent
    Json seen_ = nullptr;      // the last Lease object seen
    std::string seen_record_;  // its spec as text
    Time seen_at_;
    std::string holder_;
    std::int64_t transitions_ = 0;
};

}  // namespace sluice::kube
