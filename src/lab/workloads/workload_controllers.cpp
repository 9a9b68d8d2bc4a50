#include "lab/workloads/workload_controllers.hpp"

#include "lab/workloads/autoscalers.hpp"
#include "lab/workloads/daemon_sets.hpp"
#include "lab/workloads/deployments.hpp"
#include "lab/workloads/jobs.hpp"
#include "lab/workloads/pod_questions.hpp"
#include "lab/workloads/replica_sets.hpp"
#include "lab/workloads/scheduler.hpp"
#include "lab/workloads/services.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {

struct WorkloadControllers::State {
    State(Executor executor, Cluster& where, const WorkloadOptions& options)
        : cluster(where),
          api_port(options.api_port),
          sets(where, kube::resources::replica_sets),
          pods(where, kube::resources::pods),
          deployments(executor, where, sets, pods),
          replica_sets(executor, where, sets, pods),
          daemon_sets(executor, where, pods),
          jobs(executor, where, pods),
          services(executor, where, pods),
          autoscalers(executor, where),
          scheduler(where, pods) {
        where.give_service_addresses_from(fmt::format("127.{}", 96 + options.block));
    }

    // The API server's own Service; it has no selector, so nobody else fills its Endpoints.
    void make_api_service() {
        if (api_port == 0) return;
        const ObjectKey key{"default", "kubernetes"};
        if (cluster.find(kube::resources::services, key) == nullptr) {
            const JsonArray ports{Json{
                {"name", "https"}, {"port", 443}, {"protocol", "TCP"}, {"targetPort", api_port}}};
            (void)cluster.create(
                kube::resources::services,
                {{"apiVersion", "v1"},
                 {"kind", "Service"},
                 {"metadata",
                  {{"name", key.name},
                   {"namespace", key.ns},
                   {"labels", {{"component", "apiserver"}, {"provider", "kubernetes"}}}}},
                 {"spec", {{"type", "ClusterIP"}, {"ports", ports}}}});
        }
        if (cluster.find(kube::resources::endpoints, key) != nullptr) return;
        const Json subset = {
            {"addresses", JsonArray{Json{{"ip", "127.0.0.1"}}}},
            {"ports", JsonArray{Json{{"name", "https"}, {"port", api_port}, {"protocol", "TCP"}}}}};
        (void)cluster.create(kube::resources::endpoints,
                             {{"apiVersion", "v1"},
                              {"kind", "Endpoints"},
                              {"metadata", {{"name", key.name}, {"namespace", key.ns}}},
                              {"subsets", JsonArray{subset}}});
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
    std::uint16_t api_port;
    ObjectIndex sets;
    ObjectIndex pods;
    Deployments deployments;
    ReplicaSets replica_sets;
    DaemonSets daemon_sets;
    Jobs jobs;
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
    state.make_api_service();
    state.sets.start();
    state.pods.start();
    state.deployments.start();
    state.daemon_sets.start();
    state.jobs.start();
    state.autoscalers.start();
    state.namespaces =
        state.cluster.watch(kube::resources::namespaces,
                            [&state](const Change& change) { state.on_namespace(change); });
}

}  // namespace sluice::lab
