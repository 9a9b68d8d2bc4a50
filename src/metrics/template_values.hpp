// The values of a query template and what can be done with them: Go's built-in functions, and its
// way to print.
#pragma once

#include "base/core/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::metrics::syntax {

using Entries = std::map<std::string, std::string, std::less<>>;

// Entries belong to the model, which outlives every value.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, const Entries*>;

// No text that a template makes may be longer.
inline constexpr std::size_t text_max = std::size_t{64} * 1024;

bool is_function(std::string_view name);
// Of the query's Canary, without arguments: "target", "interval" …
bool is_of_model(std::string_view name);

bool is_true(const Value& value);
// As an action shows it: "<no value>" for nothing.
std::string shown(const Value& value);
// "string", "map[string]string".
std::string_view type_of(const Value& value);

// How many arguments a built-in takes.
struct Arity {
    std::size_t least = 0;
    std::optional<std::size_t> most = {};
};
Arity arity_of(std::string_view built_in);
// All but `and` and `or`, whose arguments are not all evaluated. The message is what stands behind
// "error calling NAME: ".
Result<Value> call_built_in(std::string_view name, const std::vector<Value>& arguments);

// fmt.Sprintf; too_large past text_max.
Result<std::string> go_printf(std::string_view format, const std::vector<Value>& arguments);

// "a\tb" as Go writes it down, and back; nothing for what is no such text.
std::string quoted(std::string_view text);
std::optional<std::string> unquoted(std::string_view source);
std::optional<std::int64_t> character_of(std::string_view source);

}  // namespace sluice::metrics::syntax
