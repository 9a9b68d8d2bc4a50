// sim [--seed N] [--runs N] [--brief] [--twice N] [--tell] [--commit TEXT]: plays releases under
// faults, one per seed from --seed on, the first of them (--twice) once more. Each that goes wrong
// is one line with the command that repeats it.
#include "base/core/text.hpp"
#include "sim/kind.hpp"
#include "sim/simulation.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

using namespace sluice;

int main(int argc, char** argv) {
    std::uint64_t seed = 1;
    std::uint64_t runs = 1;
    bool tells = false;
    bool brief = false;
    std::uint64_t repeated = 0;
    std::string commit;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--tell") {
            tells = true;
            continue;
        }
        if (word == "--brief") {
            brief = true;
            continue;
        }
        const auto number = i + 1 < argc ? parse_integer(argv[i + 1]) : std::nullopt;
        if (word == "--seed" && number && *number >= 0) {
            seed = static_cast<std::uint64_t>(*number);
        } else if (word == "--runs" && number && *number > 0) {
            runs = static_cast<std::uint64_t>(*number);
        } else if (word == "--twice" && number && *number > 0) {
            repeated = static_cast<std::uint64_t>(*number);
        } else if (word == "--commit" && i + 1 < argc) {
            commit = fmt::format(" --commit {}", argv[i + 1]);
        } else {
            fmt::print(stderr, "usage: sim [--seed N] [--runs N] [--brief] [--twice N] [--tell]\n");
            return 2;
        }
        ++i;
    }

    std::uint64_t failed = 0;
    std::map<std::string, int> phases;
    std::map<std::string, int> kinds;
    for (const auto& kind : sim::every_kind()) kinds[to_string(kind)] = 0;
    for (std::uint64_t i = 0; i < runs; ++i, ++seed) {
        auto outcome = sim::play(seed, {.tell = tells, .brief = brief});
        if (i < repeated && sim::play(seed, {.brief = brief}).digest != outcome.digest) {
            outcome.broken.emplace_back("the same seed gave another run");
        }
        ++phases[outcome.phase];
        ++kinds[outcome.kind];
        if (outcome.broken.empty()) continue;
        ++failed;
        fmt::print("./dev sim --seed {}{}{} ({}): {}\n",
                   seed,
                   brief ? " --brief" : "",
                   commit,
                   outcome.kind,
                   joined(outcome.broken, "; "));
        std::fflush(stdout);
    }
    for (const auto& [kind, count] : kinds) fmt::print("{:3} × {}\n", count, kind);
    std::string ends;
    for (const auto& [phase, count] : phases) ends += fmt::format(", {} {}", count, phase);
    fmt::print("{} of {} simulated releases went as they must{}\n", runs - failed, runs, ends);
    return failed == 0 ? 0 : 1;
}
