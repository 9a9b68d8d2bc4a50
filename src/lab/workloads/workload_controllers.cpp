#include "lab/workloads/workload_controllers.hpp"

#include "lab/workloads/autoscalers.hpp"
#include "lab/workloads/deployments.hpp"
#include "lab/workloads/pod_questions.hpp"
#include "lab/workloads/replica_sets.hpp"
#include "lab/workloads/scheduler.hpp"
#include "lab/workloads/services.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {

struct WorkloadControllers::State {
    State(Executor executor, Cluster& where, const WorkloadOptions& options)
        : cluster(where),
          sets(where, kube::resources::replica_sets),
          pods(where, kube::resources::pods),
          deployments(executor, where, sets, pods),
          replica_sets(executor, where, sets, pods),
          services(executor, where, pods),
          autoscalers(executor, where),
          scheduler(where, pods) {
        where.give_service_addresses_from(fmt::format("127.{}", 96 + options.block));
    }

    void on_namespace(const Change& change) {
        if (change.kind == ChangeKind::deleted || is_being_deleted(*change.object)) return;
        const ObjectKey key{kube::key_of(*change.object).name, "default"};
        if (cluster.find(kube::resources::service_accounts, key) != nullptr) return;
        (void)cluster.create(kube::resources::service_accounts,
                             {{"apiVersion", "v1"},
                              {"kind", "ServiceAccount"},
                              {"metadata", {{"name", key.name}, {"namespace", key.ns}}}});
    }

    Cluster& cluster;
    ObjectIndex sets;
    ObjectIndex pods;
    Deployments deployments;
    ReplicaSets replica_sets;
    Services services;
    Autoscalers autoscalers;
    Scheduler scheduler;
    Subscription namespaces;
};

WorkloadControllers::WorkloadControllers(Executor executor,
                                         Cluster& cluster,
                                         WorkloadOptions options)
    : state_(std::make_unique<State>(std::move(executor), cluster, options)) {}

WorkloadControllers::~WorkloadControllers() = default;

void WorkloadControllers::start() {
    auto& state = *state_;
    state.scheduler.start();
    // Services first: who makes pods or reads Endpoints finds the addresses given.
    state.services.start();
    state.sets.start();
    state.pods.start();
    state.deployments.start();
    state.autoscalers.start();
    state.namespaces =
        state.cluster.watch(kube::resources::namespaces,
                            [&state](const Change& change) { state.on_namespace(change); });
}

}  // namespace sluice::lab
