// Bodies in protobuf, which the lab's API server takes from kubectl.
#include "lab/apiserver/protobuf.hpp"

#include "fuzz/fuzz.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    // Without the envelope's four bytes nothing is read at all.
    for (const auto& body :
         {std::string(input), "k8s" + std::string(1, '\0') + std::string(input)}) {
        const auto object = lab::decode_protobuf(body);
        if (!object) {
            must(object.error().code == 400 || object.error().code == 415, "a refusal is a 4xx");
            continue;
        }
        must(object->is_object(), "an object comes out");
        must(!text_at(*object, {"kind"}).empty(), "an object has a kind");
        const auto again = parse_json(to_text(*object), {.depth = 1000});
        must(again.has_value(), "what comes out is JSON");
    }
}

}  // namespace sluice::fuzz
