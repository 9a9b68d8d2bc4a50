#include "web/mesh.hpp"

#include "base/core/text.hpp"
#include "release/versions.hpp"
#include "web/answer.hpp"
#include "web/health.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::web {
namespace {

constexpr std::size_t names_max = 100;
constexpr std::string_view usual_root = "istio-system";
// The last version whose proxies let copies carry another Host.
constexpr std::pair<std::int64_t, std::int64_t> last_with_shadow{1, 27};

struct Plane {
    std::string_view source;
    kube::ObjectKey key;
    std::string revision, version, status;
    Replicas pods;
};

class Mesh {
   public:
    explicit Mesh(const MeshParts& parts) : parts_(parts) {
        for (const auto& webhook : parts.webhooks) tags_.note(webhook);
    }

    JsonObject json() const {
        return {{"controlPlanes", control_planes()},
                {"mirrorHost", text_json(mirror_host())},
                {"proxies", proxies()},
                {"mtls", mtls()},
                {"prometheus", prometheus()},
                {"istioApi", istio_api()},
                {"apiServer",
                 JsonObject{{"ok", parts_.api_server.ok},
                            {"error", text_json(parts_.api_server.error)},
                            {"since", time_json(parts_.api_server.since)}}},
                {"caches", caches()},
                {"problems", problems_json(parts_.problems)}};
    }

   private:
    // The revision that a namespace asks for, behind its tag; "default" of the plain label.
    std::string asked_by(const Json& ns) const {
        const auto injection = text_at(ns, {"metadata", "labels", "istio-injection"});
        if (injection == "disabled") return {};
        std::string asked(text_at(ns, {"metadata", "labels", "istio.io/rev"}));
        if (injection == "enabled") asked = "default";
        return tags_.behind(asked);
    }

    std::vector<Plane> planes() const {
        std::vector<Plane> all;
        for (const auto& object : parts_.control_planes) {
            const auto key = kube::key_of(object);
            Plane plane{.source = "IstioControlPlane",
                        .key = key,
                        .revision = fmt::format("{}.{}", key.name, key.ns),
                        .version = std::string(text_at(object, {"spec", "version"})),
                        .status = std::string(text_at(object, {"status", "status"}, "Unknown")),
                        .pods = {}};
            for (const auto* deployment : istiods()) {
                if (kube::key_of(*deployment).ns == key.ns &&
                    is_revision(revision_of(*deployment), plane.revision)) {
                    plane.pods = replicas_of(*deployment);
                }
            }
            all.push_back(std::move(plane));
        }
        for (const auto* deployment : istiods()) {
            const auto key = kube::key_of(*deployment);
            const auto revision = revision_of(*deployment);
            const bool is_known = std::ranges::any_of(all, [&](const Plane& plane) {
                return plane.key.ns == key.ns && is_revision(revision, plane.revision);
            });
            if (is_known) continue;
            const auto pods = replicas_of(*deployment);
            const auto& containers =
                array_at(*deployment, {"spec", "template", "spec", "containers"});
            all.push_back(
                {.source = "istiod",
                 .key = key,
                 .revision = revision,
                 .version = containers.empty()
                                ? std::string()
                                : release::version_of(text_at(containers.front(), {"image"})),
                 .status = pods.ready >= pods.desired && pods.desired > 0 ? "Ready" : "NotReady",
                 .pods = pods});
        }
        return all;
    }
    std::vector<const Json*> istiods() const {
        std::vector<const Json*> all;
        for (const auto& one : parts_.deployments) {
            if (text_at(*one, {"metadata", "labels", "app"}) == "istiod") all.push_back(one.get());
        }
        return all;
    }
    static std::string revision_of(const Json& istiod) {
        return std::string(text_at(istiod, {"metadata", "labels", "istio.io/rev"}, "default"));
    }

    JsonArray control_planes() const {
        const auto all = planes();
        JsonArray shown;
        for (const auto& plane : all) {
            if (!parts_.sees(plane.key.ns)) continue;
            JsonArray tags;
            for (const auto& [tag, revision] : tags_.all()) {
                if (is_revision(revision, plane.revision)) tags.emplace_back(tag);
            }
            JsonArray namespaces;
            for (const auto& ns : parts_.namespaces) {
                const auto name = kube::key_of(*ns).name;
                const auto asked = asked_by(*ns);
                // The plain label is for whichever there is, when there is one.
                const bool is_its = !asked.empty() && (is_revision(asked, plane.revision) ||
                                                       (asked == "default" && all.size() == 1));
                if (is_its && parts_.sees(name)) namespaces.emplace_back(name);
            }
            shown.push_back(JsonObject{
                {"source", plane.source},
                {"namespace", plane.key.ns},
                {"name", plane.key.name},
                {"revision", plane.revision},
                {"version", text_json(plane.version)},
                {"status", plane.status},
                {"pods", JsonObject{{"ready", plane.pods.ready}, {"total", plane.pods.desired}}},
                {"tags", std::move(tags)},
                {"injectionNamespaces", std::move(namespaces)}});
        }
        return shown;
    }

