#include "sim/laws.hpp"

#include "api/canary.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::sim {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

// What it may take to be back when nobody has answered, or nobody led: the longest pause of its
// queue, and a second look.
constexpr auto to_recover = seconds{65};

std::string image_of(const Json& workload) {
    const auto& containers = array_at(workload, {"spec", "template", "spec", "containers"});
    return containers.empty() ? "" : std::string(text_at(containers[0], {"image"}));
}

// What was asked last about the success of requests. Whose metrics are asked is no matter: they all
// say the same here.
std::optional<scenario::Neighbours::Measured> last_round(const scenario::Neighbours& neighbours) {
    std::optional<scenario::Neighbours::Measured> last;
    for (const std::string_view requests : {"istio_requests_total",
                                            "nginx_ingress_controller_requests",
                                            "http_request_duration_seconds_count"}) {
        auto one = neighbours.last_measured(requests);
        if (one && (!last || one->when >= last->when)) last = std::move(one);
    }
    return last;
}

bool is_held(const Json& canary) {
    return std::ranges::any_of(array_at(canary, {"status", "conditions"}), [](const Json& each) {
        return text_at(each, {"type"}) == "Held" && text_at(each, {"status"}) == "True";
    });
}

}  // namespace

Laws::Laws(scenario::World& world) : world_(world), traffic_(world) {
    const auto watch = [&](const kube::Resource& resource, auto callback) {
        subscriptions_.push_back(world_.cluster.watch(resource, std::move(callback)));
    };
    // Nothing in a simulation deletes these but chaos.
    const auto note_hand = [this](const lab::Change& change) {
        if (change.kind == lab::ChangeKind::deleted || world_.is_by_hand(change)) by_hand_ = true;
    };
    for (const auto* kind :
         {&resources::virtual_services, &resources::http_routes, &resources::ingresses}) {
        watch(*kind, note_hand);
        watch(*kind, [this](const lab::Change& change) { see_routes(change); });
    }
    watch(resources::services, note_hand);
    watch(resources::canaries, note_hand);
    for (const auto* kind : {&resources::deployments, &resources::daemon_sets}) {
        watch(*kind, [this](const lab::Change& change) {
            const std::string name(text_at(*change.object, {"metadata", "name"}));
            if (world_.available(name) > 0) had_pods_.insert(name);
            see_workload(change);
        });
    }
    watch(resources::canaries, [this](const lab::Change& change) { see_canary(change); });
}

void Laws::broke(const std::string& what) {
    if (std::ranges::find(broken_, what) == broken_.end()) broken_.push_back(what);
}

void Laws::look() {
    see_trouble();
    const auto& now = traffic_.now();
    for (const auto& [who, reach] : now) {
        const auto found = before_.find(who);
        if (found != before_.end()) see_rise(found->second, reach);
        see_nobody_left(reach);
        see_uninvited(reach);
        see_promotion(reach);
    }
    before_ = now;
    see_log();
    for (; violations_seen_ < world_.violations.size(); ++violations_seen_) {
        broke(world_.violations[violations_seen_]);
    }
    by_hand_ = false;
    had_pods_.clear();
}

void Laws::see_trouble() {
    const auto now = world_.clock.now();
    if (by_hand_) touched_ = now;
    const auto canary = world_.cluster.find(resources::canaries, {scenario::World::ns, "podinfo"});
    const bool is_frozen = canary && bool_at(*canary, {"spec", "suspend"}).value_or(false);
    if (!world_.is_led() || !world_.api.is_well() || is_frozen) trouble_ = now;
}

