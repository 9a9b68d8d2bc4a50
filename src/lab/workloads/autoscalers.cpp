#include "lab/workloads/autoscalers.hpp"

#include "lab/workloads/object_status.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

const Resource& autoscalers() {
    return resources::horizontal_pod_autoscalers;
}

std::string metrics_missing(const Json& autoscaler) {
    std::string name = "cpu";
    for (const auto& metric : array_at(autoscaler, {"spec", "metrics"})) {
        if (text_at(metric, {"type"}) == "Resource") {
            name = text_at(metric, {"resource", "name"}, "cpu");
            break;
        }
    }
    return fmt::format(
        "failed to get {0} utilization: unable to get metrics for resource {0}: unable to fetch "
        "metrics from resource metrics API: the server could not find the requested resource "
        "(get pods.metrics.k8s.io)",
        name);
}

}  // namespace

ScaleDecision clamped(const Json& autoscaler, std::int64_t current) {
    const auto max = integer_at(autoscaler, {"spec", "maxReplicas"}).value_or(current);
    const auto min = integer_at(autoscaler, {"spec", "minReplicas"}).value_or(1);
    if (current > max) return {max, "Current number of replicas above Spec.MaxReplicas"};
    if (current < min) return {min, "Current number of replicas below Spec.MinReplicas"};
    return {current};
}

Autoscalers::Autoscalers(Executor executor, Cluster& cluster)
    : cluster_(cluster),
      events_(cluster, "horizontal-pod-autoscaler"),
      queue_(
          std::move(executor), cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {}

void Autoscalers::start() {
    subscriptions_.push_back(
        cluster_.watch(autoscalers(), [this](const Change& change) { on_autoscaler(change); }));
    for (const auto* resource : {&resources::deployments, &resources::replica_sets}) {
        subscriptions_.push_back(cluster_.watch(
            *resource, [this, resource](const Change& change) { on_target(*resource, change); }));
    }
}

void Autoscalers::on_autoscaler(const Change& change) {
    const auto key = kube::key_of(*change.object);
    const auto target = [&key](const Json& autoscaler) {
        return Target{
            text_at(autoscaler, {"spec", "scaleTargetRef", "kind"}),
            ObjectKey{key.ns,
                      std::string(text_at(autoscaler, {"spec", "scaleTargetRef", "name"}))}};
    };
    if (change.before != nullptr) by_target_[target(*change.before)].erase(key);
    if (change.kind == ChangeKind::deleted) {
        by_target_[target(*change.object)].erase(key);
        return;
    }
    by_target_[target(*change.object)].insert(key);
    queue_.add(key);
}

void Autoscalers::on_target(const Resource& resource, const Change& change) {
    const auto found = by_target_.find({resource.kind, kube::key_of(*change.object)});
    if (found == by_target_.end()) return;
    for (const auto& key : found->second) queue_.add(key);
}

struct Autoscalers::Pass {
    const Json& autoscaler;
    Time now;
    ObjectKey target;
    const Resource* resource = nullptr;  // of the target
    ObjectPtr object = nullptr;          // the target
    Json status = JsonObject{};

    std::int64_t current() const { return integer_at(*object, {"spec", "replicas"}).value_or(1); }
};

void Autoscalers::reconcile(const ObjectKey& key) {
    const auto autoscaler = cluster_.find(autoscalers(), key);
    if (autoscaler == nullptr) return;
    Pass pass{*autoscaler,
              cluster_.clock().now(),
              {key.ns, std::string(text_at(*autoscaler, {"spec", "scaleTargetRef", "name"}))}};
    if (const auto* known = find(*autoscaler, {"status"}); known != nullptr && known->is_object()) {
        pass.status = *known;
    }
    if (find_target(pass)) size(pass);
    save_status(cluster_, autoscalers(), *autoscaler, pass.status);
}

bool Autoscalers::find_target(Pass& pass) {
    const auto kind = text_at(pass.autoscaler, {"spec", "scaleTargetRef", "kind"});
    pass.resource = kind == "ReplicaSet" ? &resources::replica_sets : &resources::deployments;
    if (kind == pass.resource->kind) pass.object = cluster_.find(*pass.resource, pass.target);
    if (pass.object != nullptr) {
        say(pass.status,
            {"AbleToScale",
             "True",
             "SucceededGetScale",
             "the HPA controller was able to get the target's current scale"},
            pass.now);
        return true;
    }
    const auto why = fmt::format(
        "the HPA controller was unable to get the target's current scale: {} \"{}\" not found",
        pass.resource->qualified(),
        pass.target.name);
    const auto* before = condition_in(pass.status, "AbleToScale");
    if (before == nullptr || text_at(*before, {"reason"}) != "FailedGetScale") {
        events_.record(pass.autoscaler, {EventType::warning, "FailedGetScale", why});
    }
    say(pass.status, {"AbleToScale", "False", "FailedGetScale", why}, pass.now);
    return false;
}

void Autoscalers::size(Pass& pass) {
    const auto current = pass.current();
    const auto decision = clamped(pass.autoscaler, current);
    auto desired = current;
    if (current == 0 && integer_at(pass.autoscaler, {"spec", "minReplicas"}).value_or(1) != 0) {
        say(pass.status,
            {"ScalingActive",
             "False",
             "ScalingDisabled",
             "scaling is disabled since the replica count of the target is zero"},
            pass.now);
    } else if (!decision.why.empty()) {
        if (rescale(pass, decision)) desired = decision.replicas;
    } else {
        say_metrics_are_missing(pass);
    }
    put(pass.status,
        {"currentReplicas"},
        integer_at(*pass.object, {"status", "replicas"}).value_or(current));
    put(pass.status, {"desiredReplicas"}, Json(desired));
}

bool Autoscalers::rescale(Pass& pass, const ScaleDecision& decision) {
    WriteOptions options;
    options.subresource = Subresource::scale;
    const Json patch = {{"spec", {{"replicas", decision.replicas}}}};
    const auto scaled =
        cluster_.patch(*pass.resource, pass.target, PatchKind::merge, patch, options);
    if (!scaled) return false;
    say(pass.status,
        {"AbleToScale",
         "True",
         "SucceededRescale",
         fmt::format("the HPA controller was able to update the target scale to {}",
                     decision.replicas)},
        pass.now);
    put(pass.status, {"lastScaleTime"}, Json(rfc3339(pass.now)));
    events_.record(pass.autoscaler,
                   {EventType::normal,
                    "SuccessfulRescale",
                    fmt::format("New size: {}; reason: {}", decision.replicas, decision.why)});
    return true;
}

// There is no metrics API in the lab, and an autoscaler says so once.
void Autoscalers::say_metrics_are_missing(Pass& pass) {
    const auto missing = metrics_missing(pass.autoscaler);
    const auto* before = condition_in(pass.status, "ScalingActive");
    if (before == nullptr || text_at(*before, {"reason"}) != "FailedGetResourceMetric") {
        events_.record(pass.autoscaler, {EventType::warning, "FailedGetResourceMetric", missing});
        events_.record(
            pass.autoscaler,
            {EventType::warning,
             "FailedComputeMetricsReplicas",
             fmt::format("invalid metrics (1 invalid out of 1), first error is: {}", missing)});
    }
    say(pass.status,
        {"ScalingActive",
         "False",
         "FailedGetResourceMetric",
         "the HPA was unable to compute the replica count: " + missing},
        pass.now);
}

}  // namespace sluice::lab
