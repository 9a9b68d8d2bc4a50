#include "model.hpp"

#include "base/core/text.hpp"
#include "delivery/canary/configs.hpp"
#include "delivery/traffic.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace sluice::model {
namespace {

Json parsed(std::string_view text) {
    return parse_json(text).value();
}

constexpr std::string_view canary_text = R"({
  "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
  "metadata": {"name": "podinfo", "namespace": "test", "uid": "canary-uid", "generation": 1, "resourceVersion": "1"},
  "spec": {
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
    "progressDeadlineSeconds": 60,
    "service": {"port": 9898},
    "analysis": {"interval": "30s", "threshold": 2, "maxWeight": 50, "stepWeight": 10}}})";

constexpr std::string_view target_text = R"({
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "podinfo", "namespace": "test", "uid": "target-uid", "generation": 1, "resourceVersion": "2"},
  "spec": {"replicas": 1, "progressDeadlineSeconds": 600,
    "selector": {"matchLabels": {"app": "podinfo"}},
    "template": {"metadata": {"labels": {"app": "podinfo"}},
      "spec": {"containers": [{"name": "podinfod", "image": "podinfo:1", "ports": [{"containerPort": 9898, "name": "http"}]}]}}},
  "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}})";

}  // namespace

std::vector<std::string> story(const std::vector<std::string>& messages) {
    std::vector<std::string> kept;
    for (const auto& message : messages) {
        if (message.find(" not ready: ") == std::string::npos) kept.push_back(message);
    }
    return kept;
}

Cluster::Cluster()
    : now(*parse_rfc3339("2026-01-25T10:00:00Z")),
      canary(parsed(canary_text)),
      target(parsed(target_text)) {}

// --- people -----------------------------------------------------------------------------------

void Cluster::touch(Json& object, bool spec_changed) {
    put(object, {"metadata", "resourceVersion"}, Json(std::to_string(++versions_)));
    if (spec_changed) {
        const auto generation = integer_at(object, {"metadata", "generation"}).value_or(0);
        put(object, {"metadata", "generation"}, generation + 1);
    }
}

void Cluster::set_image(const std::string& image) {
    auto* containers = find(*target, {"spec", "template", "spec", "containers"});
    auto& container = containers->get_array().front();
    if (text_at(container, {"image"}) == image) return;
    put(container, {"image"}, Json(image));
    touch(*target, true);
}

void Cluster::use_config(const std::string& reference) {
    auto& container =
        find(*target, {"spec", "template", "spec", "containers"})->get_array().front();
    const auto holder = kind_of_config(reference) == Kind::secret ? "secretRef" : "configMapRef";
    if (find(container, {"envFrom"}) == nullptr) put(container, {"envFrom"}, JsonArray{});
    find(container, {"envFrom"})
        ->get_array()
        .push_back(JsonObject{{holder, JsonObject{{"name", name_of_config(reference)}}}});
    touch(*target, true);
}

void Cluster::set_config(const std::string& reference, const std::string& value) {
    auto& object = configs[reference];
    if (object.is_null()) {
        object = JsonObject{{"kind", to_string(kind_of_config(reference))}};
        put(object, {"metadata", "name"}, Json(name_of_config(reference)));
        put(object, {"metadata", "namespace"}, "test");
        put(object, {"metadata", "uid"}, Json(fmt::format("uid-{}", ++uids_)));
        if (kind_of_config(reference) == Kind::secret) put(object, {"type"}, "Opaque");
    }
    put(object, {"data", "value"}, Json(value));
    touch(object, false);
}

std::string Cluster::config(const std::string& reference) const {
    const auto found = configs.find(reference);
    return found == configs.end() ? "none" : std::string(text_at(found->second, {"data", "value"}));
}

void Cluster::edit_canary(const std::function<void(Json&)>& edit) {
    edit(*find(canary, {"spec"}));
    touch(canary, true);
}

void Cluster::wish(const std::string& verb) {
    const std::string revision(text_at(status(), {"lastAppliedSpec"}));
    put(canary,
        {"metadata", "annotations", "sluice.dev/wish"},
        Json(fmt::format("{} {} {}", verb, revision, rfc3339(now))));
    touch(canary, false);
}

Weights Cluster::live() const {
    if (!no_mesh) return routes.value_or(Weights{});
    const bool canary_serves = apex && text_at(*apex, {"spec", "selector", "app"}) == "podinfo";
    return canary_serves ? Weights{0, 100} : Weights{};
}