// Law 1 as a user meets it: a share never rises towards a side where no pod is ready while the
// other one could answer.
void Laws::see_rise(const Reach& before, const Reach& now) {
    if (by_hand_) return;
    const auto see = [&](std::string_view name, Side Reach::* side, Side Reach::* other) {
        const auto& was = before.*side;
        const auto& is = now.*side;
        // Both moments count, and what was between them: pod and route may change in one. Where
        // nobody has a pod the primary gets everything.
        if (is.share <= was.share || is.pods > 0 || was.pods > 0) return;
        if ((before.*other).pods == 0 || (now.*other).pods == 0) return;
        const auto workload = world_.target() + (name == "primary" ? "-primary" : "");
        if (had_pods_.contains(workload) || world_.went_on_the_way(workload)) return;
        broke(fmt::format("the {}'s share of {} rose from {} to {}, and no pod is ready there",
                          name,
                          now.who,
                          was.share,
                          is.share));
    };
    see("primary", &Reach::primary, &Reach::canary);
    see("canary", &Reach::canary, &Reach::primary);
}

// What is wrong may be so for as long as the controller needs to see it and to act.
void Laws::lasts(bool is_wrong, const std::string& what, Duration to_act) {
    if (!is_wrong) {
        wrong_since_.erase(what);
        return;
    }
    const auto now = world_.clock.now();
    const auto since = std::max(wrong_since_.emplace(what, now).first->second, touched_);
    if (now > since + to_act && now > trouble_ + std::max<Duration>(to_act, to_recover)) {
        broke("longer than need be " + what);
    }
}

// Nobody stays with a canary that has no pod while the primary has some. The other way round they
// may: a canary that nobody has judged does not get everything because the primary is away.
void Laws::see_nobody_left(const Reach& reach) {
    const bool is_left = reach.canary.share > 0 && reach.canary.pods == 0 && reach.primary.pods > 0;
    lasts(is_ours() && is_left,
          fmt::format("{} are sent to a canary without pods, and the primary has some", reach.who));
    // Of a spec that makes no sense nothing is made, Services neither.
    const bool is_astray = reach.astray > 0 && reach.primary.pods > 0;
    lasts(is_ours() && is_astray && !is_held(world_.canary()),
          fmt::format("{} are led to neither version, and the primary has pods", reach.who));
}

// But for one that is proven: it serves while its promotion fails, from the primary's deadline on.
void Laws::see_promotion(const Reach& reach) {
    const auto what = fmt::format(
        "{} are sent to a primary without pods, and the canary that it becomes has some",
        reach.who);
    const bool is_left =
        reach.primary.share > 0 && reach.primary.pods == 0 && reach.canary.pods > 0;
    if (!is_left || world_.phase() != "Promoting") return lasts(false, what);
    const auto canary = world_.canary();
    const bool is_test = !array_at(canary, {"spec", "analysis", "match"}).empty();
    const bool has_all = world_.available(world_.target()) >= world_.wanted(world_.target());
    const seconds deadline{integer_at(canary, {"spec", "progressDeadlineSeconds"}).value_or(600)};
    lasts(!is_test && has_all && is_proven() && !is_held(canary), what, deadline + seconds{65});
}

// The primary is becoming what the target is.
bool Laws::is_proven() const {
    const auto target = world_.target();
    const auto data = [&](const std::string& name) {
        return object_at(world_.get(resources::config_maps, name), {"data"});
    };
    return image_of(world_.workload(target)) == image_of(world_.workload(target + "-primary")) &&
           data("settings") == data("settings-primary");
}

// In an A/B test nobody meets the canary but those who match.
void Laws::see_uninvited(const Reach& reach) {
    const auto what = fmt::format("{} meet the canary, and do not match", reach.who);
    if (reach.canary.share == 0) return lasts(false, what);
    const auto canary = world_.canary();
    const bool is_test = !array_at(canary, {"spec", "analysis", "match"}).empty() &&
                         integer_at(canary, {"spec", "analysis", "iterations"}).value_or(0) > 0;
    lasts(is_test && is_ours() && !is_held(canary) && !matches(canary, reach.who), what);
}

// Until then the apex Service leads to the user's own pods.
bool Laws::is_ours() const {
    const auto phase = world_.phase();
    return !phase.empty() && phase != "Initializing";
}

bool Laws::matches(const Json& canary, const std::string& who) {
    return std::ranges::any_of(
        array_at(canary, {"spec", "analysis", "match"}), [&](const auto& match) {
            const auto value = text_at(match, {"headers", Traffic::insider_header, "exact"});
            return !value.empty() && who.starts_with(value);
        });
}

