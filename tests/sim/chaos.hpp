// Everything that goes wrong around a release, drawn from one seed: the API server's moods, kills,
// a lying Prometheus, pods that come and go, and people who edit what they shouldn't.
#pragma once

#include "scenario/world.hpp"
#include "sim/kind.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::sim {

class Chaos {
   public:
    // The world outlives this.
    Chaos(scenario::World& world, Kind kind, std::uint64_t seed);

    // The release that this seed is about: the target, perhaps a scaler, the Canary. The text says
    // which.
    std::string make_release();
    // Does one thing, and says what.
    std::string strike();
    // What `sluice VERB` asks of the revision at hand.
    std::string wish(const std::string& verb);
    // Every pod of the target's gets unready.
    std::string take_canary_pods();
    // Ends what keeps the controller from acting at all, and nothing else.
    void calm();
    // Ends every fault; what was broken on the way stays as it is.
    void heal();
    Duration pause();

   private:
    std::string strike_once();
    std::string strike_api();
    std::string strike_controller();
    std::string strike_prometheus();
    std::string strike_hooks();
    std::string strike_pods();
    std::string strike_gateway();
    std::string edit_canary();
    std::string edit_match();
    std::string edit_reference();
    std::string edit_generated();
    std::optional<std::string> edit_weights(const std::string& ingress_copy);
    std::string edit_config();
    std::string new_image();

    int below(int bound) {
        return static_cast<int>(dice_.below(static_cast<std::uint64_t>(bound)));
    }
    bool one_in(int n) { return below(n) == 0; }
    template <typename T>
    T one_of(const std::vector<T>& all) {
        return all[dice_.below(all.size())];
    }
    bool exists(const kube::Resource& resource, const std::string& name) const;

    scenario::World& world_;
    Kind kind_;
    SeededRandom dice_;
    int next_tag_ = 1;
    bool away_ = false;
    bool has_scaler_ = false;
    bool has_other_target_ = false;
    bool has_config_ = false;
};

}  // namespace sluice::sim
