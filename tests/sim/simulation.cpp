#include "sim/simulation.hpp"

#include "base/core/sha256.hpp"
#include "base/core/text.hpp"
#include "sim/chaos.hpp"
#include "sim/kind.hpp"
#include "sim/laws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace sluice::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::string image_of(const Json& deployment) {
    const auto& containers = array_at(deployment, {"spec", "template", "spec", "containers"});
    return containers.empty() ? "none" : std::string(text_at(containers[0], {"image"}));
}

class Simulation {
   public:
    Simulation(std::uint64_t seed, How how)
        : how_(how),
          kind_(kind_of(seed)),
          world_({.seed = seed}),
          laws_(world_),
          chaos_(world_, kind_, ~seed) {}

    Outcome play() {
        tell(to_string(kind_));
        tell(chaos_.make_release());
        world_.start_controller();
        // Mostly from a release that stands; sometimes the faults begin at once.
        if (world_.random.below(4) != 0) pass(minutes{2});
        const auto strikes = how_.brief ? 6 : 10 + world_.random.below(30);
        for (std::uint64_t i = 0; i < strikes && laws_.broken().empty(); ++i) {
            tell(chaos_.strike());
            pass(chaos_.pause());
        }
        if (laws_.broken().empty()) {
            const auto what = world_.random.below(4);
            if (what < 2) abort_in_trouble();
            if (what == 2) lose_pods_in_trouble();
        }
        if (laws_.broken().empty()) come_to_rest();

        Outcome outcome{.kind = to_string(kind_),
                        .broken = laws_.broken(),
                        .phase = world_.phase(),
                        .writes = writes_};
        outcome.broken.insert(outcome.broken.end(), wrong_.begin(), wrong_.end());
        std::string all = to_text(world_.canary());
        for (const auto& message : world_.log) all += message.level + message.text;
        outcome.digest = sha256_hex(all).substr(0, 16);
        return outcome;
    }

   private:
    // Moment by moment, with a look at each.
    void pass(Duration duration) {
        const auto end = world_.clock.now() + duration;
        while (world_.clock.now() < end) {
            const auto next = world_.clock.next_wake();
            world_.clock.run_until(std::min(next.value_or(end), end));
            laws_.look();
            tell_log();
        }
    }

    bool is_settled() const {
        const auto phase = world_.phase();
        return (phase == "Initialized" || phase == "Succeeded" || phase == "Failed") &&
               world_.status_weight() == 0 && world_.wanted(world_.target()) == 0;
    }

    std::int64_t primary_pods() const { return world_.available(world_.target() + "-primary"); }
    std::int64_t canary_pods() const { return world_.available(world_.target()); }

    bool is_analysed() const {
        return world_.phase() == "Progressing" || world_.phase() == "WaitingPromotion";
    }

    // Whatever else is wrong: a person who takes a release back is heard by a controller that runs.
    void abort_in_trouble() {
        chaos_.calm();
        tell("the controller and the API server are well");
        // A new leader takes over.
        pass(seconds{90});
        if (!laws_.broken().empty() || !is_analysed()) return;
        tell(chaos_.wish("abort"));
        bool is_away = false;
        // Those that are asked may hang, each for as long as its deadline allows.
        for (int i = 0; i < 60 && !is_away && laws_.broken().empty(); ++i) {
            pass(seconds{1});
            const bool nobody_else = primary_pods() == 0 && canary_pods() > 0;
            is_away = world_.route_weight() <= 0 || nobody_else;
        }
        expect(is_away || !laws_.broken().empty(),
               fmt::format("a minute after an abort the route gives the canary {}",
                           world_.route_weight()));
    }

    // Nor does anybody stay with a canary whose pods are gone, in whatever phase, while the primary
    // has some.
    void lose_pods_in_trouble() {
        chaos_.calm();
        tell("the controller and the API server are well");
        // A new leader takes over.
        pass(seconds{90});
        if (!laws_.broken().empty() || world_.route_weight() <= 0) return;
        tell(chaos_.take_canary_pods());
        bool is_left = false;
        // Those that are asked may hang, each for as long as its deadline allows.
        for (int i = 0; i < 60 && !is_left && laws_.broken().empty(); ++i) {
            pass(seconds{1});
            is_left = world_.route_weight() <= 0 || primary_pods() == 0 || canary_pods() > 0;
        }
        expect(is_left || !laws_.broken().empty(),
               fmt::format("a minute after the canary has lost its pods the route gives it {} in "
                           "phase {}",
                           world_.route_weight(),
                           world_.phase()));
    }

    void come_to_rest() {
        chaos_.heal();
        tell("every fault ends");
        for (int i = 0; i < 120 && laws_.broken().empty() && !(i > 5 && is_settled()); ++i) {
            pass(minutes{1});
        }
        if (!laws_.broken().empty()) return;
        pass(minutes{5});
        expect(is_settled(),
               fmt::format("two hours after the last fault the phase is {}, the weight {}",
                           world_.phase(),
                           world_.status_weight()));
        expect(world_.route_weight() == (kind_.door == Door::no_mesh ? -1 : 0),
               fmt::format("at rest the route gives the canary {}", world_.route_weight()));
        const auto primary = world_.workload(world_.target() + "-primary");
        const auto target = world_.workload(world_.target());
        expect(primary_pods() > 0, "at rest the primary has no pod");
        if (world_.phase() == "Succeeded") {
            expect(image_of(primary) == image_of(target),
                   fmt::format("{} was promoted, and the primary runs {}",
                               image_of(target),
                               image_of(primary)));
        } else {
            expect(laws_.proven().contains(image_of(primary)),
                   "the primary runs " + image_of(primary) + ", which was never proven");
        }
        world_.api.count_from_zero();
        pass(minutes{how_.brief ? 10 : 60});
        writes_ = world_.api.writes();
        expect(writes_ == 0, fmt::format("{} writes in an idle hour", writes_));
    }

    void expect(bool holds, const std::string& otherwise) {
        if (!holds) wrong_.push_back(otherwise);
    }

    void tell(const std::string& what) {
        if (how_.tell) fmt::print("{} # {}\n", rfc3339_millis(world_.clock.now()).substr(11), what);
        tell_log();
    }

    void tell_log() {
        for (; told_ < world_.log.size() && how_.tell; ++told_) {
            const auto& message = world_.log[told_];
            fmt::print("{}   {} {}\n",
                       rfc3339_millis(world_.clock.now()).substr(11),
                       message.level,
                       message.text);
        }
    }

    How how_;
    Kind kind_;
    scenario::World world_;
    Laws laws_;
    Chaos chaos_;
    std::vector<std::string> wrong_;
    int writes_ = 0;
    std::size_t told_ = 0;
};

}  // namespace

Outcome play(std::uint64_t seed, How how) {
    try {
        return Simulation(seed, how).play();
    } catch (const std::exception& error) {
        return {.kind = to_string(kind_of(seed)),
                .broken = {fmt::format("exception: {}", error.what())}};
    }
}

}  // namespace sluice::sim
