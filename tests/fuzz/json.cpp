// JSON as every answer and body is read.
#include "fuzz/fuzz.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto value = parse_json(input);
    if (!value) return must(!value.error().message.empty(), "a refusal says why");
    for (const auto& text : {to_text(*value), to_pretty_text(*value), canonical_text(*value)}) {
        const auto again = parse_json(text);
        must(again.has_value(), "what is printed can be read");
        must(is_same(*again, *value), "printed and read again");
    }
}

}  // namespace sluice::fuzz
