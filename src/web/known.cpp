#include "web/known.hpp"

#include "web/answer.hpp"
#include "web/surroundings.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

// In the order in which they are asked for.
const std::vector<kube::Resource>& kinds() {
    static const std::vector<kube::Resource> all{resources::canaries,
                                                 resources::deployments,
                                                 resources::daemon_sets,
                                                 resources::services,
                                                 resources::pods,
                                                 resources::events,
                                                 resources::namespaces,
                                                 resources::virtual_services,
                                                 resources::destination_rules,
                                                 resources::gateways,
                                                 resources::istio_mesh_gateways,
                                                 resources::horizontal_pod_autoscalers,
                                                 resources::metric_templates};
    return all;
}

// Without them the answers say less, and nothing wrong.
bool is_optional(const kube::Resource& resource) {
    return resource.group != "" && resource.group != "apps" && resource.group != "flagger.app";
}

// Ten thousand pods are a lot of text; this is what the answers are made of.
void cut_pod(Json& pod) {
    kube::without_bookkeeping(pod);
    if (auto* spec = find(pod, {"spec"})) {
        JsonArray containers;
        for (const auto& container : array_at(*spec, {"containers"})) {
            containers.push_back(picked(container, {}, {"name", "image"}));
        }
        // A sidecar may run as one of these.
        for (const auto& container : array_at(*spec, {"initContainers"})) {
            if (text_at(container, {"name"}) == "istio-proxy") {
                containers.push_back(picked(container, {}, {"name", "image"}));
            }
        }
        auto kept = picked(*spec, {}, {"nodeName"});
        put(kept, {"containers"}, std::move(containers));
        *spec = std::move(kept);
    }
    if (auto* status = find(pod, {"status"})) {
        *status = picked(*status,
                         {},
                         {"phase",
                          "reason",
                          "message",
                          "podIP",
                          "startTime",
                          "conditions",
                          "containerStatuses",
                          "initContainerStatuses"});
    }
}

// Environments may hold what nobody should see, and nothing here reads them.
void cut_workload(Json& workload) {
    kube::without_bookkeeping(workload);
    auto* containers = find(workload, {"spec", "template", "spec", "containers"});
    if (containers == nullptr || !containers->is_array()) return;
    JsonArray kept;
    for (const auto& container : containers->get_array()) {
        kept.push_back(picked(container, {}, {"name", "image", "ports"}));
    }
    put(workload, {"spec", "template", "spec"}, JsonObject{{"containers", std::move(kept)}});
}

// An address may hold a password.
void cut_alert_provider(Json& provider) {
    provider = picked(provider, {}, {"apiVersion", "kind", "metadata"});
    kube::without_bookkeeping(provider);
}

// Which proxies are injected; of the others beside it nothing is read, and some hold a lot.
void cut_config_map(Json& config_map) {
    const bool is_read = release::is_injector(kube::key_of(config_map));
    Json kept = JsonObject{
        {"metadata",
         picked(config_map, {"metadata"}, {"name", "namespace", "uid", "resourceVersion"})}};
    if (is_read) put(kept, {"data"}, picked(config_map, {"data"}, {"values"}));
    config_map = std::move(kept);
}

// What revision tags they make; the certificates in it are long.
void cut_webhooks(Json& webhooks) {
    webhooks = picked(webhooks, {}, {"apiVersion", "kind", "metadata"});
    kube::without_bookkeeping(webhooks);
}

// Names hold no slash.
std::string about(std::string_view ns, std::string_view name) {
    return fmt::format("{}/{}", ns, name);
}

kube::CacheOptions options_for(const kube::Resource& resource, const std::string& ns) {
    kube::CacheOptions options;
    // To pack what is short, and unpack it for each look, takes a third of the first answer's time;
    // it would save some ten MiB for a thousand releases.
    options.compress_above = 2048;
    if (resource.namespaced) options.selection.ns = ns;
    if (resource == resources::pods) options.trim = cut_pod;
    if (resource.group == "apps") options.trim = cut_workload;
    if (resource == resources::alert_providers) options.trim = cut_alert_provider;
    if (resource == release::injector_webhooks()) options.trim = cut_webhooks;
    if (resource == resources::config_maps) {
        options.selection.ns = release::injector_key().ns;
        options.trim = cut_config_map;
    }
    if (resource == resources::events) {
        options.selection.field_selector = "involvedObject.kind=Canary";
        options.index = [](const Json& event) {
            const auto part = [&](std::string_view name) {
                return text_at(event, {"involvedObject", name});
            };
            std::vector<std::string> values;
            if (part("kind") == "Canary") values.push_back(about(part("namespace"), part("name")));
            return values;
        };
    }
    return options;
}

