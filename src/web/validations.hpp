// What `sluice lint` finds on the objects of the cluster, looked for again where something changed.
#pragma once

#include "release/lint.hpp"
#include "web/known.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
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
    // A namespace's objects have changed; the empty one is all of them.
    void note_change(const kube::Resource& resource, const kube::ObjectKey& key);
    bool is_behind() const { return !behind_.empty(); }
    // Looks at one namespace that has changed. Says what came and what went.
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
    const Clock& clock_;
    release::LintSettings settings_;
    std::map<std::string, std::map<std::string, Validation>> found_;  // by namespace and id
    std::set<std::string> behind_;
};

}  // namespace sluice::web
