#include "controller/schema.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::controller {

Result<void> check_canary_definition(const Json& definition) {
    for (const auto& version : array_at(definition, {"spec", "versions"})) {
        if (text_at(version, {"name"}) != "v1beta1") continue;
        const auto* status = find(version, {"schema", "openAPIV3Schema", "properties", "status"});
        if (status == nullptr) break;
        if (bool_at(*status, {"x-kubernetes-preserve-unknown-fields"}).value_or(false)) return {};
        for (const std::string_view field :
             {"observedGeneration", "rollback", "routedAt", "analysed", "unreadySince"}) {
            if (find(*status, {"properties", field}) != nullptr) continue;
            return Error{ErrorKind::unsupported,
                         fmt::format("CustomResourceDefinition {} has no status.{}: install "
                                     "sluice's (sluice install)",
                                     canary_definition,
                                     field)};
        }
        return {};
    }
    return Error{ErrorKind::unsupported,
                 fmt::format("CustomResourceDefinition {} serves no v1beta1 with a schema",
                             canary_definition)};
}

}  // namespace sluice::controller
