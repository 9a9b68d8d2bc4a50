#include "controller/caches.hpp"

#include <boost/json.hpp>

#include <algorithm>

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
void cut_deployment(Json& object) {
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
                                       "conditions"}) {
        if (const auto* value = status->get_object().if_contains(key)) kept[key] = *value;
    }
    if (!written.empty()) kept[canary::template_written_field] = written;
    *status = std::move(kept);
}

// The router reads whether kubectl's annotation is there, so it stays.
void cut_virtual_service(Json& object) {
    drop(object, {"metadata", "managedFields"});
}

void cut_config(Json& object) {
    kube::without_bookkeeping(object);
    for (const std::string_view key : {"data", "binaryData", "stringData", "immutable"}) {
        drop(object, {key});
    }
}

std::vector<std::string> controller_uid(const Json& object) {
    const auto* owner = kube::controller_of(object);
    if (owner == nullptr) return {};
    return {std::string(text_at(*owner, {"uid"}))};
}

}  // namespace

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
                  {.selection = {choice.ns}, .trim = cut_deployment}),
      services(
          executor, clock, random, client, log, resources::services, {.selection = {choice.ns}}),
      scalers(executor,
              clock,
              random,
              client,
              log,
              resources::horizontal_pod_autoscalers,
              {.selection = {choice.ns}}),
      revisions(executor,
                clock,
                random,
                client,
                log,
                resources::controller_revisions,
                {.selection = {choice.ns}, .index = controller_uid}),
      virtual_services(executor,
                       clock,
                       random,
                       client,
                       log,
                       resources::virtual_services,
                       {.selection = {choice.ns}, .trim = cut_virtual_service}),
      destination_rules(executor,
                        clock,
                        random,
                        client,
                        log,
                        resources::destination_rules,
                        {.selection = {choice.ns}}),
      alert_providers(executor,
                      clock,
                      random,
                      client,
                      log,
                      resources::alert_providers,
                      {.selection = {choice.ns}}) {
    const auto make = [&](const kube::Resource& resource, kube::CacheOptions options) {
        return std::make_unique<kube::Cache>(
            executor, clock, random, client, log, resource, std::move(options));
    };
    if (choice.ns.empty()) namespaces = make(resources::namespaces, {});
    if (choice.configs) {
        config_maps = make(resources::config_maps, {.selection = {choice.ns}, .trim = cut_config});
        secrets = make(resources::secrets, {.selection = {choice.ns}, .trim = cut_config});
    }
}

std::vector<kube::Cache*> Caches::all() {
    std::vector<kube::Cache*> found{&canaries,
                                    &deployments,
                                    &services,
                                    &scalers,
                                    &revisions,
                                    &virtual_services,
                                    &destination_rules,
                                    &alert_providers};
    for (auto* more : {namespaces.get(), config_maps.get(), secrets.get()}) {
        if (more != nullptr) found.push_back(more);
    }
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
        case canary::Kind::service:
            return services;
        case canary::Kind::horizontal_pod_autoscaler:
            return scalers;
        case canary::Kind::controller_revision:
            return revisions;
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
