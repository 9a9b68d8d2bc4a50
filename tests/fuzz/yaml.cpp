// Manifests: kube/yaml. What was read and printed reads the same again.
#include "kube/yaml.hpp"

#include "fuzz/fuzz.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto documents = kube::parse_yaml_documents(input);
    if (!documents) return must(!documents.error().message.empty(), "a refusal says why");
    for (const auto& document : *documents) {
        const auto printed = kube::to_yaml(document);
        const auto again = kube::parse_yaml_documents(printed);
        must(again.has_value(), "what is printed can be read");
        // A document that is null is none.
        if (document.is_null()) continue;
        must(again->size() == 1, "one document is printed as one");
        must(is_same(again->front(), document), "printed and read again");
    }
}

}  // namespace sluice::fuzz
