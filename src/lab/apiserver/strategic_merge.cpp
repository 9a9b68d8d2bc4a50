#include "lab/apiserver/strategic_merge.hpp"

namespace sluice::lab {

std::expected<void, std::string> apply_strategic_merge(Json& target, const Json& patch) {
    apply_merge_patch(target, patch);
    return {};
}

}  // namespace sluice::lab
