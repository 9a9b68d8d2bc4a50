// What hooks ask of the load tester: payloads, and the command lines in them.
#include "fuzz/fuzz.hpp"
#include "loadtester/generator.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    if (const auto payload = loadtester::parse_payload(input)) {
        must(payload->canary().size() == payload->name.size() + payload->ns.size() + 1,
             "a Canary's name is made of its two parts");
    }
    const auto words = loadtester::split_command(input);
    if (!words) return must(!words.error().message.empty(), "a refusal says why");
    if (words->empty()) return;
    const std::vector<std::string> arguments(words->begin() + 1, words->end());
    for (const auto& plan : {loadtester::hey_plan(arguments), loadtester::wrk_plan(arguments)}) {
        if (!plan) {
            must(!plan.error().message.empty(), "a refusal says why");
            continue;
        }
        must(plan->workers >= 1 && plan->workers <= 1000, "workers are bounded");
        must(plan->lasts || plan->requests >= plan->workers, "a plan ends");
        must(!plan->lasts || *plan->lasts > Duration{}, "a duration is one");
        must(plan->per_second >= 0, "a rate is one");
        must(plan->request.timeout > Duration{}, "every request has a deadline");
    }
}

}  // namespace sluice::fuzz
