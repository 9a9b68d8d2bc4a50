// What the walks through kubernetes.md G share.
#pragma once

#include "base/core/text.hpp"
#include "kubectl_lab.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

namespace sluice::conformance {

using Words = std::vector<std::string>;

// Every kubectl found from that minor version on. Says so where there is none.
inline std::vector<Kubectl> every_kubectl(int minor_min = 0) {
    static const auto all = kubectls();
    std::vector<Kubectl> wanted;
    for (const auto& kubectl : all) {
        if (kubectl.minor >= minor_min) wanted.push_back(kubectl);
    }
    if (wanted.empty()) {
        MESSAGE("SKIPPED: no kubectl of version 1.", minor_min, " or later was found");
    }
    return wanted;
}

// The cells of what `kubectl get` prints: what stands between two blanks or more.
inline std::vector<Words> table_of(const std::string& text) {
    std::vector<Words> rows;
    for (const auto line : split(text, '\n')) {
        if (trimmed(line).empty()) continue;
        Words row;
        std::string cell;
        for (std::size_t at = 0; at <= line.size(); ++at) {
            const bool is_gap = at == line.size() || line.substr(at).starts_with("  ");
            if (!is_gap) {
                cell += line[at];
                continue;
            }
            const auto done = std::string(trimmed(cell));
            if (!done.empty()) row.push_back(done);
            cell.clear();
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

// The row without the cell at that place, such as an age.
inline Words without(Words row, std::size_t at) {
    if (at < row.size()) row.erase(row.begin() + static_cast<std::ptrdiff_t>(at));
    return row;
}

}  // namespace sluice::conformance
