#include "controller/caches.hpp"

#include "delivery/canary/configs.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::controller {
namespace {

namespace resources = kube::resources;

// When somebody last wrote the pod template; empty when nobody says. Both are texts of one format
// in UTC, so their order is that of the times.
std::string template_written(const Json& object) {
    std::string last;
    for (const auto& entry : array_at(object, {"metadata", "managedFields"})) {
        if (find(entry, {"fieldsV1", "f:spec", "f:template"}) == nullptr) continue;
        last = std::max(last, std::string(text_at(entry, {"time"})));
    }
    return last;
}

// Readiness reads no more of a status than this. When the template was written is all that is kept
// of managedFields: it tells whether a failed revision of the peer's has been mended since.
void cut_workload(Json& object) {
    const auto written = template_written(object);
    kube::without_bookkeeping(object);
    if (!written.empty() && find(object, {"status"}) == nullptr)
        put(object, {"status"}, JsonObject{});
    auto* status = find(object, {"status"});
    if (status == nullptr || !status->is_object()) return;
    JsonObject kept;
    for (const std::string_view key : {"observedGeneration",
                                       "replicas",
                                       "updatedReplicas",
                                       "readyReplicas",
                                       "availableReplicas",
                                       "unavailableReplicas",
                                       "desiredNumberScheduled",
                                       "updatedNumberScheduled",
                                       "numberAvailable",
                                       "conditions"}) {
        if (const auto* value = status->get_object().if_contains(key)) kept[key] = *value;
    }
    if (!written.empty()) kept[canary::template_written_field] = written;
    *status = std::move(kept);
}

// KEDA writes the status whenever it has looked at a metric.
void cut_scaled_object(Json& object) {
    kube::without_bookkeeping(object);
    drop(object, {"status"});
}

// A router reads whether kubectl's annotation is there, and reverts to it, so it stays.
void cut_route(Json& object) {
    drop(object, {"metadata", "managedFields"});
}

void cut_config(Json& object) {
    kube::without_bookkeeping(object);
    object = canary::config_summary(std::move(object));
}

// Several Canaries may share a copy, so each owner counts, whoever controls it.
std::vector<std::string> owner_uids(const Json& object) {
    std::vector<std::string> uids;
    for (const auto& owner : array_at(object, {"metadata", "ownerReferences"})) {
        uids.emplace_back(text_at(owner, {"uid"}));
    }
    return uids;
}

// What a router writes is the mesh's, but for Ingresses and Knative's Services: they stand beside
// the workloads.
bool is_of_mesh(const kube::Resource& kind) {
    constexpr std::array<std::string_view, 7> beside{"",
                                                     "apps",
                                                     "autoscaling",
                                                     "flagger.app",
                                                     "keda.sh",
                                                     "networking.k8s.io",
                                                     "serving.knative.dev"};
    return std::ranges::find(beside, kind.group) == beside.end();
}

kube::Trim trim_of(const kube::Resource& kind) {
    if (kind == resources::daemon_sets) return cut_workload;
    if (kind == scaled_objects) return cut_scaled_object;
    return cut_route;
}

std::vector<std::string> controller_uid(const Json& object) {
    const auto* owner = kube::controller_of(object);
    if (owner == nullptr) return {};
    return {std::string(text_at(*owner, {"uid"}))};
}

}  // namespace

const kube::Resource scaled_objects{"keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"};

