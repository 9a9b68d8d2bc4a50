#include "controller/schema.hpp"

#include "controller/state.hpp"
#include "delivery/canary/decision.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::controller {

Result<StateHome> state_home(const Json& definition) {
    for (const auto& version : array_at(definition, {"spec", "versions"})) {
        if (text_at(version, {"name"}) != "v1beta1") continue;
        const auto* status = find(version, {"schema", "openAPIV3Schema", "properties", "status"});
        if (status == nullptr) break;
        if (bool_at(*status, {"x-kubernetes-preserve-unknown-fields"}).value_or(false)) {
            return StateHome::status;
        }
        for (const auto field : own_field_names) {
            // Nothing is decided by them: a CRD that drops them only leaves less to tell.
            if (field == canary::decisions_field) continue;
            if (find(*status, {"properties", field}) == nullptr) return StateHome::annotation;
        }
        return StateHome::status;
    }
    return Error{ErrorKind::unsupported,
                 fmt::format("CustomResourceDefinition {} serves no v1beta1 with a schema",
                             canary_definition)};
}

}  // namespace sluice::controller
