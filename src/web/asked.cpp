#include "web/asked.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

namespace sluice::web {
namespace {

constexpr std::size_t namespaces_max = 50;
constexpr std::size_t namespaces_length_max = 3200;
constexpr std::size_t parameters_max = 64;

Error out_of_bounds(std::string_view name, std::string_view why) {
    return {ErrorKind::invalid, fmt::format("parameter {}: {}", name, why)};
}

}  // namespace

Result<Asked> Asked::read(std::string_view target) {
    Asked asked;
    target = target.substr(0, target.find('#'));
    const auto path = target.substr(0, target.find('?'));
    if (!path.starts_with('/')) return Error{ErrorKind::invalid, "the target is no path"};
    asked.path_text_ = path;
    for (const auto part : split(path.substr(1), '/')) {
        auto decoded = percent_decoded(part);
        if (!is_utf8(decoded) || decoded.find('\0') != std::string::npos) {
            return Error{ErrorKind::invalid, "the path is no UTF-8"};
        }
        asked.path_.push_back(std::move(decoded));
    }
    if (path.size() == target.size()) return asked;
    for (const auto pair : split(target.substr(path.size() + 1), '&')) {
        if (pair.empty() || asked.raw_.size() >= parameters_max) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        auto name = percent_decoded(pair.substr(0, equals), {.plus_is_blank = true});
        const auto value = pair.substr(std::min(equals + 1, pair.size()));
        if (!is_utf8(percent_decoded(value))) {
            return Error{ErrorKind::invalid, "a parameter is no UTF-8"};
        }
        asked.raw_.emplace(std::move(name), value);
    }
    return asked;
}

std::string_view Asked::raw(std::string_view name) const {
    const auto found = raw_.find(name);
    return found == raw_.end() ? std::string_view{} : std::string_view(found->second);
}

Result<std::string> Asked::text(std::string_view name, std::size_t length_max) const {
    auto value = percent_decoded(raw(name), {.plus_is_blank = true});
    if (value.size() > length_max) {
        return out_of_bounds(name, fmt::format("longer than {} bytes", length_max));
    }
    return value;
}

Result<std::optional<std::int64_t>> Asked::number(std::string_view name, Range range) const {
    const auto value = text(name, 32);
    if (!value) return value.error();
    if (value->empty()) return std::optional<std::int64_t>{};
    const auto number = parse_integer(*value);
    if (!number) return out_of_bounds(name, fmt::format("\"{}\" is no whole number", *value));
    if (*number < range.min || *number > range.max) {
        return out_of_bounds(name,
                             fmt::format("{} is not in {}..{}", *number, range.min, range.max));
    }
    return number;
}

Result<std::vector<std::string>> Asked::words(std::string_view name,
                                              const std::set<std::string>& known,
                                              std::size_t length_max) const {
    const auto value = text(name, length_max);
    if (!value) return value.error();
    auto words = split_list(*value);
    for (const auto& word : words) {
        if (!known.empty() && !known.contains(word)) {
            return out_of_bounds(
                name,
                fmt::format("\"{}\" is none of {}",
                            word,
                            joined(std::vector<std::string>(known.begin(), known.end()), ", ")));
        }
    }
    return words;
}

Result<std::set<std::string>> Asked::namespaces() const {
    const auto listed = words("ns", {}, namespaces_length_max);
    if (!listed) return listed.error();
    std::set<std::string> all(listed->begin(), listed->end());
    if (all.size() > namespaces_max) {
        return out_of_bounds("ns", fmt::format("more than {} namespaces", namespaces_max));
    }
    return all;
}

}  // namespace sluice::web
