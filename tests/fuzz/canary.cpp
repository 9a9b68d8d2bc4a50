// A Canary of any content, as JSON: it is understood, or it says which field is wrong, and its plan
// only rises.
#include "api/canary.hpp"

#include "api/texts.hpp"
#include "fuzz/fuzz.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto object = parse_json(input);
    if (!object) return;
    const auto canary = api::parse_canary(*object, {});
    must(api::parse_canary(*object, {}) == canary, "read twice, understood the same");
    if (canary.invalid) must(!to_string(*canary.invalid).empty(), "a refusal names the field");
    static_cast<void>(api::strategy_of(canary.analysis));

    const auto written = to_json(canary.status, canary.raw_status);
    must(api::parse_status(written) == canary.status, "a status written reads the same");
    if (canary.invalid) return;

    int before = 0;
    for (const int weight : api::plan_of(canary.analysis)) {
        must(weight > before, "the weights of a plan rise");
        must(weight <= 100, "no weight is more than the whole");
        const auto next = api::next_weight(canary.analysis, before);
        must(next == weight, "the next weight is the next of the plan");
        before = weight;
    }
}

}  // namespace sluice::fuzz