std::string Cluster::image_of(const Json& deployment) const {
    const auto& containers = array_at(deployment, {"spec", "template", "spec", "containers"});
    return containers.empty() ? "" : std::string(text_at(containers.front(), {"image"}));
}

// --- the cluster ------------------------------------------------------------------------------

void Cluster::work_on(Json& deployment) {
    auto& status = [&]() -> Json& {
        if (find(deployment, {"status"}) == nullptr) put(deployment, {"status"}, JsonObject{});
        return *find(deployment, {"status"});
    }();
    const auto before = canonical_text(status);
    const auto generation = integer_at(deployment, {"metadata", "generation"}).value_or(1);
    const auto wanted = integer_at(deployment, {"spec", "replicas"}).value_or(1);
    const auto available = integer_at(status, {"availableReplicas"}).value_or(0);
    const bool bad = bad_images.contains(image_of(deployment));
    const bool seen = integer_at(status, {"observedGeneration"}).value_or(0) == generation;
    const bool rolls = text_at(status, {"runs"}) != image_of(deployment) && available > 0;

    if (!seen) {
        put(status, {"observedGeneration"}, generation);
        const auto up = std::min<std::int64_t>(wanted, 1);
        put(status, {"updatedReplicas"}, rolls ? up : wanted);
        put(status, {"replicas"}, rolls && wanted > 0 ? available + up : wanted);
        if (wanted == 0) put(status, {"availableReplicas"}, 0);
    }
    if (wanted == 0) put(status, {"availableReplicas"}, 0);
    const bool next_stage = pods == Pods::instant || seen;
    if (next_stage && wanted > 0 && !bad) {
        put(status, {"updatedReplicas"}, wanted);
        put(status, {"replicas"}, wanted);
        put(status, {"availableReplicas"}, wanted);
        put(status, {"runs"}, Json(image_of(deployment)));
    }
    // The Deployment says since when it lacks pods.
    const bool lacks = wanted > 0 && integer_at(status, {"availableReplicas"}).value_or(0) == 0;
    const auto since = text_at(status, {"lacksSince"});
    if (!lacks) {
        drop(status, {"lacksSince"});
    } else if (since.empty()) {
        put(status, {"lacksSince"}, Json(rfc3339(now)));
    }
    const std::string lacks_since(text_at(status, {"lacksSince"}, rfc3339(now)));
    put(status,
        {"conditions"},
        JsonArray{JsonObject{
                      {"type", "Available"},
                      {"status", lacks ? "False" : "True"},
                      {"reason", lacks ? "MinimumReplicasUnavailable" : "MinimumReplicasAvailable"},
                      {"lastUpdateTime", lacks ? lacks_since : "2026-01-01T00:00:00Z"}},
                  JsonObject{{"type", "Progressing"},
                             {"status", "True"},
                             {"reason", "NewReplicaSetAvailable"},
                             {"lastUpdateTime", "2026-01-01T00:00:00Z"}}});
    if (canonical_text(status) != before) touch(deployment, false);
}

void Cluster::work() {
    if (target) work_on(*target);
    if (primary) work_on(*primary);
}

// --- the controller ---------------------------------------------------------------------------

void Cluster::write() {
    if (writes_left && *writes_left == 0) throw Killed{};
    if (writes_left) --*writes_left;
    ++writes;
}

bool Cluster::serves(const std::optional<Json>& deployment) const {
    return deployment && integer_at(*deployment, {"status", "availableReplicas"}).value_or(0) > 0;
}

void Cluster::set_routes(Weights to) {
    const auto from = live();
    const bool rolling_back = find(canary, {"status", "rollback"}) != nullptr;
    if (to.primary + to.canary != 100) complaints.push_back("weights " + to_string(to));
    if (to.canary > from.canary && !serves(target)) {
        complaints.push_back("canary raised to " + to_string(to) + " without a pod");
    }
    if (to.primary > from.primary && !serves(primary) && !(rolling_back && !serves(target))) {
        complaints.push_back("primary raised to " + to_string(to) + " without a pod");
    }
    if (from.canary > 0) canary_reached_at_ = now;
    if (to.canary != from.canary) weights.push_back(to.canary);
    routes = to;
}

