// Queries with {{ }} in them: no template crashes us, runs for ever or makes an endless query.
#include "fuzz/fuzz.hpp"
#include "metrics/template.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const metrics::QueryModel model{.name = "podinfo",
                                    .ns = "test",
                                    .target = "podinfo",
                                    .service = "podinfo",
                                    .ingress = "podinfo",
                                    .route = "podinfo",
                                    .variables = {{"direction", "inbound"}}};
    const auto text = metrics::render(input, model);
    if (!text) {
        const auto& why = text.error().message;
        must(why.starts_with("template parsing failed: ") ||
                 why.starts_with("template excution failed: "),
             "a refusal says what went wrong");
        must(why.size() < 1200, "a refusal is short");
        return must(why.find('\n') == std::string::npos, "a refusal is one line");
    }
    must(text->size() <= input.size() + 128 * 1024, "what a template makes is bounded");
    must(*metrics::render(input, model) == *text, "the same template says the same");
    if (input.find("{{") == std::string_view::npos) {
        must(*text == input, "a text without actions stays");
    }
    const auto flat = metrics::with_single_blanks(*text);
    must(metrics::with_single_blanks(flat) == flat, "flattening twice changes nothing");
}

}  // namespace sluice::fuzz
