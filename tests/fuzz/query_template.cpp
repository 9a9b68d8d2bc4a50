// Queries with {{ }} in them.
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
    if (!text) return must(!text.error().message.empty(), "a refusal says why");
    if (input.find("{{") == std::string_view::npos) {
        must(*text == input, "a text without actions stays");
    }
    const auto flat = metrics::with_single_blanks(*text);
    must(metrics::with_single_blanks(flat) == flat, "flattening twice changes nothing");
}

}  // namespace sluice::fuzz