void Cluster::scale(std::int64_t replicas) {
    const auto before = integer_at(*target, {"spec", "replicas"}).value_or(1);
    if (replicas == before) return;
    if (replicas < before) {
        if (live().canary > 0) complaints.push_back("canary scaled down under its traffic");
        if (canary_reached_at_ && now < *canary_reached_at_ + settings.drain_delay) {
            complaints.push_back("canary scaled down before it had drained");
        }
    }
    put(*target, {"spec", "replicas"}, replicas);
    touch(*target, true);
}

std::optional<Json>* Cluster::slot(Kind kind, const std::string& name) {
    switch (kind) {
        case Kind::deployment:
            return name == "podinfo-primary" ? &primary : &target;
        case Kind::service:
            return name == "podinfo"           ? &apex
                   : name == "podinfo-primary" ? &primary_service
                                               : &canary_service;
        case Kind::horizontal_pod_autoscaler:
        case Kind::scaled_object:
            return name == "podinfo-primary" ? &primary_scaler : &target_scaler;
        case Kind::daemon_set:
        case Kind::controller_revision:
        case Kind::config_map:
        case Kind::secret:
            break;
    }
    return nullptr;
}

void Cluster::copy(const CopyConfig& copy) {
    const std::string kind = copy.kind == Kind::secret ? "secret/" : "configmap/";
    const auto& source = configs.at(kind + copy.from);
    if (config_checksum(source) != copy.checksum) {
        complaints.push_back("another one was copied: " + to_string(Effect(copy)));
    }
    const auto present = configs.find(kind + copy.to);
    auto made = copied(copy, source, present == configs.end() ? nullptr : &present->second);
    if (present == configs.end()) {
        put(made, {"metadata", "uid"}, Json(fmt::format("uid-{}", ++uids_)));
    }
    touch(made, false);
    configs[kind + copy.to] = std::move(made);
}

void Cluster::perform(const Effect& effect) {
    if (const auto* patch = std::get_if<Patch>(&effect); patch && patch->is_empty()) return;
    write();
    log.push_back(to_string(effect));
    if (const auto* create = std::get_if<Create>(&effect)) {
        auto object = create->object;
        put(object, {"metadata", "uid"}, Json(fmt::format("uid-{}", ++uids_)));
        put(object, {"metadata", "generation"}, 1);
        touch(object, false);
        if (create->kind == Kind::controller_revision) {
            revisions.push_back(std::move(object));
            return;
        }
        auto* place = slot(create->kind, std::string(text_at(object, {"metadata", "name"})));
        if (place->has_value()) complaints.push_back("created twice: " + to_string(effect));
        *place = std::move(object);
    } else if (const auto* patch = std::get_if<Patch>(&effect);
               patch && patch->kind == Kind::controller_revision) {
        for (auto& revision : revisions) {
            if (text_at(revision, {"metadata", "uid"}) == patch->uid) {
                apply_merge_patch(revision, patch->patch);
            }
        }
    } else if (patch) {
        auto& object = **slot(patch->kind, patch->name);
        if (text_at(object, {"metadata", "uid"}) != patch->uid)
            complaints.push_back("patch of another uid");
        const bool spec = find(patch->patch, {"spec"}) != nullptr;
        if (patch->kind == Kind::service && patch->name == "podinfo" && spec)
            canary_reached_at_ = now;
        const auto before = live();
        apply_merge_patch(object, patch->patch);
        if (live().canary > before.canary && !serves(target))
            complaints.emplace_back("the apex Service points at a canary without a pod");
        if (live().primary > before.primary && !serves(primary))
            complaints.emplace_back("the apex Service points at a primary without a pod");
        touch(object, spec);
    } else if (const auto* to = std::get_if<ScaleTarget>(&effect)) {
        scale(to->replicas);
    } else if (const auto* gone = std::get_if<Delete>(&effect)) {
        std::erase_if(revisions, [&](const Json& one) {
            return text_at(one, {"metadata", "name"}) == gone->name;
        });
        std::erase_if(old_scalers, [&](const Json& one) {
            return text_at(one, {"metadata", "uid"}) == gone->uid;
        });
        std::erase_if(configs, [&](const auto& one) {
            return text_at(one.second, {"metadata", "uid"}) == gone->uid;
        });
    } else if (const auto* copying = std::get_if<CopyConfig>(&effect)) {
        copy(*copying);
    } else if (const auto* ensure = std::get_if<EnsureRoutes>(&effect)) {
        set_routes(ensure->weights);
        drifted = false;
    } else if (const auto* route = std::get_if<Route>(&effect)) {
        if (!routes) complaints.push_back("weights without a mesh object");
        set_routes(route->weights);
    }
}

