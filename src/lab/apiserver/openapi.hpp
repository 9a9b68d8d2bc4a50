// OpenAPI v3, as far as kubectl reads it: which group-versions check fields at a PATCH, and the
// schemas that `kubectl explain` shows (kubernetes.md B.4).
#pragma once

#include "lab/apiserver/kinds.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sluice::lab {

// The documents of all group-versions, made when first asked for and again when a kind comes or
// goes.
class OpenApi {
   public:
    // The kinds outlive it.
    explicit OpenApi(const KindTable& kinds) : kinds_(kinds) {}

    // "/openapi/v3": where each document is, with a hash of what it says.
    Json index();
    // By "api/v1" or "apis/apps/v1"; null when there is none. Valid until a kind comes or goes.
    const std::string* document(std::string_view path);

   private:
    void refresh();

    const KindTable& kinds_;
    std::uint64_t generation_ = 0;
    std::map<std::string, std::string, std::less<>> documents_;
};

}  // namespace sluice::lab