// No step up without a round that passed since the last one. What only brings the status' weight
// back is no step.
void Laws::see_routes(const lab::Change& change) {
    if (world_.is_by_hand(change) || change.kind == lab::ChangeKind::deleted) return;
    const auto now = std::max(0, scenario::canary_share(*change.object));
    const auto before = change.before ? std::max(0, scenario::canary_share(*change.before)) : 0;
    if (now <= before || now <= world_.status_weight()) return;
    const auto canary = world_.canary();
    // After iterations everybody changes over in one step.
    const bool is_switch =
        integer_at(canary, {"spec", "analysis", "iterations"}).value_or(0) > 0 &&
        array_at(canary, {"spec", "analysis", "match"}).empty() &&
        (world_.phase() == "Progressing" || world_.phase() == "WaitingPromotion");
    if (before > 0 || is_switch) {
        const auto asked = last_round(world_.neighbours);
        const auto value = asked ? asked->value : "nothing";
        if (value != "100" && value != "99.5") {
            broke(fmt::format("the weight rose from {} to {} on {}", before, now, value));
        } else if (last_raise_ && asked->when <= *last_raise_) {
            broke(fmt::format("the weight rose from {} to {} without a round", before, now));
        }
    }
    last_raise_ = world_.clock.now();
}

// The primary carries what was proven, or what has gone through its whole plan.
void Laws::see_workload(const lab::Change& change) {
    const auto target = world_.target();
    if (text_at(*change.object, {"metadata", "name"}) != target + "-primary") return;
    if (change.kind == lab::ChangeKind::deleted || world_.is_by_hand(change)) return;
    const auto image = image_of(*change.object);
    if (proven_.contains(image)) return;
    const auto canary = world_.canary();
    const bool skips = bool_at(canary, {"spec", "skipAnalysis"}).value_or(false);
    const auto phase = world_.phase();
    const bool first = proven_.empty() || phase.empty() || phase == "Initializing";
    // A person may promote it from any weight, and without a mesh there is none.
    const auto wish = text_at(canary, {"metadata", "annotations", api::wish_annotation});
    const bool is_wished = wish.starts_with("promote ");
    const bool has_weights = text_at(canary, {"spec", "provider"}) != "kubernetes";
    // 20 is the lowest end of any plan of a simulation.
    if (!first && !skips && !is_wished && has_weights && world_.status_weight() < 20) {
        broke(fmt::format("{} became the primary at weight {}", image, world_.status_weight()));
    }
    if (!first && image != image_of(world_.workload(target))) {
        broke(fmt::format("{} became the primary, and the target is another", image));
    }
    proven_.insert(image);
}

// What the status claims is there.
void Laws::see_canary(const lab::Change& change) {
    if (change.kind == lab::ChangeKind::deleted || !change.before) return;
    const auto phase = text_at(*change.object, {"status", "phase"});
    if (phase == text_at(*change.before, {"status", "phase"})) return;
    if (phase != "Failed" && phase != "Succeeded") return;
    const int share = world_.route_weight();
    const auto weight = integer_at(*change.object, {"status", "canaryWeight"}).value_or(0);
    if (share >= 0 && share != weight && !by_hand_) {
        broke(fmt::format("phase {} at weight {}, and the route says {}", phase, weight, share));
    }
    // A promotion that failed: the canary was proven, and serves until the primary is back.
    if (phase == "Failed" && share == 100 && weight == 100) return;
    if (share > 0 && world_.available(world_.target() + "-primary") > 0 && !by_hand_) {
        broke(fmt::format("phase {}, and the canary still gets {}", phase, share));
    }
}

// An act that the controller itself refused is one that it should never have decided.
void Laws::see_log() {
    for (; log_seen_ < world_.log.size(); ++log_seen_) {
        const auto& text = world_.log[log_seen_].text;
        if (text.starts_with("law ") ||
            text.find("do not make up the whole") != std::string::npos ||
            text.find("settling Canary") != std::string::npos) {
            broke("decided: " + text);
        }
    }
}

}  // namespace sluice::sim
