// Options of command lines as the programs themselves read them.
#pragma once

#include "base/core/result.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::loadtester {

// What a program accepts, without the dashes.
struct Grammar {
    std::string_view program;
    std::set<std::string, std::less<>> with_value;
    std::set<std::string, std::less<>> alone;
    // "-sd body": letters may stand together, a value may be joined to its letter; else, as Go's
    // programs do, one dash begins a whole name and "=" a value.
    bool letters = false;
};

struct Arguments {
    std::vector<std::pair<std::string, std::string>> options;  // in their order; alone: no value
    std::vector<std::string> rest;

    bool has(std::string_view name) const;
    // The last one; empty when there is none.
    std::string value(std::string_view name) const;
    std::vector<std::string> values(std::string_view name) const;
};

// invalid: "curl: unknown option --upload-file", "hey: option -z needs a value".
Result<Arguments> read_arguments(const Grammar& grammar, const std::vector<std::string>& words);

}  // namespace sluice::loadtester
