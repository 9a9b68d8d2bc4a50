// What `sluice lint` finds on the objects of the cluster, in every namespace, looked for again
// where something changed that it reads: each look is one at a whole namespace.
#pragma once

#include "release/lint.hpp"
#include "web/known.hpp"
#include "web/surroundings.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

struct Validation {
    std::string id;  // stable while the finding stands
    release::Finding finding;
    kube::ObjectKey object;
    Time since{};  // when this process saw it first
    // It would be found, too, by who may read nothing but this namespace.
    bool is_plain_at_home = false;
    // Names pods, which not everybody may list.
    bool is_of_pods = false;
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

    // The kinds of lint are read from now on, and findings looked for.
    void open(Known& known);
    bool is_open() const { return opened_.has_value(); }
    // Also finds out what shows to those who may not read every namespace. Costs as much again.
    void tell_apart();
    void forget();
    // An object came, changed or went. A status alone is no news. Says whether something is due now
    // that was not, or not so soon.
    bool note_change(const Known& known,
                     const kube::Resource& resource,
                     const kube::ObjectKey& key);
    // When the next namespace may be looked at: at most once a second each, once in five for pods
    // and for what changed elsewhere. Nothing while nothing has changed.
    std::optional<Time> due(const Known& known) const;
    bool is_due(const Known& known) const;
    // Of those namespaces the ones that were never looked at, though something is in them.
    std::size_t not_yet_looked_at(const std::function<bool(const std::string& ns)>& sees) const;
    // Looks at one namespace that is due. Says what came and what went: for those who see
    // everything, and for the others.
    struct News {
        std::vector<Validation> upsert;
        std::vector<Validation> remove;

        bool is_none() const { return upsert.empty() && remove.empty(); }
        // For who may not list the pods.
        News without_pods() const;
    };
    struct Change {
        std::string ns;
        News whole, plain;
    };
    Change look(const Known& known);

    struct Of {
        std::set<std::string> namespaces = {};  // empty: all
        bool sees_everything = true;
        // Whether the namespace's pods may be listed; unset: all may.
        std::function<bool(const std::string& ns)> sees_pods = {};
    };
    // Errors first, then by object and path.
    std::vector<const Validation*> all(const Of& of) const;
    LevelCounts counts(const Of& of) const;
    // What may be told to everybody who sees the namespace.
    std::vector<const Validation*> for_all(const std::string& ns) const;
    // Why something may be missing from them.
    std::vector<Problem> problems(const Known& known, bool sees_everything) const;

   private:
    using Found = std::map<std::string, Validation>;  // by id

    // At once, or when the last look is so long ago.
    bool call_for_look(const std::string& ns, Duration rest);
    bool note_at_home(const release::LintKind& kind,
                      const kube::ObjectKey& key,
                      const std::optional<Json>& object);
    bool note_elsewhere(const release::LintKind& kind,
                        const kube::ObjectKey& key,
                        const std::optional<Json>& object);
    Found find(const release::Around& around, const std::string& ns, const Found& before) const;
    void mark_plain(release::Around around, Found& found) const;
    void ask_from(const std::string& ns, std::set<std::string> questions);
    static bool is_shown(const Validation& one, bool sees_everything, bool sees_pods);
    void visit(const Of& of, const std::function<void(const Validation&)>& visit) const;

    const Clock& clock_;
    release::LintSettings settings_;
    std::optional<Time> opened_;
    bool tells_apart_ = false;
    Surroundings surroundings_;
    Surroundings::Kinds kinds_;           // as of the last looks
    std::map<std::string, Found> found_;  // by namespace
    std::map<std::string, Time> behind_;  // and when they may be looked at
    std::map<std::string, Time> looked_;
    std::map<std::string, std::map<Surroundings::Name, std::size_t>> read_;
    // Which namespaces ask about what stands elsewhere, and the other way round.
    std::map<std::string, std::set<std::string>> askers_, questions_;
};

}  // namespace sluice::web
