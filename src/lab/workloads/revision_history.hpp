// The ControllerRevisions of a DaemonSet: one for each template that it has had, numbered, so that
// `kubectl rollout undo` finds what to go back to (kubernetes.md C.4).
#pragma once

#include "lab/workloads/object_index.hpp"

#include <set>

namespace sluice::lab {

class RevisionHistory {
   public:
    explicit RevisionHistory(Cluster& cluster);
    void start() { revisions_.start(); }

    // Who is told of changes by others; before `start`.
    void on_change(std::function<void(const Change&)> listener) {
        revisions_.on_change(std::move(listener));
    }

    // The hash of the present template. Its revision is made when it is new, and becomes the newest
    // when an undo has come back to it. A refusal when it cannot be made.
    Answer<std::string> current(const Json& set);
    // Of the revisions that no pod runs the newest stay, as many as the set says.
    void clean_up(const Json& set, const std::set<std::string>& hashes_in_use);

   private:
    std::vector<ObjectPtr> of(const Json& set) const;
    Answer<ObjectPtr> make(const Json& set, const Json& data, std::int64_t number);

    Cluster& cluster_;
    ObjectIndex revisions_;
};

inline constexpr std::string_view revision_hash_label = "controller-revision-hash";

}  // namespace sluice::lab