bool is_found_again(const kube::Resource& resource) {
    return resource.group == "apps" || resource == resources::virtual_services ||
           resource == resources::destination_rules;
}

bool is_refused(const Error& error) {
    return error.kind == ErrorKind::denied || error.kind == ErrorKind::unauthorized;
}

}  // namespace

Json picked(const Json& from, JsonPath path, std::initializer_list<std::string_view> names) {
    JsonObject kept;
    const auto& object = object_at(from, path);
    for (const auto name : names) {
        if (const auto* value = object.if_contains(name)) kept[name] = *value;
    }
    return kept;
}

Json problems_json(const std::vector<Problem>& problems) {
    JsonArray all;
    for (const auto& problem : problems) {
        all.push_back(JsonObject{{"code", problem.code},
                                 {"message", problem.message},
                                 {"since", time_json(problem.since)}});
    }
    return all;
}

Known::Known(const World& world, std::string ns)
    : world_(world), ns_(std::move(ns)), tasks_(world.executor) {
    for (const auto& kind : kinds()) {
        // A Role of one namespace cannot list them.
        if (!ns_.empty() && !kind.namespaced) continue;
        make(kind);
    }
}

Known::~Known() = default;

kube::Cache& Known::make(const kube::Resource& resource) {
    auto& cache = caches_[resource];
    if (!cache) {
        auto options = options_for(resource, ns_);
        // What it is found by is seen when it is kept: it is not parsed again for that.
        if (is_found_again(resource)) {
            options.trim = [this, resource, cut = std::move(options.trim)](Json& object) {
                cut(object);
                index(resource, kube::key_of(object), index_of(resource, object));
            };
        }
        cache = std::make_unique<kube::Cache>(world_.executor,
                                              world_.clock,
                                              world_.random,
                                              *world_.client,
                                              world_.log,
                                              resource,
                                              std::move(options));
        cache->on_change([this, resource, &kept = *cache](const kube::ObjectKey& key) {
            if (is_found_again(resource) && !kept.contains(key)) index(resource, key, {});
            if (changed_) changed_(resource, key);
        });
    }
    return *cache;
}

Task<> Known::kept_alive(std::shared_ptr<Known> self, Task<> task) {
    co_await std::move(task);
}

void Known::run(kube::Cache& cache) {
    tasks_.spawn("watching " + cache.resource().plural,
                 kept_alive(shared_from_this(), cache.run()));
}

void Known::start(Change changed) {
    changed_ = std::move(changed);
    is_started_ = true;
    for (const auto& [resource, cache] : caches_) run(*cache);
}

void Known::cancel() {
    changed_ = nullptr;
    tasks_.cancel();
}

Task<> Known::stop() {
    const auto self = shared_from_this();
    cancel();
    co_await tasks_.wait();
}

const kube::Cache* Known::find(const kube::Resource& resource) const {
    const auto found = caches_.find(resource);
    return found == caches_.end() ? nullptr : found->second.get();
}

const kube::Cache& Known::open(const kube::Resource& resource) {
    if (const auto* cache = find(resource)) return *cache;
    auto& cache = make(resource);
    if (is_started_) run(cache);
    return cache;
}

std::optional<Json> Known::get(const kube::Resource& resource, const kube::ObjectKey& key) const {
    const auto* cache = find(resource);
    if (cache == nullptr) return std::nullopt;
    ++parsed_;
    return cache->get(key);
}

bool Known::refresh(const kube::Resource& resource,
                    const kube::ObjectKey& key,
                    std::optional<Json>& held) const {
    const auto* cache = find(resource);
    if (cache == nullptr) {
        held.reset();
        return false;
    }
    const bool is_other = cache->refresh(key, held);
    if (is_other && held) ++parsed_;
    return is_other;
}

std::vector<Json> Known::list(const kube::Resource& resource, std::string_view ns) const {
    const auto* cache = find(resource);
    auto all = cache == nullptr ? std::vector<Json>{} : cache->list(ns);
    parsed_ += all.size();
    return all;
}

void Known::index(const kube::Resource& resource,
                  const kube::ObjectKey& key,
                  std::vector<std::string> values) {
    auto& index = indexes_[resource];
    auto& before = index.values[key];
    if (before == values && !values.empty()) return;
    for (const auto& value : before) {
        const auto keys = index.keys.find(value);
        if (keys == index.keys.end()) continue;
        keys->second.erase(key);
        if (keys->second.empty()) index.keys.erase(keys);
    }
    for (const auto& value : values) index.keys[value].insert(key);
    before = std::move(values);
    if (before.empty()) index.values.erase(key);
}

