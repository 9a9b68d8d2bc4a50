// What lint sees of the cluster from one namespace: all of that namespace, and of the others what
// its objects ask of them. So a large cluster costs no more than its namespaces one by one, and the
// same is found as with the whole of it before one's eyes.
#pragma once

#include "release/lint_cluster.hpp"
#include "web/known.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace sluice::web {

class Surroundings {
   public:
    // The kinds of lint are read from now on.
    static void open(Known& known);
    // How far they are read, by their kind.
    struct Kinds {
        std::set<std::string> unread;      // not all is known that there is
        std::set<std::string> unreadable;  // of them: the server says no, or nothing
        bool are_settled = true;           // none is still being read for the first time

        bool operator==(const Kinds&) const = default;
    };
    static Kinds kinds(const Known& known);

    // "virtualservices.networking.istio.io" and the key.
    using Name = std::pair<std::string, kube::ObjectKey>;
    struct Sight {
        release::Around around;
        std::map<Name, std::size_t> read;  // a hash of what was read of each, but of pods
        std::set<std::string> questions;   // to the other namespaces
    };
    Sight look(const Known& known, const Kinds& kinds, const std::string& ns);

    // A kind of which every namespace sees all objects: they are few.
    static bool is_seen_by_all(const release::LintKind& kind);
    // An object of such a kind came, changed or went (then it is null). Says whether
    // that shows elsewhere.
    bool note(const release::LintKind& kind, const kube::ObjectKey& key, const Json* object);
    // Which questions such an object is an answer to.
    static std::set<std::string> answered_by(const release::LintKind& kind,
                                             const kube::ObjectKey& key,
                                             const Json* object);
    // Whether a pod reads as it did at the last look at its namespace.
    bool is_as_seen(const kube::ObjectKey& key, std::optional<Json> pod) const;
    // Of what is read of an object within its namespace, and from another one.
    static std::size_t hash_of(const Json& object);
    static std::size_t outer_hash_of(const kube::Resource& resource, const Json& object);

    void forget() { *this = {}; }
    void forget(const std::string& ns) { pods_.erase(ns); }

   private:
    // Outlines of the kinds that are seen by all.
    std::map<const release::LintKind*, std::map<kube::ObjectKey, Json>> seen_by_all_;
    // Pods are many and change often: they stay parsed, without most of their status.
    struct Pod {
        std::optional<Json> object;
        std::size_t hash = 0;
    };
    std::map<std::string, std::map<kube::ObjectKey, Pod>> pods_;
};

// By which a cache finds its objects again: the hosts that a route or rule is about, the labels of
// a workload's pods.
std::vector<std::string> index_of(const kube::Resource& resource, const Json& object);

}  // namespace sluice::web
