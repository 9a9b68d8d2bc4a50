// Server-side apply: what a manager wants, merged with what the others own.
#include "lab/apiserver/cluster_state.hpp"

namespace sluice::lab {

Answer<Applied> Cluster::apply(const Resource&, const ObjectKey&, Json, const ApplyOptions&) {
    return std::unexpected(statuses::unsupported_media_type(
        "application/json-patch+json, application/merge-patch+json, "
        "application/strategic-merge-patch+json"));
}

}  // namespace sluice::lab
