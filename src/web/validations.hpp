// What `sluice lint` finds on the objects of the cluster, looked for again where something changed
// that it reads: each look is one at a whole namespace.
#pragma once

#include "release/lint.hpp"
#include "web/known.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::web {

struct Validation {
    std::string id;  // stable while the finding stands
    release::Finding finding;
    kube::ObjectKey object;
    Time since{};  // when this process saw it first
};
JsonObject json_of(const Validation& validation);

struct LevelCounts {
    int errors = 0, warnings = 0, infos = 0;

    void add(release::Level level);
};
JsonObject json_of(const LevelCounts& counts);

class Validations {
   public:
    Validations(const Clock& clock, release::LintSettings settings)
        : clock_(clock), settings_(settings) {}

    void forget();
    // An object came, changed or went. A status alone is no news.
    void note_change(const Known& known,
                     const kube::Resource& resource,
                     const kube::ObjectKey& key);
    // When the next namespace may be looked at, which is at most once a second each; nothing while
    // nothing has changed.
    std::optional<Time> due() const;
    bool is_due() const;
    // Looks at one namespace that is due. Says what came and what went.
    struct Change {
        std::string ns;
        std::vector<Validation> upsert;
        std::vector<std::string> remove;
    };
    Change look(const Known& known);

    // Errors first, then by object and path.
    std::vector<const Validation*> all(const std::set<std::string>& namespaces) const;
    LevelCounts counts(const std::set<std::string>& namespaces) const;

   private:
    release::Around around_of(const Known& known, const std::string& ns);

    const Clock& clock_;
    release::LintSettings settings_;
    std::map<std::string, std::map<std::string, Validation>> found_;  // by namespace and id
    std::map<std::string, Time> behind_;                              // and since when
    std::map<std::string, Time> looked_;
    // What was read of each object when its namespace was looked at, as a hash; of Gateways, which
    // are looked at everywhere, under "".
    using Name = std::pair<std::string, kube::ObjectKey>;  // plural.group
    std::map<std::string, std::map<Name, std::size_t>> read_;
    // Pods are many and change often: they stay parsed, without most of their status.
    std::map<std::string, std::map<kube::ObjectKey, std::optional<Json>>> pods_;
};

}  // namespace sluice::web
