// What a revision is: one state of the pod template and of the configs that it names, known by its
// hash; and how the primary's template is made from it.
#pragma once

#include "base/core/json.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::canary {

// The template as served in canonical JSON, SHA-256, with a versioned prefix: "v2:0f3a…". A library
// upgrade cannot change it. The configs' checksums, by reference, are part of it where there are
// any.
std::string revision_of(const Json& pod_template,
                        const std::map<std::string, std::string>& configs = {});
// At the canary's pod template, written to start its pods anew; no part of a revision.
inline constexpr std::string_view rolled_annotation = "sluice.dev/configs";
Json without_rolled(Json pod_template);
// False for hashes that the peer wrote.
bool is_our_revision(std::string_view hash);
// A short form for object names.
std::string short_revision(std::string_view hash);
// The value of the annotation flagger-id: derived from the revision, so that the same content does
// not roll the primary again.
std::string flagger_id_of(std::string_view hash);

// What distinguishes the primary's pods from the target's.
struct Rewriting {
    std::string label;     // "app"
    std::string value;     // "podinfo"; the primary's gets "-primary"
    std::string workload;  // the target's name: selectors with it, or the value, are rewritten
    std::vector<std::string> selector_labels;  // keys that are looked at in selectors
    // "configmap/settings": the primary uses "settings-primary".
    std::set<std::string> configs = {};
};

// The primary's pod template for this revision (canary.md 4.2).
Json primary_template(const Json& pod_template, const Rewriting& rewriting, std::string_view hash);
// The way back, as far as it goes: what a primary that somebody else made was made from.
Json undone_template(const Json& primary_pod_template, const Rewriting& rewriting);
// Whether the primary runs what the target's template says: equal after the rewriting, whatever
// flagger-id says. The peer rewrites fewer selectors (DB-43), and none of a DaemonSet: that is no
// difference.
bool same_meaning(const Json& primary_pod_template,
                  const Json& pod_template,
                  const Rewriting& rewriting);

}  // namespace sluice::canary