Seen Cluster::seen() const {
    Seen seen;
    auto routed = as_routed(canary, settings.defaults);
    seen.canary = std::move(routed.canary);
    seen.postponed = std::move(routed.postponed);
    static const auto ns =
        parsed(R"({"metadata": {"name": "test", "labels": {"istio-injection": "enabled"}}})");
    seen.ns = ns;
    seen.target = target;
    seen.primary = primary;
    seen.target_scaler = target_scaler;
    seen.primary_scaler = primary_scaler;
    seen.apex_service = apex;
    seen.primary_service = primary_service;
    seen.canary_service = canary_service;
    seen.revisions = revisions;
    seen.owned_scalers = old_scalers;
    if (primary_scaler) seen.owned_scalers.push_back(*primary_scaler);
    for (const auto& [reference, object] : configs) {
        const auto summary = config_summary(object);
        seen.configs[reference] = summary;
        for (const auto& owner : array_at(object, {"metadata", "ownerReferences"})) {
            if (text_at(owner, {"uid"}) == "canary-uid") seen.owned_configs.push_back(summary);
        }
    }
    seen.routes.state = routes && !no_mesh ? RoutesState::weights : RoutesState::absent;
    if (!no_mesh) seen.routes.weights = live();
    seen.routes.can.weights = !no_mesh;
    seen.routes.text = hindrance;
    seen.routes.drifted = drifted;
    seen.routes.can.mirror = can_mirror;
    seen.routes.can.affinity = true;
    seen.settings = settings;
    seen.remembered = remembered;
    return seen;
}

bool Cluster::tick() {
    ++ticks;
    constexpr int moves_max = 40;
    Evidence evidence;
    const auto record = [&](const Event& event) {
        write();
        if (event_keys_.insert(event.key).second) messages.push_back(event.message);
    };
    try {
        for (int moves = 0; moves < moves_max; ++moves) {
            const auto looked = world();
            evidence.keep_only(fingerprint(looked));
            const auto move = next(looked, evidence, now);
            last_move = move;
            if (const auto* ask = std::get_if<Ask>(&move)) {
                for (const auto& event : ask->events) record(event);
                std::map<std::string, Answer> answers;
                for (const auto& question : ask->batch.questions) {
                    const auto given = answer(question);
                    answers[question.id] = given;
                    if (ends(ask->batch, question, given)) break;
                }
                evidence.add(answers);
                continue;
            }
            if (const auto* act = std::get_if<Act>(&move)) {
                for (const auto& broken : traffic::violations(looked, *act))
                    complaints.push_back(broken);
                for (const auto& effect : act->effects) perform(effect);
                for (const auto& event : act->events) record(event);
                if (act->status) {
                    write();
                    log.push_back("status: " + act->why);
                    put(canary, {"status"}, *act->status);
                    touch(canary, false);
                }
                for (const auto& one : act->alerts) alerts.push_back(one.message);
                if (act->finish) finishes.push_back(act->why);
                remembered = act->remembered;
                continue;
            }
            return true;
        }
    } catch (const Killed&) {
        writes_left.reset();
        remembered = {};
        return false;
    }
    complaints.push_back("a tick that does not come to rest: " + to_text(to_json(*last_move)));
    return true;
}

void Cluster::run(Duration longest) {
    const auto end = now + longest;
    while (now < end) {
        if (!tick()) continue;
        const auto before = writes;
        tick();
        if (writes != before) {
            complaints.push_back("a second look at an unchanged world wrote something");
        }
        const auto versions = versions_;
        work();
        // Nothing stirs until the controller wakes by itself.
        auto then = now + std::chrono::seconds(1);
        if (versions_ == versions) {
            const auto wake = std::get<Rest>(*last_move).wake;
            then = wake ? std::max(then, *wake) : end;
        }
        now = std::min(then, end);
    }
}

Json Cluster::status() const {
    const auto* found = find(canary, {"status"});
    return found == nullptr ? Json(JsonObject{}) : *found;
}

std::string Cluster::phase() const {
    return std::string(text_at(canary, {"status", "phase"}));
}

}  // namespace sluice::model
