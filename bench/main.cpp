// `./dev bench [NAME…]`: takes the measurements of those names and prints them beside their
// budgets. Ends with 1 when one is over.
#include "figures.hpp"

#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <filesystem>
#include <functional>

using namespace sluice::bench;

namespace {

struct Measurement {
    std::string name;
    bool by_default;
    std::function<Figures()> take;
};

std::vector<Measurement> measurements(const std::string& sluice) {
    return {
        {"net", true, net_proxy},
        {"mesh", true, mesh_proxy},
        {"release", true, release},
        {"lab", true, [=] { return lab(sluice); }},
        {"controller", true, [=] { return controller(sluice, 1'000); }},
        {"dashboard", true, [=] { return dashboard(sluice); }},
        {"promotions", true, [=] { return promotions(sluice, 1'000); }},
        {"dashboard-soak", false, dashboard_soak},
        {"controller-10000", false, [=] { return controller(sluice, 10'000); }},
    };
}

bool holds(const Figure& figure) {
    switch (figure.bound) {
        case Figure::Bound::at_most:
            return figure.measured <= figure.budget;
        case Figure::Bound::at_least:
            return figure.measured >= figure.budget;
        case Figure::Bound::none:
            return true;
    }
    return true;
}

std::string budget_of(const Figure& figure) {
    switch (figure.bound) {
        case Figure::Bound::at_most:
            return fmt::format("<= {:.4g} {}", figure.budget, figure.unit);
        case Figure::Bound::at_least:
            return fmt::format(">= {:.4g} {}", figure.budget, figure.unit);
        case Figure::Bound::none:
            return "";
    }
    return "";
}

// Whether all hold.
bool print(const Figures& figures) {
    bool all = true;
    fmt::print("\n{:<72} {:>16}   {:<16} \n", "what", "measured", "budget");
    for (const auto& figure : figures) {
        const bool is_well = holds(figure);
        all = all && is_well;
        fmt::print("{:<72} {:>16}   {:<16} {}\n",
                   figure.what,
                   fmt::format("{:.4g} {}", figure.measured, figure.unit),
                   budget_of(figure),
                   figure.bound == Figure::Bound::none ? ""
                   : is_well                           ? "ok"
                                                       : "OVER");
    }
    return all;
}

int run(const std::vector<std::string>& names) {
    const auto here = std::filesystem::canonical("/proc/self/exe").parent_path();
    const auto known = measurements((here.parent_path() / "sluice").string());
    const auto is_named = [&](const std::string& name) {
        return std::ranges::find(names, name) != names.end();
    };
    for (const auto& name : names) {
        if (std::ranges::find(known, name, &Measurement::name) != known.end()) continue;
        fmt::print(stderr, "./dev bench {}: no such measurement; there are", name);
        for (const auto& each : known) fmt::print(stderr, " {}", each.name);
        fmt::print(stderr, " and build\n");
        return 2;
    }
    Figures figures;
    for (const auto& each : known) {
        if (names.empty() ? !each.by_default : !is_named(each.name)) continue;
        fmt::print(stderr, "measuring {}\n", each.name);
        for (auto& figure : each.take()) figures.push_back(std::move(figure));
    }
    return print(figures) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench: {}\n", error.what());
        return 1;
    }
}
