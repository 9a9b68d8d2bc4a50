#include "web/surroundings.hpp"

#include "controller/state.hpp"
#include "istio/names.hpp"
#include "release/mesh_scene.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

namespace sluice::web {
namespace {

namespace resources = kube::resources;
using release::lint_kinds;
using release::LintKind;

bool is_workload(const LintKind& kind) {
    return kind.resource.group == "apps";
}

std::string label_text(std::string_view name, std::string_view value) {
    return fmt::format("{}={}", name, value);
}

// One of a selector's labels: of the workloads that have it the others are asked.
std::string first_label(const JsonObject& selector) {
    const auto& [name, value] = *selector.begin();
    return label_text(name, value.is_string() ? std::string_view(value.get_string()) : "");
}

std::string about_host(std::string_view host) {
    return fmt::format("host {}", host);
}
std::string about_pods(std::string_view label) {
    return fmt::format("pods {}", label);
}
std::string about_all(const kube::Resource& resource, std::string_view ns) {
    return fmt::format("{} of {}", resource.qualified(), ns);
}
std::string about_one(const kube::Resource& resource, const kube::ObjectKey& key) {
    return fmt::format("{} {}", resource.qualified(), to_string(key));
}

// To what keeps its place in the cache, and what is read.
void cut_pod(Json& pod) {
    const std::string phase(text_at(pod, {"status", "phase"}));
    put(pod, {"status"}, JsonObject{{"phase", phase}});
}

std::size_t hash_of_text(const Json& value) {
    return std::hash<std::string>{}(to_text(value));
}

std::size_t hash_of_pod(Json pod) {
    const auto phase = text_at(pod, {"status", "phase"});
    const bool is_over = phase == "Succeeded" || phase == "Failed";
    put(pod, {"status"}, Json(is_over));
    drop(pod, {"metadata", "resourceVersion"});
    return hash_of_text(pod);
}

// One look, piece by piece.
class Looking {
   public:
    Looking(const Known& known, const std::string& ns) : known_(known), ns_(ns) {}

    void add_own(const LintKind& kind, Json object) {
        release::name_kind(object, kind.resource);
        const auto key = kube::key_of(object);
        if (kind.resource != resources::pods) {
            sight_.read[{kind.resource.qualified(), key}] = Surroundings::hash_of(object);
        }
        placed_.push_back({&kind, key, std::move(object)});
    }
    void add_outline(const LintKind& kind, const kube::ObjectKey& key, Json outline) {
        placed_.push_back({&kind, key, std::move(outline)});
    }
    // Of another namespace, if it is there and is not among them yet.
    void ask_for(const LintKind& kind, const kube::ObjectKey& key) {
        if (key.ns == ns_) return;
        sight_.questions.insert(about_one(kind.resource, key));
        const Surroundings::Name name{kind.resource.qualified(), key};
        if (sight_.read.contains(name)) return;
        const auto object = known_.get(kind.resource, key);
        if (!object) return;
        auto outline = release::outline_of(kind.resource, *object);
        sight_.read[name] = hash_of_text(outline);
        add_outline(kind, key, std::move(outline));
    }
    void ask_for_all(const LintKind& kind, const std::string& ns) {
        if (ns == ns_) return;
        sight_.questions.insert(about_all(kind.resource, ns));
        const auto* cache = known_.find(kind.resource);
        if (cache == nullptr) return;
        for (const auto& key : cache->keys(ns)) ask_for(kind, key);
    }
    void ask(const std::vector<Json>& gateways);
    // In the order in which `sluice lint` reads them.
    Surroundings::Sight take();

   private:
    struct Placed {
        const LintKind* kind = nullptr;
        kube::ObjectKey key;
        Json object;
    };
    void ask_for_host(const std::string& host);
    // In which namespaces pods with these labels may be.
    std::set<std::string> ask_for_pods(const JsonObject& selector);

