// A cluster of plain values that carries out the judgement's moves, and can be killed between any
// two writes. It watches the two laws with its own eyes, not with those of delivery/traffic.
#pragma once

#include "delivery/canary/next.hpp"

#include <boost/json.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::model {

using namespace canary;

// Thrown in place of a write: the process is gone.
struct Killed {};

// How the Deployment controller and the kubelets behave.
enum class Pods {
    instant,  // whatever is written is so at the next look
    staged,   // one stage per `work`: written, seen, available
};

class Cluster {
   public:
    Cluster();

    // --- what people do ---
    void set_image(const std::string& image);
    // The target's pods get their environment from it.
    void use_config(const std::string& reference);
    void set_config(const std::string& reference, const std::string& value);
    std::string config(const std::string& reference) const;
    // The traffic was moved by hand: requests may have been anywhere.
    void by_hand() { canary_reached_at_ = now; }
    bool is_promoting() const { return phase() == "Promoting" || phase() == "Finalising"; }
    // What `sluice VERB` asks of the revision at hand.
    void wish(const std::string& verb);
    void edit_canary(const std::function<void(Json& spec)>& edit);
    // Pods of these images never become available.
    std::set<std::string> bad_images;
    std::function<Answer(const Question&)> answer = [](const Question&) -> Answer {
        return {Outcome::passed, {}, std::nullopt};
    };

    // --- what the cluster does ---
    void work();
    void pass_time(Duration by) { now += by; }

    // --- what the controller does ---
    // One tick; false when it was killed on the way. Memory and evidence are lost then.
    bool tick();
    // Ticks, work and waiting until nothing happens any more or the time is over.
    void run(Duration longest);
    // The process is killed when it has made this many writes.
    std::optional<int> writes_left;
    int writes = 0;
    int ticks = 0;

    // --- what is seen from outside ---
    Json status() const;
    std::string phase() const;
    // Without a mesh it is all or nothing: whom the apex Service selects.
    Weights live() const;
    std::string image_of(const Json& deployment) const;
    Seen seen() const;
    World world() const { return world_of(seen(), now); }

    Time now;
    Json canary;
    std::optional<Json> target, primary, target_scaler, primary_scaler;
    std::optional<Json> apex, primary_service, canary_service;
    std::vector<Json> revisions;
    std::vector<Json> old_scalers;        // ours, of an earlier spec.autoscalerRef
    std::map<std::string, Json> configs;  // whole, by "configmap/NAME"
    std::optional<Weights> routes;
    bool drifted = false;
    bool can_mirror = false;
    bool no_mesh = false;
    std::string hindrance;  // of the routes
    Settings settings;
    Remembered remembered;
    Pods pods = Pods::instant;

    // Events in the order of their first writing, each key once.
    std::vector<std::string> messages;
    std::vector<std::string> log;         // effects and statuses, one line each
    std::vector<int> weights;             // the canary's weights, each change
    std::vector<std::string> complaints;  // broken laws and other wrongs
    std::vector<std::string> alerts;
    std::vector<std::string> finishes;
    std::optional<Move> last_move;

   private:
    void perform(const Effect& effect);
    void write();
    void set_routes(Weights to);
    void scale(std::int64_t replicas);
    void copy(const CopyConfig& copy);
    void work_on(Json& deployment);
    void touch(Json& object, bool spec_changed);
    std::optional<Json>* slot(Kind kind, const std::string& name);
    bool serves(const std::optional<Json>& deployment) const;

    std::set<std::string> event_keys_;
    int versions_ = 100;
    int uids_ = 0;
    std::optional<Time> canary_reached_at_;  // when traffic could last reach the canary's pods
};

// Told when a Canary is new.
inline constexpr const char* will_rest =
    "podinfo.test is scaled to zero between releases: deleting this Canary leaves its users "
    "without "
    "pods unless spec.revertOnDeletion is true";

// Without readiness Warnings, which depend on when one looks.
std::vector<std::string> story(const std::vector<std::string>& messages);

}  // namespace sluice::model
