#include "release/revision_tags.hpp"

namespace sluice::release {

std::string revision_of(const Json& ns) {
    if (!text_at(ns, {"metadata", "labels", "istio-injection"}).empty()) return {};
    std::string revision(text_at(ns, {"metadata", "labels", "istio.io/rev"}));
    return revision == "default" ? std::string() : revision;
}

void RevisionTags::note(const Json& webhook) {
    const auto revision = text_at(webhook, {"metadata", "labels", "istio.io/rev"});
    const auto tag = text_at(webhook, {"metadata", "labels", "istio.io/tag"});
    if (!revision.empty() && !tag.empty()) revisions_[std::string(tag)] = revision;
}

std::string RevisionTags::behind(std::string_view asked) const {
    const auto tag = revisions_.find(asked);
    return tag == revisions_.end() ? std::string(asked) : tag->second;
}

}  // namespace sluice::release