    // Unless somebody told Istio otherwise, which nothing here says.
    std::string mirror_host() const {
        if (!parts_.mirror_host.empty()) return parts_.mirror_host;
        std::set<std::string> all;
        for (const auto& plane : planes()) {
            const auto parts = split(plane.version, '.');
            const auto major = parse_integer(parts.front());
            const auto minor = parts.size() < 2 ? std::nullopt : parse_integer(parts[1]);
            if (!major || !minor) return {};
            all.insert(std::pair(*major, *minor) <= last_with_shadow ? "shadow" : "plain");
        }
        return all.size() == 1 ? *all.begin() : std::string();
    }

    JsonObject proxies() const {
        int total = 0;
        std::map<std::string, int> versions;
        JsonArray skewed;
        JsonArray missing;
        for (const auto& [id, of] : parts_.sidecars) {
            if (!parts_.sees(of.ns)) continue;
            total += of.with;
            for (const auto& [version, count] : of.versions) versions[version] += count;
            const auto name = fmt::format("{}/{}", of.ns, of.name);
            if (of.is_skewed() && skewed.size() < names_max) skewed.emplace_back(name);
            if (of.missing > 0 && missing.size() < names_max) missing.emplace_back(name);
        }
        JsonObject by_version;
        for (const auto& [version, count] : versions) by_version[version] = count;
        return {{"total", total},
                {"byVersion", std::move(by_version)},
                {"skewed", std::move(skewed)},
                {"missing", std::move(missing)}};
    }

    // A policy of a whole namespace: one without a selector; of several the oldest holds.
    const Json* policy_of(std::string_view ns) const {
        const Json* found = nullptr;
        for (const auto& policy : parts_.policies) {
            if (kube::key_of(policy).ns != ns) continue;
            if (!object_at(policy, {"spec", "selector", "matchLabels"}).empty()) continue;
            const auto created = text_at(policy, {"metadata", "creationTimestamp"});
            if (found == nullptr || created < text_at(*found, {"metadata", "creationTimestamp"})) {
                found = &policy;
            }
        }
        return found;
    }

    JsonArray mtls() const {
        std::set<std::string> namespaces;
        for (const auto& [id, of] : parts_.sidecars) {
            if (of.with > 0) namespaces.insert(of.ns);
        }
        for (const auto& policy : parts_.policies) namespaces.insert(kube::key_of(policy).ns);
        const auto planes_here = planes();
        const std::string root =
            planes_here.empty() ? std::string(usual_root) : planes_here.front().key.ns;
        JsonArray all;
        for (const auto& ns : namespaces) {
            if (!parts_.sees(ns)) continue;
            std::string mode = "UNSET";
            Json source = nullptr;
            for (const auto& from : {ns, root}) {
                const auto* policy = policy_of(from);
                if (policy == nullptr) continue;
                const auto said = text_at(*policy, {"spec", "mtls", "mode"}, "UNSET");
                // What says nothing leaves it to the root's.
                if (said == "UNSET") continue;
                mode = said;
                source = to_string(kube::key_of(*policy));
                break;
            }
            all.push_back(JsonObject{{"namespace", ns}, {"mode", mode}, {"source", source}});
        }
        return all;
    }

    JsonObject prometheus() const {
        const auto& health = parts_.prometheus;
        const auto number = [](const std::optional<double>& value) { return optional_json(value); };
        return {{"url", health.url},
                {"ok", health.ok},
                {"version", text_json(health.version.value_or(""))},
                {"lookback", number(health.lookback)},
                {"retention", text_json(health.retention)},
                {"scrapeInterval", number(health.scrape_interval)},
                {"lastError", text_json(health.last_error)},
                {"since", time_json(health.since)}};
    }

    JsonObject istio_api() const {
        JsonArray versions;
        for (const auto& version : parts_.istio_versions) versions.emplace_back(version);
        const auto& ours = kube::resources::virtual_services.version;
        const bool is_served =
            std::ranges::find(parts_.istio_versions, ours) != parts_.istio_versions.end();
        return {{"versions", std::move(versions)},
                {"used", is_served ? Json(ours) : Json(nullptr)}};
    }

    JsonArray caches() const {
        JsonArray all;
        for (const auto& cache : parts_.caches) {
            all.push_back(JsonObject{{"kind", cache.kind},
                                     {"objects", cache.objects},
                                     {"bytes", cache.bytes},
                                     {"synced", cache.synced},
                                     {"lastContact", time_json(cache.last_contact)},
                                     {"error", text_json(cache.error)}});
        }
        return all;
    }

    const MeshParts& parts_;
    release::RevisionTags tags_;
};

}  // namespace

const kube::Resource peer_authentications{.group = "security.istio.io",
                                          .version = "v1beta1",
                                          .plural = "peerauthentications",
                                          .kind = "PeerAuthentication"};

JsonObject mesh_json(const MeshParts& parts) {
    return Mesh(parts).json();
}

}  // namespace sluice::web
