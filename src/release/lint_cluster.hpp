// What lint reads of a cluster: the kinds, and what of other namespaces' objects counts.
#pragma once

#include "base/async/task.hpp"
#include "kube/client.hpp"
#include "release/lint.hpp"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::release {

struct LintKind {
    kube::Resource resource;
    // Objects of other namespaces count too: as hosts, gateways, policies, references.
    bool everywhere = true;
    std::string_view tells = {};  // what is not judged where it may not be read
};
// MutatingWebhookConfigurations: revision tags are some of them.
const kube::Resource& injector_webhooks();
// In the order in which they are read. Of ConfigMaps only the injectors' are.
std::span<const LintKind> lint_kinds();
// Null for what lint does not read.
const LintKind* lint_kind_of(const kube::Resource& resource);
// The ConfigMap that says which proxies are injected in namespaces of that revision; empty for the
// default one.
kube::ObjectKey injector_key(std::string_view revision = {});
bool is_injector(const kube::ObjectKey& key);

// The items of a list don't say what they are, and Istio's Gateway is one of two of that name.
void name_kind(Json& object, const kube::Resource& resource);
// Whether it is an object of that namespace, or the namespace itself.
bool is_in_namespace(const Json& object, std::string_view ns);

// As far as whoever asks may read it: what one may not read everywhere is read of one namespace.
// `denied` where its Canaries may not be listed.
Task<Result<Around>> read_around(kube::Client& client, std::string ns);

// "not judged, for you cannot read them: serviceentries (hosts outside of the cluster)"; empty
// for none.
std::string not_judged(const std::set<std::string>& kinds);

// --- one namespace of a large cluster ------------------------------------------------------------

// All that counts of an object of another namespace.
Json outline_of(const kube::Resource& resource, const Json& object);

// What the objects of one namespace ask of the others, besides Gateways, ServiceEntries, policies
// and namespaces, of which all are asked. Whatever lint looks up elsewhere stands here.
struct Reach {
    std::set<std::string> hosts = {};                                   // in full
    std::set<std::pair<std::string, kube::ObjectKey>> references = {};  // kind and key
    std::set<std::string> workloads = {};    // namespaces in which subsets look for pods
    std::vector<JsonObject> selectors = {};  // of Gateways, whose pods may be anywhere
    bool asks_services_of_gateways = false;  // of the namespaces of those pods
};
// `objects` are the namespace's own; `gateways` those of the cluster.
Reach reach_of(const std::vector<const Json*>& objects, const std::vector<Json>& gateways);

// The hosts that a DestinationRule, or a VirtualService of the mesh, is about, in full.
std::vector<std::string> hosts_about(const kube::Resource& resource, const Json& object);

}  // namespace sluice::release
