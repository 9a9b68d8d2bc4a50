// The pods that run: who has a sidecar, of which revision and version, and who should have one by
// what the namespace asks for; and which a Service leads to. A pod is read when it has changed.
#pragma once

#include "release/revision_tags.hpp"
#include "web/known.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

// What the pods of one workload have.
struct Sidecars {
    std::string ns, name;
    int pods = 0;      // that have not ended
    int with = 0;      // of them with a sidecar
    int missing = 0;   // without one that they should have
    int needless = 0;  // with one that nobody asks for any more
    int outdated = 0;  // of another revision than is asked for
    int ready = 0;
    std::map<std::string, int> versions;  // of the sidecars; "unknown"
    std::set<std::string> revisions;

    bool needs_restart() const { return missing + needless + outdated > 0; }
    // "1 of 2 pods has no sidecar"; empty when none needs a restart.
    std::string reason() const;
    // Several versions at once, or another one than asked for.
    bool is_skewed() const { return versions.size() > 1 || outdated > 0; }
};

// Whether a pod with this metadata gets a sidecar in that namespace; nothing when it is not known.
struct Injection {
    bool wanted = false;
    std::string revision = {};  // or a tag of it; empty: any
};
Injection injection_of(const Json& pod, const Json& ns);
// "cp-v112x.istio-system" is also asked for as "cp-v112x".
bool is_revision(std::string_view asked, std::string_view revision);

class SidecarBook {
   public:
    void forget();
    void note_change(const kube::Resource& resource, const kube::ObjectKey& key);
    // Reads at most so many of the pods that changed; says whether more are left.
    bool read_some(const Known& known, std::size_t pods_max);
    // As far as they were read, by the workload's id.
    const std::map<std::string, Sidecars>& by_workload();
    // The pods that a Service's selector means, without those that have ended.
    struct Endpoints {
        std::int64_t ready = 0;
        std::int64_t total = 0;
    };
    Endpoints endpoints(const std::string& ns, const JsonObject& selector);
    // How many pods were held against a selector: what the endpoints cost.
    std::uint64_t compared() const { return compared_; }

   private:
    struct Seen {
        std::string workload;  // its id; empty: of none, or on its way out
        std::string name;
        std::shared_ptr<const Json> labels;  // one for all pods that have the same
        bool has_sidecar = false;
        bool ready = false;
        std::string revision, version;
        Injection injection;
    };
    std::optional<Seen> seen_of(const Json& pod, const std::optional<Json>& ns);
    void count();
    void forget_labels_of(const std::string& ns) { labelled_.erase(ns); }

    std::set<kube::ObjectKey> changed_;
    std::set<std::string> changed_namespaces_;
    std::map<kube::ObjectKey, Seen> pods_;
    std::map<std::string, std::shared_ptr<const Json>> labels_;  // last seen of each workload
    std::map<std::string, Sidecars> by_workload_;
    // Pods by namespace and label, as long as none of the namespace has changed.
    using Labelled = std::map<std::string, std::vector<const Seen*>>;
    std::map<std::string, Labelled> labelled_;
    release::RevisionTags tags_;
    std::uint64_t compared_ = 0;
    bool are_tags_read_ = true;
    bool is_counted_ = true;
};

}  // namespace sluice::web
