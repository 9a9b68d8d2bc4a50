// What must hold at every moment of a simulated release, seen from outside: on the objects as they
// are stored, and on what a request of a user would reach.
#pragma once

#include "lab/mesh/table_builder.hpp"
#include "scenario/world.hpp"

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
    struct Reached {
        int share = 0;
        std::size_t endpoints = 0;
    };
    using Reach = std::map<std::string, Reached>;  // by Service

    std::string version_behind(const std::string& service) const;
    Reach reach();
    void see_routes(const lab::Change& change);
    void see_deployment(const lab::Change& change);
    void see_canary(const lab::Change& change);
    void see_requests();
    void see_log();
    void broke(const std::string& what);

    scenario::World& world_;
    mesh::TableBuilder table_;
    std::vector<lab::Subscription> subscriptions_;
    std::vector<std::string> broken_;
    std::set<std::string> proven_;
    Reach before_;
    bool routes_by_hand_ = false;  // since the last look
    std::optional<Time> last_raise_;
    std::size_t log_seen_ = 0;
    std::size_t violations_seen_ = 0;
};

}  // namespace sluice::sim