Caches::Caches(Executor executor,
               Clock& clock,
               Random& random,
               kube::Client& client,
               Logger& log,
               const CacheChoice& choice)
    : canaries(
          executor, clock, random, client, log, resources::canaries, {.selection = {choice.ns}}),
      deployments(executor,
                  clock,
                  random,
                  client,
                  log,
                  resources::deployments,
                  {.selection = {choice.ns}, .trim = cut_workload}),
      services(
          executor, clock, random, client, log, resources::services, {.selection = {choice.ns}}),
      scalers(executor,
              clock,
              random,
              client,
              log,
              resources::horizontal_pod_autoscalers,
              {.selection = {choice.ns}, .index = controller_uid}),
      revisions(executor,
                clock,
                random,
                client,
                log,
                resources::controller_revisions,
                {.selection = {choice.ns}, .index = controller_uid}),
      metric_templates(executor,
                       clock,
                       random,
                       client,
                       log,
                       resources::metric_templates,
                       {.selection = {choice.ns}}),
      alert_providers(executor,
                      clock,
                      random,
                      client,
                      log,
                      resources::alert_providers,
                      {.selection = {choice.ns}}),
      executor_(executor),
      clock_(clock),
      random_(random),
      client_(client),
      log_(log),
      choice_(choice) {
    if (choice.ns.empty()) namespaces = make(resources::namespaces, {});
    if (choice.configs) {
        const kube::CacheOptions options{
            .selection = {choice.ns}, .trim = cut_config, .index = owner_uids};
        config_maps = make(resources::config_maps, options);
        secrets = make(resources::secrets, options);
    }
    for (const auto& kind : choice.routes) open(kind);
}

std::unique_ptr<kube::Cache> Caches::make(const kube::Resource& kind, kube::CacheOptions options) {
    return std::make_unique<kube::Cache>(
        executor_, clock_, random_, client_of(kind), log_, kind, std::move(options));
}

kube::Client& Caches::client_of(const kube::Resource& kind) {
    return choice_.mesh != nullptr && is_of_mesh(kind) ? *choice_.mesh : client_;
}

bool Caches::is_elsewhere(const kube::Resource& kind) const {
    return choice_.mesh_is_elsewhere && is_of_mesh(kind);
}

kube::Cache& Caches::open(const kube::Resource& kind) {
    auto& cache = routes_[kind];
    if (!cache) {
        kube::CacheOptions options{.selection = {choice_.ns}, .trim = trim_of(kind)};
        if (kind == scaled_objects) options.index = controller_uid;
        cache = make(kind, std::move(options));
        if (on_open_) on_open_(*cache);
    }
    return *cache;
}

void Caches::on_open(std::function<void(kube::Cache& cache)> callback) {
    on_open_ = std::move(callback);
}

std::vector<kube::Cache*> Caches::all() {
    std::vector<kube::Cache*> found{&canaries,
                                    &deployments,
                                    &services,
                                    &scalers,
                                    &revisions,
                                    &metric_templates,
                                    &alert_providers};
    for (auto* more : {namespaces.get(), config_maps.get(), secrets.get()}) {
        if (more != nullptr) found.push_back(more);
    }
    for (const auto& [kind, cache] : routes_) found.push_back(cache.get());
    return found;
}

std::vector<const kube::Cache*> Caches::all() const {
    const auto found = const_cast<Caches*>(this)->all();
    return {found.begin(), found.end()};
}

kube::Cache& Caches::of(canary::Kind kind) {
    switch (kind) {
        case canary::Kind::deployment:
            return deployments;
        case canary::Kind::daemon_set:
            return open(resources::daemon_sets);
        case canary::Kind::service:
            return services;
        case canary::Kind::horizontal_pod_autoscaler:
            return scalers;
        case canary::Kind::scaled_object:
            return open(scaled_objects);
        case canary::Kind::controller_revision:
            return revisions;
        case canary::Kind::config_map:
            SLUICE_ASSERT(config_maps);
            return *config_maps;
        case canary::Kind::secret:
            SLUICE_ASSERT(secrets);
            return *secrets;
    }
    SLUICE_ASSERT(false);
}

kube::Cache* Caches::of(const kube::Resource& resource) {
    for (auto* cache : all()) {
        if (cache->resource() == resource) return cache;
    }
    return nullptr;
}

std::optional<Error> Caches::trouble() const {
    for (const auto* cache : all()) {
        const bool is_for_some = routes_.contains(cache->resource()) &&
                                 std::ranges::count(choice_.routes, cache->resource()) == 0;
        if (is_for_some) continue;
        if (auto trouble = cache->trouble()) {
            return trouble->with("watching " + cache->resource().plural);
        }
    }
    return std::nullopt;
}

std::size_t Caches::bytes() const {
    std::size_t sum = 0;
    for (const auto* cache : all()) sum += cache->bytes();
    return sum;
}

}  // namespace sluice::controller
