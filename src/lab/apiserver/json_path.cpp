#include "lab/apiserver/json_path.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>

#include <array>

namespace sluice::lab {

namespace {

bool is_name_character(char c) {
    return c != '.' && c != '[' && c != ']' && c != '{' && c != '}' && c != '(' && c != ')' &&
           c != ' ';
}

std::optional<std::string> unquoted(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    const char quote = text.front();
    if ((quote != '\'' && quote != '"') || text.back() != quote) return std::nullopt;
    return std::string(text.substr(1, text.size() - 2));
}

// Where the bracket that opens at `begin` ends; quoted brackets don't count.
std::size_t closing_bracket(std::string_view text, std::size_t begin) {
    char quote = 0;
    int depth = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '[') {
            ++depth;
        } else if (c == ']' && --depth == 0) {
            return i;
        }
    }
    return std::string_view::npos;
}

const Json* member(const Json& value, std::string_view name) {
    const auto* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(name);
}

}  // namespace

std::optional<JsonPathQuery> JsonPathQuery::parse(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
    if (text.starts_with('$')) text.remove_prefix(1);

    JsonPathQuery query;
    std::size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '[') {
            const auto end = closing_bracket(text, at);
            if (end == std::string_view::npos) return std::nullopt;
            if (!parse_bracket(trimmed(text.substr(at + 1, end - at - 1)), query.steps_)) {
                return std::nullopt;
            }
            at = end + 1;
            continue;
        }
        if (text[at] == '.') ++at;
        if (at < text.size() && text[at] == '[') continue;
        std::string name;
        // A dot inside a name is written "\.".
        while (at < text.size() && (is_name_character(text[at]) || text[at] == '\\')) {
            if (text[at] == '\\' && at + 1 < text.size()) ++at;
            name += text[at++];
        }
        if (name.empty()) {
            if (at < text.size()) return std::nullopt;
            break;
        }
        if (name == "*") {
            query.steps_.emplace_back(Every{});
        } else {
            query.steps_.emplace_back(Field{std::move(name)});
        }
    }
    return query;
}

bool JsonPathQuery::parse_bracket(std::string_view inside, std::vector<Step>& steps) {
    if (inside == "*") {
        steps.emplace_back(Every{});
        return true;
    }
    if (auto name = unquoted(inside)) {
        steps.emplace_back(Field{std::move(*name)});
        return true;
    }
    if (const auto index = parse_integer(inside)) {
        steps.emplace_back(Index{*index});
        return true;
    }
    if (!inside.starts_with("?(") || !inside.ends_with(')')) return false;
    inside = trimmed(inside.substr(2, inside.size() - 3));
    if (!inside.starts_with('@')) return false;
    inside.remove_prefix(1);

    Filter filter;
    std::string_view left = inside;
    constexpr std::array<std::string_view, 6> comparisons{"==", "!=", "<=", ">=", "<", ">"};
    for (const auto comparison : comparisons) {
        const auto at = inside.find(comparison);
        if (at == std::string_view::npos) continue;
        left = trimmed(inside.substr(0, at));
        filter.comparison = std::string(comparison);
        const auto right = trimmed(inside.substr(at + comparison.size()));
        if (auto quoted = unquoted(right)) {
            filter.right = Json(*quoted);
        } else if (const auto parsed = parse_json(right)) {
            filter.right = *parsed;
        } else {
            return false;
        }
        break;
    }
    for (const auto part : split(trimmed(left), '.')) {
        if (!part.empty()) filter.left.emplace_back(part);
    }
    steps.emplace_back(std::move(filter));
    return true;
}

bool JsonPathQuery::holds(const Filter& filter, const Json& item) {
    const Json* left = &item;
    for (const auto& name : filter.left) {
        left = member(*left, name);
        if (left == nullptr) return false;
    }
    if (filter.comparison.empty()) return true;
    if (filter.comparison == "==") return *left == filter.right;
    if (filter.comparison == "!=") return *left != filter.right;
    int order = 0;
    if (left->is_number() && filter.right.is_number()) {
        const auto a = left->to_number<double>();
        const auto b = filter.right.to_number<double>();
        order = a < b ? -1 : (a > b ? 1 : 0);
    } else if (left->is_string() && filter.right.is_string()) {
        order = left->get_string().compare(filter.right.get_string());
    } else {
        return false;
    }
    if (filter.comparison == "<") return order < 0;
    if (filter.comparison == "<=") return order <= 0;
    if (filter.comparison == ">") return order > 0;
    return order >= 0;
}

std::vector<const Json*> JsonPathQuery::all(const Json& root) const {
    std::vector<const Json*> here{&root};
    for (const auto& step : steps_) {
        std::vector<const Json*> next;
        const auto each_item = [&](const Json& value, auto&& wanted) {
            if (const auto* array = value.if_array()) {
                for (const auto& item : *array) {
                    if (wanted(item)) next.push_back(&item);
                }
            } else if (const auto* object = value.if_object()) {
                for (const auto& item : *object) {
                    if (wanted(item.value())) next.push_back(&item.value());
                }
            }
        };
        for (const auto* value : here) {
            if (const auto* field = std::get_if<Field>(&step)) {
                if (const auto* found = member(*value, field->name)) next.push_back(found);
            } else if (const auto* index = std::get_if<Index>(&step)) {
                const auto* array = value->if_array();
                if (array == nullptr) continue;
                const auto size = static_cast<std::int64_t>(array->size());
                const auto at = index->at < 0 ? index->at + size : index->at;
                if (at >= 0 && at < size) next.push_back(&(*array)[static_cast<std::size_t>(at)]);
            } else if (std::holds_alternative<Every>(step)) {
                each_item(*value, [](const Json&) { return true; });
            } else if (const auto* filter = std::get_if<Filter>(&step)) {
                each_item(*value, [&](const Json& item) { return holds(*filter, item); });
            }
        }
        here = std::move(next);
    }
    return here;
}

const Json* JsonPathQuery::first(const Json& root) const {
    const auto found = all(root);
    return found.empty() ? nullptr : found.front();
}

}  // namespace sluice::lab
