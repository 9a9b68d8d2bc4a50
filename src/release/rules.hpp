// The rules of lint by their codes, and what to do about what each of them finds.
#pragma once

#include "release/lint.hpp"

#include <span>
#include <string_view>

namespace sluice::release {

struct Rule {
    std::string_view code;       // "IST0101", "SLU0003"
    Level level = Level::error;  // IST0102 is raised where somebody's checks need the proxies
    std::string_view what;       // it finds, in a few words
    std::string_view way_out;    // the edit that ends a finding, in one sentence
};

// By code.
std::span<const Rule> rules();
const Rule* rule_of(std::string_view code);

}  // namespace sluice::release