    const Known& known_;
    std::string ns_;
    std::vector<Placed> placed_;
    Surroundings::Sight sight_;
};

void Looking::ask_for_host(const std::string& host) {
    sight_.questions.insert(about_host(host));
    constexpr std::string_view end = ".svc.cluster.local";
    const auto dot = host.find('.');
    const bool is_service = host.ends_with(end) && dot + end.size() < host.size();
    const auto ns = is_service ? host.substr(dot + 1, host.size() - end.size() - dot - 1) : "";
    for (const auto& kind : lint_kinds()) {
        const auto& resource = kind.resource;
        if (resource == resources::services && !ns.empty()) {
            ask_for(kind, {ns, host.substr(0, dot)});
        } else if (resource == resources::virtual_services ||
                   resource == resources::destination_rules) {
            for (const auto& key : known_.keys_by(resource, host)) ask_for(kind, key);
        }
    }
}

std::set<std::string> Looking::ask_for_pods(const JsonObject& selector) {
    std::set<std::string> namespaces;
    const auto label = first_label(selector);
    sight_.questions.insert(about_pods(label));
    for (const auto& kind : lint_kinds()) {
        if (!is_workload(kind)) continue;
        for (const auto& key : known_.keys_by(kind.resource, label)) {
            ask_for(kind, key);
            namespaces.insert(key.ns);
        }
    }
    return namespaces;
}

void Looking::ask(const std::vector<Json>& gateways) {
    std::vector<const Json*> own;
    for (const auto& placed : placed_) {
        if (release::is_in_namespace(placed.object, ns_)) own.push_back(&placed.object);
    }
    const auto reach = release::reach_of(own, gateways);
    for (const auto& host : reach.hosts) ask_for_host(host);
    std::set<std::string> of_gateways;
    for (const auto& selector : reach.selectors) of_gateways.merge(ask_for_pods(selector));
    for (const auto& kind : lint_kinds()) {
        for (const auto& [name, key] : reach.references) {
            if (kind.resource.kind == name) ask_for(kind, key);
        }
        if (is_workload(kind)) {
            for (const auto& ns : reach.workloads) ask_for_all(kind, ns);
        }
        if (kind.resource == resources::services && reach.asks_services_of_gateways) {
            for (const auto& ns : of_gateways) ask_for_all(kind, ns);
        }
    }
}

Surroundings::Sight Looking::take() {
    std::ranges::sort(placed_, [](const Placed& one, const Placed& other) {
        return std::tie(one.kind, one.key) < std::tie(other.kind, other.key);
    });
    for (auto& [kind, key, object] : placed_) sight_.around.objects.push_back(std::move(object));
    return std::move(sight_);
}

}  // namespace

void Surroundings::open(Known& known) {
    for (const auto& kind : lint_kinds()) {
        // A Role of one namespace cannot list them.
        if (known.ns().empty() || kind.resource.namespaced) known.open(kind.resource);
    }
}

Surroundings::Kinds Surroundings::kinds(const Known& known) {
    Kinds kinds;
    for (const auto& kind : lint_kinds()) {
        const auto* cache = known.find(kind.resource);
        const auto trouble = cache == nullptr ? std::nullopt : cache->trouble();
        // Of a kind that the cluster does not have there is nothing.
        if (trouble && trouble->kind == ErrorKind::not_found) continue;
        const bool is_refused = trouble && trouble->kind == ErrorKind::denied;
        const bool is_read = known.is_known(kind.resource);
        const bool is_unread = is_refused || !is_read;
        if (is_unread) kinds.unread.insert(kind.resource.kind);
        if (is_unread && trouble) kinds.unreadable.insert(kind.resource.kind);
        if (cache != nullptr && !is_read && !trouble) kinds.are_settled = false;
    }
    return kinds;
}

Surroundings::Sight Surroundings::look(const Known& known,
                                       const Kinds& kinds,
                                       const std::string& ns) {
    Looking looking(known, ns);
    std::vector<Json> gateways;
    for (const auto& kind : lint_kinds()) {
        const auto& resource = kind.resource;
        if (kinds.unreadable.contains(resource.kind)) continue;
        if (resource == resources::pods) {
            auto& pods = pods_[ns];
            auto before = std::exchange(pods, {});
            const auto* cache = known.find(resource);
            for (const auto& key :
                 cache == nullptr ? std::vector<kube::ObjectKey>{} : cache->keys(ns)) {
                auto& pod = pods[key];
                pod = std::move(before[key]);
                if (known.refresh(resource, key, pod.object) && pod.object) {
                    cut_pod(*pod.object);
                    pod.hash = hash_of_pod(*pod.object);
                }
                if (pod.object) looking.add_own(kind, *pod.object);
            }
        } else if (!resource.namespaced) {
            if (auto own = known.get(resource, {"", ns})) looking.add_own(kind, *std::move(own));
        } else {
            for (auto& own : known.list(resource, ns)) looking.add_own(kind, std::move(own));
        }
        const auto others = seen_by_all_.find(&kind);
        if (others == seen_by_all_.end()) continue;
        for (const auto& [key, outline] : others->second) {
            if (resource == resources::gateways) gateways.push_back(outline);
            const bool is_own = (resource.namespaced ? key.ns : key.name) == ns;
            if (!is_own) looking.add_outline(kind, key, outline);
        }
    }
    looking.ask(gateways);
    auto sight = looking.take();
    auto& around = sight.around;
    around.whole = true;
    around.home = ns;
    around.unread = kinds.unread;
    for (const auto& kind : lint_kinds()) {
        if (!kind.everywhere || !known.ns().empty()) around.elsewhere.insert(kind.resource.kind);
    }
    return sight;
}

bool Surroundings::is_as_seen(const kube::ObjectKey& key, std::optional<Json> pod) const {
    const auto all = pods_.find(key.ns);
    if (all == pods_.end()) return false;
    const auto seen = all->second.find(key);
    if (!pod || seen == all->second.end()) return !pod && seen == all->second.end();
    cut_pod(*pod);
    return seen->second.hash == hash_of_pod(*std::move(pod));
}

bool Surroundings::is_seen_by_all(const LintKind& kind) {
    const auto& resource = kind.resource;
    return resource == resources::gateways || resource == resources::namespaces ||
           resource == resources::config_maps || resource == release::injector_webhooks() ||
           resource.kind == "ServiceEntry" || resource.group == "security.istio.io";
}

bool Surroundings::note(const LintKind& kind, const kube::ObjectKey& key, const Json* object) {
    auto& all = seen_by_all_[&kind];
    const auto held = all.find(key);
    if (object == nullptr) {
        if (held == all.end()) return false;
        all.erase(held);
        return true;
    }
    auto outline = release::outline_of(kind.resource, *object);
    if (held != all.end() && held->second == outline) return false;
    all.insert_or_assign(key, std::move(outline));
    return true;
}

std::set<std::string> Surroundings::answered_by(const LintKind& kind,
                                                const kube::ObjectKey& key,
                                                const Json* object) {
    const auto& resource = kind.resource;
    std::set<std::string> questions{about_one(resource, key), about_all(resource, key.ns)};
    if (object == nullptr) return questions;
    for (const auto& value : index_of(resource, *object)) {
        questions.insert(is_workload(kind) ? about_pods(value) : about_host(value));
    }
    return questions;
}

// Of all that is read of such an object. Of a status only whether a workload has running pods.
std::size_t Surroundings::hash_of(const Json& object) {
    JsonObject read;
    for (const auto& [name, value] : object_at(object, {})) {
        if (name != "status" && name != "kind" && name != "apiVersion") read[name] = value;
    }
    Json whole(std::move(read));
    drop(whole, {"metadata", "resourceVersion"});
    drop(whole, {"metadata", "annotations", controller::state_annotation});
    for (const auto* field : {"readyReplicas", "numberReady"}) {
        put(whole, {field}, integer_at(object, {"status", field}).value_or(0) > 0);
    }
    return hash_of_text(whole);
}

std::size_t Surroundings::outer_hash_of(const kube::Resource& resource, const Json& object) {
    return hash_of_text(release::outline_of(resource, object));
}

std::vector<std::string> index_of(const kube::Resource& resource, const Json& object) {
    if (resource == resources::virtual_services || resource == resources::destination_rules) {
        return release::hosts_about(resource, object);
    }
    std::vector<std::string> labels;
    if (resource.group != "apps") return labels;
    for (const auto& [name, value] :
         object_at(object, {"spec", "template", "metadata", "labels"})) {
        if (value.is_string()) labels.push_back(label_text(name, value.get_string()));
    }
    return labels;
}

}  // namespace sluice::web