std::vector<kube::ObjectKey> Known::keys_by(const kube::Resource& resource,
                                            const std::string& value) const {
    const auto index = indexes_.find(resource);
    if (index == indexes_.end()) return {};
    const auto keys = index->second.keys.find(value);
    if (keys == index->second.keys.end()) return {};
    return {keys->second.begin(), keys->second.end()};
}

std::vector<Json> Known::list_about(const kube::Resource& resource,
                                    const kube::ObjectKey& key) const {
    const auto* cache = find(resource);
    auto all = cache == nullptr ? std::vector<Json>{} : cache->find_by(about(key.ns, key.name));
    parsed_ += all.size();
    return all;
}

void Known::for_each(const kube::Resource& resource,
                     std::string_view ns,
                     const std::function<void(const Json&)>& visit) const {
    const auto* cache = find(resource);
    if (cache == nullptr) return;
    cache->for_each(ns, [&](const Json& object) {
        ++parsed_;
        visit(object);
    });
}

bool Known::is_known(const kube::Resource& resource) const {
    const auto* cache = find(resource);
    return cache != nullptr && cache->synced();
}

Task<> Known::wait_until_filled(Duration limit) {
    const auto end = world_.clock.now() + limit;
    const auto is_settled = [&] {
        return std::ranges::all_of(caches_, [](const auto& entry) {
            return entry.second->synced() || entry.second->trouble();
        });
    };
    while (!is_settled() && world_.clock.now() < end) {
        co_await world_.clock.sleep_for(std::chrono::milliseconds{10});
    }
}

std::optional<Error> Known::canaries_trouble() const {
    const auto& cache = *caches_.at(resources::canaries);
    if (cache.synced()) return std::nullopt;
    if (const auto trouble = cache.trouble()) return trouble;
    return Error{ErrorKind::unavailable, "starting"};
}

std::vector<Problem> Known::problems() const {
    return problems_of(kinds());
}

std::vector<Problem> Known::problems_of(const std::vector<kube::Resource>& kinds) const {
    std::vector<Problem> problems;
    bool is_away = false;
    for (const auto& kind : kinds) {
        const auto* cache = find(kind);
        if (cache == nullptr) continue;
        const auto trouble = cache->trouble();
        if (!trouble) continue;
        if (is_refused(*trouble)) {
            const auto where =
                ns_.empty() || !kind.namespaced ? std::string() : " in namespace " + ns_;
            problems.push_back({.code = "forbidden",
                                .message = fmt::format("You may not list {}{}", kind.plural, where),
                                .since = {}});
        } else if (!(trouble->kind == ErrorKind::not_found && is_optional(kind)) && !is_away) {
            is_away = true;
            problems.push_back(
                {.code = "api_server_away",
                 .message = fmt::format("watching {}: {}", kind.plural, trouble->message),
                 .since = cache->last_contact()});
        }
    }
    return problems;
}

std::string Known::why_incomplete(const kube::Resource& kind) const {
    const auto troubles = problems_of({kind});
    if (!troubles.empty()) return troubles.front().message;
    const auto* cache = find(kind);
    return cache != nullptr && !cache->synced() ? fmt::format("{} are being read", kind.plural)
                                                : std::string();
}

void Known::note(const kube::Resource& resource, const Json& object) {
    const auto found = caches_.find(resource);
    if (found != caches_.end()) found->second->note(object);
}

std::vector<Known::CacheState> Known::caches() const {
    std::vector<CacheState> all;
    all.reserve(caches_.size());
    for (const auto& [resource, cache] : caches_) {
        const auto trouble = cache->trouble();
        // A kind that the cluster does not serve: there is nothing to read, and nothing is wrong.
        if (trouble && trouble->kind == ErrorKind::not_found && !cache->synced()) continue;
        all.push_back({.kind = resource.plural,
                       .objects = cache->size(),
                       .bytes = cache->bytes(),
                       .synced = cache->synced(),
                       .last_contact = cache->last_contact(),
                       .error = trouble ? trouble->message : std::string()});
    }
    std::ranges::sort(all, {}, &CacheState::kind);
    return all;
}

std::size_t Known::bytes() const {
    std::size_t sum = 0;
    for (const auto& [resource, cache] : caches_) sum += cache->bytes();
    return sum;
}

}  // namespace sluice::web
