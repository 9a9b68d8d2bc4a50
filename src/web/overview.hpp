// The first page: what needs a person, counts, the mesh in numbers, the last Events. Pure.
#pragma once

#include "web/known.hpp"
#include "web/prometheus.hpp"
#include "web/release.hpp"
#include "web/validations.hpp"

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

// Events of releases as they come, the newest of them.
class RecentEvents {
   public:
    struct One {
        EventPlace place;
        kube::ObjectKey key;
        JsonObject json;
        std::string ns;
    };
    // Says whether it is new, or has happened again.
    bool note(const kube::ObjectKey& key, const Json& event);
    void forget() { newest_.clear(); }
    // Newest first.
    std::vector<const One*> last(const std::set<std::string>& namespaces, std::size_t count) const;

   private:
    std::vector<One> newest_;  // newest first
};

struct ApiServerHealth {
    bool ok = true;
    std::string error = {};
    std::optional<Time> since = {};
};

struct OverviewParts {
    bool lab = false;
    std::vector<const Release*> releases;
    // What the reader may do in that namespace.
    std::function<const std::vector<std::string>&(const std::string& ns)> verbs;
    Seen mesh;
    LevelCounts validations;
    const PrometheusHealth& prometheus;
    ApiServerHealth api_server;
    std::vector<Problem> problems;
    std::vector<const RecentEvents::One*> events;
};
JsonObject overview_json(const OverviewParts& parts);

}  // namespace sluice::web
