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

// The newest, for what takes long or is the same in all.
inline std::vector<Kubectl> newest_kubectl(int minor_min = 0) {
    auto all = every_kubectl(minor_min);
    if (all.size() > 1) all.erase(all.begin(), all.end() - 1);
    return all;
}

// What `kubectl get` prints, one text for each line, cells joined by '|': "NAME|READY|AGE".
inline Words table_of(const std::string& text) {
    Words rows;
    for (const auto line : split(text, '\n')) {
        if (trimmed(line).empty()) continue;
        Words row;
        std::string cell;
        for (std::size_t at = 0; at <= line.size(); ++at) {
            if (at < line.size() && !line.substr(at).starts_with("  ")) {
                cell += line[at];
                continue;
            }
            const auto done = std::string(trimmed(cell));
            if (!done.empty()) row.push_back(done);
            cell.clear();
        }
        rows.push_back(joined(row, "|"));
    }
    return rows;
}

// The line with the cell at that place, such as an age, replaced by a star.
inline std::string starred(const std::string& line, std::size_t at) {
    Words cells;
    for (const auto cell : split(line, '|')) cells.emplace_back(cell);
    if (at < cells.size()) cells[at] = "*";
    return joined(cells, "|");
}

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace sluice::conformance
