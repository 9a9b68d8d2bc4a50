// Istio's revision tags: further names of a revision, which namespaces ask for in its place so that
// an upgrade moves the tag and not each namespace. A tag is a MutatingWebhookConfiguration with
// labels istio.io/tag and istio.io/rev.
#pragma once

#include "base/core/json.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sluice::release {

// The revision, or a tag of it, whose proxies a namespace asks for; empty for the default one.
std::string revision_of(const Json& ns);

class RevisionTags {
   public:
    // Any MutatingWebhookConfiguration; one that makes no tag changes nothing.
    void note(const Json& webhook);
    // The revision behind a tag; what is no tag is a revision itself.
    std::string behind(std::string_view asked) const;
    // By their names, to their revisions.
    const std::map<std::string, std::string, std::less<>>& all() const { return revisions_; }

   private:
    std::map<std::string, std::string, std::less<>> revisions_;
};

}  // namespace sluice::release
