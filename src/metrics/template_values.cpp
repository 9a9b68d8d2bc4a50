#include "metrics/template_values.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace sluice::metrics::syntax {
namespace {

using Arguments = std::vector<Value>;

constexpr std::array<std::string_view, 8> of_model{
    "name", "namespace", "target", "service", "ingress", "route", "interval", "variables"};

Error refused(std::string what) {
    return {ErrorKind::invalid, std::move(what)};
}

// --- built-ins --------------------------------------------------------------------------------

// As fmt.Sprint: a blank between two that are no texts.
std::string printed(const Arguments& arguments) {
    std::string made;
    bool before_is_text = true;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto* text = std::get_if<std::string>(&arguments[i]);
        if (i > 0 && text == nullptr && !before_is_text) made += ' ';
        const bool nothing = std::holds_alternative<std::monostate>(arguments[i]);
        made += nothing ? "<nil>" : shown(arguments[i]);
        before_is_text = text != nullptr;
    }
    return made;
}

Result<Value> print(const Arguments& arguments) {
    return Value(printed(arguments));
}

Result<Value> print_line(const Arguments& arguments) {
    std::string made;
    for (const auto& argument : arguments) {
        if (!made.empty()) made += ' ';
        made += printed({argument});
    }
    return Value(made + "\n");
}

Result<Value> print_formatted(const Arguments& arguments) {
    const auto* format = std::get_if<std::string>(&arguments.front());
    if (format == nullptr) {
        return refused(
            fmt::format("wrong type for value; expected string; got {}", type_of(arguments[0])));
    }
    auto made = go_printf(*format, {arguments.begin() + 1, arguments.end()});
    if (!made) return made.error();
    return Value(std::move(*made));
}

std::string replaced(std::string_view text,
                     const std::function<std::optional<std::string>(char)>& by) {
    std::string made;
    for (const char c : text) {
        if (const auto other = by(c)) {
            made += *other;
        } else {
            made += c;
        }
    }
    return made;
}

Result<Value> html(const Arguments& arguments) {
    return Value(replaced(printed(arguments), [](char c) -> std::optional<std::string> {
        switch (c) {
            case '"':
                return "&#34;";
            case '\'':
                return "&#39;";
            case '&':
                return "&amp;";
            case '<':
                return "&lt;";
            case '>':
                return "&gt;";
            case '\0':
                return "\xEF\xBF\xBD";
            default:
                return std::nullopt;
        }
    }));
}

Result<Value> js(const Arguments& arguments) {
    return Value(replaced(printed(arguments), [](char c) -> std::optional<std::string> {
        const auto code = static_cast<unsigned char>(c);
        if (c == '\\' || c == '\'' || c == '"') return std::string{'\\', c};
        if (c == '<' || c == '>' || c == '&' || c == '=' || code < 0x20) {
            return fmt::format("\\u{:04X}", code);
        }
        return std::nullopt;
    }));
}

Result<Value> url_query(const Arguments& arguments) {
    auto made = percent_encoded(printed(arguments));
    for (auto at = made.find("%20"); at != std::string::npos; at = made.find("%20", at + 1)) {
        made.replace(at, 3, "+");
    }
    return Value(std::move(made));
}

Result<Value> length(const Arguments& arguments) {
    const auto& item = arguments.front();
    if (const auto* text = std::get_if<std::string>(&item)) {
        return Value(static_cast<std::int64_t>(text->size()));
    }
    if (const auto* entries = std::get_if<const Entries*>(&item)) {
        return Value(static_cast<std::int64_t>((*entries)->size()));
    }
    if (std::holds_alternative<std::monostate>(item)) return refused("len of nil pointer");
    return refused(fmt::format("len of type {}", type_of(item)));
}

