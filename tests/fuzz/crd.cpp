// CustomResourceDefinitions and their schemas. Input: an array of the definition and an object.
#include "fuzz/fuzz.hpp"
#include "lab/apiserver/crds.hpp"
#include "lab/apiserver/schema.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto parts = parse_json(input);
    if (!parts || !parts->is_array() || parts->get_array().size() != 2) return;
    auto definition = parts->get_array()[0];
    const auto& object = parts->get_array()[1];
    if (definition.is_object()) {
        lab::fill_in_crd_defaults(definition);
        if (lab::wrong_with_crd(definition).empty()) {
            lab::settle_crd_status(definition, {}, "2026-01-01T00:00:00Z");
            static_cast<void>(lab::kind_of_crd(definition));
        }
    }
    // A schema on its own, too.
    const lab::Schema schema(parts->get_array()[0]);
    static_cast<void>(schema.violations(object, nullptr));
    static_cast<void>(schema.violations(object, &object));
    static_cast<void>(schema.wrong_types(object));
    auto pruned = object;
    schema.prune(pruned);
    must(schema.unknown_fields(pruned).empty(), "what is pruned holds nothing unknown");
    auto filled = object;
    schema.fill_in_defaults(filled);
}

}  // namespace sluice::fuzz
