#include "metrics/template.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace sluice::metrics {
namespace {

constexpr std::string_view blanks = " \t\r\n";

Error parsing_failed(std::string_view text, std::size_t at, std::string_view why) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    return {ErrorKind::invalid,
            fmt::format("template parsing failed: template: query:{}: {}", line, why)};
}

Error execution_failed(std::string_view action, std::string_view why) {
    return {ErrorKind::invalid,
            fmt::format("template excution failed: template: query: at <{}>: {}", action, why)};
}

bool is_identifier(std::string_view word) {
    return !word.empty() && !is_digit(word.front()) && std::ranges::all_of(word, [](char c) {
        return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
}

std::optional<std::string> call(std::string_view function, const QueryModel& model) {
    if (function == "name") return model.name;
    if (function == "namespace") return model.ns;
    if (function == "target") return model.target;
    if (function == "service") return model.service;
    if (function == "ingress") return model.ingress;
    if (function == "route") return model.route;
    if (function == "interval") return model.interval;
    return std::nullopt;
}

// A quoted text without escapes, or a raw one.
std::optional<std::string_view> literal(std::string_view action) {
    if (action.size() < 2) return std::nullopt;
    const char quote = action.front();
    if ((quote != '"' && quote != '`') || action.back() != quote) return std::nullopt;
    const auto inside = action.substr(1, action.size() - 2);
    if (inside.find(quote) != std::string_view::npos) return std::nullopt;
    if (quote == '"' && inside.find('\\') != std::string_view::npos) return std::nullopt;
    return inside;
}

// What one action between the braces stands for.
Result<std::string> evaluate(std::string_view text,
                             std::size_t at,
                             std::string_view action,
                             const QueryModel& model) {
    if (action.empty()) return parsing_failed(text, at, "missing value for command");
    if (action.starts_with("/*") && action.ends_with("*/")) return std::string{};
    if (action == ".") return std::string("<no value>");
    if (const auto quoted = literal(action)) return std::string(*quoted);
    if (action.starts_with("variables.")) {
        const auto key = action.substr(std::string_view("variables.").size());
        if (is_identifier(key)) {
            const auto found = model.variables.find(key);
            if (found != model.variables.end()) return found->second;
            return execution_failed(action, fmt::format("map has no entry for key \"{}\"", key));
        }
    }
    if (const auto value = call(action, model)) return *value;
    const auto word = action.substr(0, action.find_first_of(" \t\r\n.|("));
    if (word == action && is_identifier(word)) {
        return parsing_failed(text, at, fmt::format("function \"{}\" not defined", word));
    }
    return parsing_failed(text, at, fmt::format("\"{}\" is not built yet", action));
}

}  // namespace

Result<std::string> render(std::string_view text, const QueryModel& model) {
    std::string made;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto open = text.find("{{", at);
        made += text.substr(at, open - at);
        if (open == std::string_view::npos) break;
        const auto close = text.find("}}", open + 2);
        if (close == std::string_view::npos) return parsing_failed(text, open, "unclosed action");
        auto action = text.substr(open + 2, close - open - 2);
        at = close + 2;
        if (action.starts_with("- ")) {
            made.erase(made.find_last_not_of(blanks) + 1);
            action.remove_prefix(1);
        }
        if (action.ends_with(" -")) {
            at = std::min(text.find_first_not_of(blanks, at), text.size());
            action.remove_suffix(1);
        }
        const auto value = evaluate(text, open, trimmed(action), model);
        if (!value) return value.error();
        made += *value;
    }
    return made;
}

std::string with_single_blanks(std::string_view text) {
    std::string made;
    for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(blanks, at), text.size());
        if (!made.empty()) made += ' ';
        made += text.substr(at, end - at);
        at = text.find_first_not_of(blanks, end);
    }
    return made;
}

}  // namespace sluice::metrics