// What stands for one index into a text of that length; `last` may be its end.
Result<std::size_t> position(const Value& index, std::size_t length, bool may_be_end) {
    const auto* number = std::get_if<std::int64_t>(&index);
    if (number == nullptr) {
        if (std::holds_alternative<std::monostate>(index)) {
            return refused("cannot index slice/array with nil");
        }
        return refused(fmt::format("cannot index slice/array with type {}", type_of(index)));
    }
    const auto end = static_cast<std::int64_t>(length) + (may_be_end ? 1 : 0);
    if (*number < 0 || *number >= end) {
        return refused(fmt::format("index out of range: {}", *number));
    }
    return static_cast<std::size_t>(*number);
}

Result<Value> index(const Arguments& arguments) {
    auto item = arguments.front();
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        if (const auto* entries = std::get_if<const Entries*>(&item)) {
            const auto* key = std::get_if<std::string>(&arguments[i]);
            if (key == nullptr) {
                return refused(std::holds_alternative<std::monostate>(arguments[i])
                                   ? "value is nil; should be of type string"
                                   : fmt::format("value has type {}; should be string",
                                                 type_of(arguments[i])));
            }
            const auto found = (*entries)->find(*key);
            item = found == (*entries)->end() ? std::string{} : found->second;
        } else if (const auto* text = std::get_if<std::string>(&item)) {
            const auto at = position(arguments[i], text->size(), false);
            if (!at) return at.error();
            item = static_cast<std::int64_t>(static_cast<unsigned char>((*text)[*at]));
        } else if (std::holds_alternative<std::monostate>(item)) {
            return refused("index of untyped nil");
        } else {
            return refused(fmt::format("can't index item of type {}", type_of(item)));
        }
    }
    return item;
}

Result<Value> slice(const Arguments& arguments) {
    const auto& item = arguments.front();
    if (std::holds_alternative<std::monostate>(item)) return refused("slice of untyped nil");
    const auto* text = std::get_if<std::string>(&item);
    if (text == nullptr) {
        return refused(fmt::format("can't slice item of type {}", type_of(item)));
    }
    if (arguments.size() > 4) {
        return refused(fmt::format("too many slice indexes: {}", arguments.size() - 1));
    }
    if (arguments.size() == 4) return refused("cannot 3-index slice a string");
    std::array<std::size_t, 2> bounds{0, text->size()};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const auto at = position(arguments[i], text->size(), true);
        if (!at) return at.error();
        bounds[i - 1] = *at;
    }
    if (bounds[0] > bounds[1]) {
        return refused(fmt::format("invalid slice index: {} > {}", bounds[0], bounds[1]));
    }
    return Value(text->substr(bounds[0], bounds[1] - bounds[0]));
}

Result<Value> negation(const Arguments& arguments) {
    return Value(!is_true(arguments.front()));
}

// --- comparisons ------------------------------------------------------------------------------

bool same_kind(const Value& a, const Value& b) {
    return a.index() == b.index();
}

Result<bool> is_equal(const Value& a, const Value& b) {
    if (std::holds_alternative<const Entries*>(a) || std::holds_alternative<const Entries*>(b)) {
        return refused("non-comparable type map[string]string");
    }
    const bool nothing =
        std::holds_alternative<std::monostate>(a) || std::holds_alternative<std::monostate>(b);
    if (nothing) return same_kind(a, b);
    if (!same_kind(a, b)) return refused("incompatible types for comparison");
    return a == b;
}

Result<bool> is_less(const Value& a, const Value& b) {
    const auto ordered = [](const Value& value) {
        return std::holds_alternative<std::int64_t>(value) ||
               std::holds_alternative<double>(value) || std::holds_alternative<std::string>(value);
    };
    if (!ordered(a) || !ordered(b)) return refused("invalid type for comparison");
    if (!same_kind(a, b)) return refused("incompatible types for comparison");
    return a < b;
}

// Equal to any of the others.
Result<Value> equal(const Arguments& arguments) {
    if (arguments.size() < 2) return refused("missing argument for comparison");
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const auto same = is_equal(arguments[0], arguments[i]);
        if (!same) return same.error();
        if (*same) return Value(true);
    }
    return Value(false);
}

