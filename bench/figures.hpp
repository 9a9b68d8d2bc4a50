// What the measurements found, beside what docs/performance.md allows them.
#pragma once

#include <string>
#include <vector>

namespace sluice::bench {

struct Figure {
    enum class Bound { at_most, at_least, none };

    std::string what;
    double measured = 0;
    std::string unit;
    Bound bound = Bound::none;
    double budget = 0;
};

using Figures = std::vector<Figure>;

inline Figure at_most(double budget, std::string unit, std::string what, double measured) {
    return {std::move(what), measured, std::move(unit), Figure::Bound::at_most, budget};
}
inline Figure at_least(double budget, std::string unit, std::string what, double measured) {
    return {std::move(what), measured, std::move(unit), Figure::Bound::at_least, budget};
}
// Shown for comparison.
inline Figure aside(std::string unit, std::string what, double measured) {
    return {std::move(what), measured, std::move(unit)};
}

// One measurement each; the first lines of its file say how. `sluice` is the path of the binary.
Figures net_proxy();
Figures mesh_proxy();
Figures release();
Figures lab(const std::string& sluice);
Figures controller(const std::string& sluice, int canaries);
Figures dashboard(const std::string& sluice);
Figures promotions(const std::string& sluice, int canaries);
Figures dashboard_soak();

}  // namespace sluice::bench
