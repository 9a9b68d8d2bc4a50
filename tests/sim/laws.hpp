// What must hold at every moment of a simulated release, seen from outside: on the objects as they
// are stored, and on what a request of a user would reach.
#pragma once

#include "scenario/world.hpp"
#include "sim/traffic.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::sim {

class Laws {
   public:
    // The world outlives this.
    explicit Laws(scenario::World& world);

    // Called when the world stands still, at every moment at which anything happened.
    void look();
    // What was broken so far, each once.
    const std::vector<std::string>& broken() const { return broken_; }
    // Images that the primary has carried: what was proven.
    const std::set<std::string>& proven() const { return proven_; }

   private:
    // What the controller may take over what it sees while everybody answers: nothing but the
    // moment in which it is seen, and a few more for a write that comes too late for another one.
    static constexpr Duration acts_within = std::chrono::seconds{3};

    void see_trouble();
    void see_rise(const Reach& before, const Reach& now);
    void see_nobody_left(const Reach& reach);
    void see_uninvited(const Reach& reach);
    void see_promotion(const Reach& reach);
    void lasts(bool is_wrong, const std::string& what, Duration to_act = acts_within);
    bool is_ours() const;
    bool is_proven() const;
    static bool matches(const Json& canary, const std::string& who);
    void see_routes(const lab::Change& change);
    void see_workload(const lab::Change& change);
    void see_canary(const lab::Change& change);
    void see_log();
    void broke(const std::string& what);

    scenario::World& world_;
    Traffic traffic_;
    std::vector<lab::Subscription> subscriptions_;
    std::vector<std::string> broken_;
    std::set<std::string> proven_;
    std::map<std::string, Reach> before_;
    std::set<std::string> had_pods_;  // workloads that had some since the last look
    bool by_hand_ = false;            // since the last look: routes, Services, or the Canary
    Time touched_{};                  // when that was the last time
    Time trouble_{};                  // when the controller could not have acted, the last time
    std::map<std::string, Time> wrong_since_;
    std::optional<Time> last_raise_;
    std::size_t log_seen_ = 0;
    std::size_t violations_seen_ = 0;
};

}  // namespace sluice::sim