Result<Value> not_equal(const Arguments& arguments) {
    const auto same = is_equal(arguments[0], arguments[1]);
    if (!same) return same.error();
    return Value(!*same);
}

Result<Value> less(const Arguments& arguments) {
    const auto is = is_less(arguments[0], arguments[1]);
    if (!is) return is.error();
    return Value(*is);
}

Result<Value> less_or_equal(const Arguments& arguments) {
    const auto is = is_less(arguments[0], arguments[1]);
    if (!is) return is.error();
    return Value(*is || arguments[0] == arguments[1]);
}

Result<Value> greater(const Arguments& arguments) {
    const auto is = less_or_equal(arguments);
    if (!is) return is.error();
    return Value(!std::get<bool>(*is));
}

Result<Value> greater_or_equal(const Arguments& arguments) {
    const auto is = less(arguments);
    if (!is) return is.error();
    return Value(!std::get<bool>(*is));
}

Result<Value> call(const Arguments& arguments) {
    if (arguments.empty() || std::holds_alternative<std::monostate>(arguments.front())) {
        return refused("call of nil");
    }
    return refused(fmt::format("non-function of type {}", type_of(arguments.front())));
}

struct BuiltInFunction {
    Arity arity;
    Result<Value> (*run)(const Arguments&);
};

const std::map<std::string_view, BuiltInFunction>& built_ins() {
    static const std::map<std::string_view, BuiltInFunction> all{
        {"and", {{1, {}}, nullptr}},
        {"or", {{1, {}}, nullptr}},
        {"not", {{1, 1}, negation}},
        {"eq", {{1, {}}, equal}},
        {"ne", {{2, 2}, not_equal}},
        {"lt", {{2, 2}, less}},
        {"le", {{2, 2}, less_or_equal}},
        {"gt", {{2, 2}, greater}},
        {"ge", {{2, 2}, greater_or_equal}},
        {"len", {{1, 1}, length}},
        {"index", {{1, {}}, index}},
        {"slice", {{1, {}}, slice}},
        {"print", {{0, {}}, print}},
        {"println", {{0, {}}, print_line}},
        {"printf", {{1, {}}, print_formatted}},
        {"html", {{0, {}}, html}},
        {"js", {{0, {}}, js}},
        {"urlquery", {{0, {}}, url_query}},
        {"call", {{1, {}}, call}},
    };
    return all;
}

}  // namespace

bool is_of_model(std::string_view name) {
    return std::ranges::find(of_model, name) != of_model.end();
}

bool is_function(std::string_view name) {
    return is_of_model(name) || built_ins().contains(name);
}

Arity arity_of(std::string_view built_in) {
    const auto found = built_ins().find(built_in);
    return found == built_ins().end() ? Arity{0, 0} : found->second.arity;
}

Result<Value> call_built_in(std::string_view name, const std::vector<Value>& arguments) {
    const auto found = built_ins().find(name);
    SLUICE_ASSERT(found != built_ins().end() && found->second.run != nullptr);
    return found->second.run(arguments);
}

bool is_true(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag;
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole != 0;
    if (const auto* number = std::get_if<double>(&value)) return *number != 0;
    if (const auto* text = std::get_if<std::string>(&value)) return !text->empty();
    if (const auto* entries = std::get_if<const Entries*>(&value)) return !(*entries)->empty();
    return false;
}

std::string shown(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
    if (const auto* number = std::get_if<double>(&value)) return go_number(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    const auto* entries = std::get_if<const Entries*>(&value);
    if (entries == nullptr) return "<no value>";
    std::string made;
    for (const auto& [key, text] : **entries) {
        made += fmt::format("{}{}:{}", made.empty() ? "" : " ", key, text);
    }
    return "map[" + made + "]";
}

std::string_view type_of(const Value& value) {
    constexpr std::array<std::string_view, 6> names{
        "<nil>", "bool", "int", "float64", "string", "map[string]string"};
    return names[value.index()];
}

}  // namespace sluice::metrics::syntax
