// What is wrong with an object by its schema, in the words of kubernetes.md B.9.
#include "base/core/text.hpp"
#include "base/core/time.hpp"
#include "lab/apiserver/schema.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace sluice::lab {
namespace {

namespace wrong = field_error;

std::string_view name_of(JsonType type) {
    switch (type) {
        case JsonType::any:
            return "any";
        case JsonType::object:
            return "object";
        case JsonType::array:
            return "array";
        case JsonType::string:
            return "string";
        case JsonType::integer:
            return "integer";
        case JsonType::number:
            return "number";
        case JsonType::boolean:
            return "boolean";
    }
    return "any";
}

bool is_whole(const Json& value) {
    return value.is_number() && integer_at(value, {}).has_value();
}

std::string_view json_type_of(const Json& value) {
    if (value.is_null()) return "null";
    if (value.is_bool()) return "boolean";
    if (value.is_string()) return "string";
    if (value.is_object()) return "object";
    if (value.is_array()) return "array";
    return is_whole(value) ? "integer" : "number";
}

bool is_of(JsonType type, const Json& value) {
    switch (type) {
        case JsonType::any:
            return true;
        case JsonType::object:
            return value.is_object();
        case JsonType::array:
            return value.is_array();
        case JsonType::string:
            return value.is_string();
        case JsonType::integer:
            return is_whole(value);
        case JsonType::number:
            return value.is_number();
        case JsonType::boolean:
            return value.is_bool();
    }
    return true;
}

std::string number_text(double value) {
    return go_number(value);
}

// Letters, not bytes.
std::int64_t length_of(std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
}

bool is_uuid(std::string_view text) {
    static const re2::RE2 form(
        "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}");
    return re2::RE2::FullMatch({text.data(), text.size()}, form);
}

bool is_ipv4(std::string_view text) {
    const auto parts = split(text, '.');
    return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
               const auto number = parse_integer(part);
               return number && *number >= 0 && *number <= 255 && is_digit(part.front());
           });
}

// Go's durations: "1h30m", "0.5s".
bool is_duration(std::string_view text) {
    static const re2::RE2 form("[-+]?(0|([0-9]*\\.?[0-9]+\\.?(ns|us|µs|ms|s|m|h|d|w))+)");
    return re2::RE2::FullMatch({text.data(), text.size()}, form);
}

// Formats that we don't know are not checked, as Kubernetes does.
bool has_format(std::string_view format, std::string_view text) {
    if (format == "date-time") return parse_rfc3339(text).has_value();
    if (format == "date") return parse_rfc3339(std::string(text) + "T00:00:00Z").has_value();
    if (format == "duration") return is_duration(text);
    if (format == "ipv4") return is_ipv4(text);
    if (format == "uuid") return is_uuid(text);
    if (format == "byte") return from_base64(text).has_value();
    return true;
}

bool in_range_of(std::string_view format, const Json& value) {
    if (format != "int32") return true;
    const auto number = integer_at(value, {});
    return !number || (*number >= INT32_MIN && *number <= INT32_MAX);
}

class Validator {
   public:
    explicit Validator(FieldErrors& errors, std::vector<WrongType>* wrong_types = nullptr)
        : errors_(errors), wrong_types_(wrong_types) {}

    void check(const SchemaNode& node,
               const Json& value,
               const Json* before,
               const std::string& path) {
        if (value.is_null() && (node.nullable || node.type == JsonType::any)) return;
        if (!check_type(node, value, path)) return;
        if (node.limits) check_limits(node, *node.limits, value, before, path);
        if (const auto* object = value.if_object()) check_members(node, *object, before, path);
        if (const auto* array = value.if_array()) check_items(node, *array, path);
    }

   private:
    void type_error(const std::string& path, const Json& value, std::string_view type) {
        if (wrong_types_ != nullptr) wrong_types_->push_back({path, json_type_of(value), type});
        // The type that was found is named twice; the value is not shown.
        const Json found(json_type_of(value));
        errors_.push_back(wrong::type_invalid(
            path,
            found,
            fmt::format("{} in body must be of type {}: {}", path, type, to_text(found))));
    }

    bool check_type(const SchemaNode& node, const Json& value, const std::string& path) {
        if (node.int_or_string) {
            if (is_whole(value) || value.is_string()) return true;
            type_error(path, value, "integer,string");
            return false;
        }
        if (!is_of(node.type, value)) {
            const bool counted = node.type == JsonType::integer && !node.format.empty();
            type_error(path, value, counted && wrong_types_ ? node.format : name_of(node.type));
            return false;
        }
        if (value.is_string() && !node.format.empty() &&
            !has_format(node.format, value.get_string())) {
            errors_.push_back(wrong::type_invalid(
                path,
                value,
                fmt::format(
                    "{} in body must be of type {}: {}", path, node.format, to_text(value))));
            return false;
        }
        if (value.is_number() && !in_range_of(node.format, value)) {
            errors_.push_back(wrong::invalid(
                path,
                value,
                fmt::format(
                    "{} in body must be of type {}: {}", path, node.format, to_text(value))));
            return false;
        }
        return true;
    }

    void invalid(const std::string& path, const Json& value, std::string_view should) {
        errors_.push_back(
            wrong::invalid(path, value, fmt::format("{} in body should {}", path, should)));
    }

    void check_number(const SchemaNode::Limits& limits,
                      const Json& value,
                      const std::string& path) {
        const auto number = value.to_number<double>();
        if (limits.minimum) {
            if (limits.minimum_excluded && number <= *limits.minimum) {
                invalid(path, value, "be greater than " + number_text(*limits.minimum));
            } else if (!limits.minimum_excluded && number < *limits.minimum) {
                invalid(path, value, "be greater than or equal to " + number_text(*limits.minimum));
            }
        }
        if (limits.maximum) {
            if (limits.maximum_excluded && number >= *limits.maximum) {
                invalid(path, value, "be less than " + number_text(*limits.maximum));
            } else if (!limits.maximum_excluded && number > *limits.maximum) {
                invalid(path, value, "be less than or equal to " + number_text(*limits.maximum));
            }
        }
        if (limits.multiple_of && *limits.multiple_of > 0) {
            const auto ratio = number / *limits.multiple_of;
            if (std::fabs(ratio - std::nearbyint(ratio)) > 1e-9) {
                invalid(path, value, "be a multiple of " + number_text(*limits.multiple_of));
            }
        }
    }

    void check_text(const SchemaNode::Limits& limits, const Json& value, const std::string& path) {
        const std::string_view text = value.get_string();
        const auto length = length_of(text);
        if (limits.length_max && length > *limits.length_max) {
            errors_.push_back(wrong::too_long(path, *limits.length_max));
        }
        if (limits.length_min && length < *limits.length_min) {
            invalid(path, value, fmt::format("be at least {} chars long", *limits.length_min));
        }
        if (limits.pattern &&
            !re2::RE2::PartialMatch({text.data(), text.size()}, *limits.pattern)) {
            invalid(path, value, fmt::format("match '{}'", limits.pattern_text));
        }
    }

    void check_sizes(const SchemaNode::Limits& limits, const Json& value, const std::string& path) {
        if (const auto* array = value.if_array()) {
            const auto count = std::ssize(*array);
            if (limits.items_max && count > *limits.items_max) {
                errors_.push_back(wrong::too_many(path, count, *limits.items_max));
            }
            if (limits.items_min && count < *limits.items_min) {
                invalid(
                    path, Json(count), fmt::format("have at least {} items", *limits.items_min));
            }
            if (limits.unique_items) check_unique(*array, path, {});
        }
        if (const auto* object = value.if_object()) {
            const auto count = static_cast<std::int64_t>(object->size());
            if (limits.members_max && count > *limits.members_max) {
                errors_.push_back(wrong::too_many(path, count, *limits.members_max));
            }
            if (limits.members_min && count < *limits.members_min) {
                invalid(path,
                        Json(count),
                        fmt::format("have at least {} properties", *limits.members_min));
            }
        }
    }

    void check_limits(const SchemaNode&,
                      const SchemaNode::Limits& limits,
                      const Json& value,
                      const Json* before,
                      const std::string& path) {
        if (!limits.allowed.empty() &&
            std::find(limits.allowed.begin(), limits.allowed.end(), value) ==
                limits.allowed.end()) {
            std::vector<std::string> allowed;
            allowed.reserve(limits.allowed.size());
            for (const auto& one : limits.allowed) allowed.push_back(to_text(one));
            errors_.push_back(wrong::not_supported(path, value, allowed));
        }
        if (value.is_number()) check_number(limits, value, path);
        if (value.is_string()) check_text(limits, value, path);
        check_sizes(limits, value, path);
        check_choices(limits, value, path);
        for (const auto& [rule, message] : limits.rules) {
            check_rule(rule, message, value, before, path);
        }
    }

    static bool satisfies(const SchemaNode& node, const Json& value, const std::string& path) {
        FieldErrors errors;
        Validator(errors).check(node, value, nullptr, path);
        return errors.empty();
    }

    void check_choices(const SchemaNode::Limits& limits,
                       const Json& value,
                       const std::string& path) {
        const auto count = [&](const std::vector<SchemaNode::Ptr>& nodes) {
            return std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) {
                return satisfies(*node, value, path);
            });
        };
        const auto unchosen = [&](std::string_view text) {
            errors_.push_back(wrong::invalid(path, "", fmt::format("\"{}\" {}", path, text)));
        };
        if (!limits.one_of.empty()) {
            if (const auto valid = count(limits.one_of); valid != 1) {
                unchosen(fmt::format(
                    "must validate one and only one schema (oneOf). Found {}",
                    valid == 0 ? "none valid" : fmt::format("{} valid alternatives", valid)));
            }
        }
        if (!limits.any_of.empty() && count(limits.any_of) == 0) {
            unchosen("must validate at least one schema (anyOf)");
        }
        if (!limits.all_of.empty() && count(limits.all_of) != std::ssize(limits.all_of)) {
            unchosen("must validate all the schemas (allOf)");
        }
        if (limits.none_of && satisfies(*limits.none_of, value, path)) {
            unchosen("must not validate the schema (not)");
        }
    }

    // The lab has no CEL engine. These two rules are what users of the peers' CRDs can meet
    // (kubernetes.md B.10); others count as kept.
    void check_rule(std::string_view rule,
                    std::string_view message,
                    const Json& value,
                    const Json* before,
                    const std::string& path) {
        bool kept = true;
        if (rule == "self == oldSelf") {
            kept = before == nullptr || *before == value;
        } else if (rule ==
                   "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true") {
            kept = !text_at(value, {"group"}).empty() || text_at(value, {"kind"}) != "Service" ||
                   find(value, {"port"}) != nullptr;
        }
        if (kept) return;
        errors_.push_back(wrong::invalid(
            path,
            value.is_object() || value.is_array() ? Json(json_type_of(value)) : value,
            message.empty() ? fmt::format("failed rule: {}", rule) : std::string(message)));
    }

    void check_members(const SchemaNode& node,
                       const JsonObject& object,
                       const Json* before,
                       const std::string& path) {
        const auto inner = [&](std::string_view name) {
            return path.empty() ? std::string(name) : path + "." + std::string(name);
        };
        const auto before_of = [&](std::string_view name) -> const Json* {
            const auto* members = before == nullptr ? nullptr : before->if_object();
            return members == nullptr ? nullptr : members->if_contains(name);
        };
        for (const auto& name : node.required) {
            if (!object.contains(name)) errors_.push_back(wrong::required(inner(name)));
        }
        for (const auto& [name, member] : node.members) {
            if (const auto* value = object.if_contains(name)) {
                check(*member, *value, before_of(name), inner(name));
            }
        }
        if (!node.other_members) return;
        for (const auto& [key, value] : object) {
            if (node.member(key) != nullptr) continue;
            check(*node.other_members,
                  value,
                  before_of(key),
                  fmt::format("{}[{}]", path, std::string_view(key)));
        }
    }

    void check_items(const SchemaNode& node, const JsonArray& array, const std::string& path) {
        if (node.items) {
            for (std::size_t i = 0; i < array.size(); ++i) {
                check(*node.items, array[i], nullptr, fmt::format("{}[{}]", path, i));
            }
        }
        if (node.list_type == ListType::set) check_unique(array, path, {});
        if (node.list_type == ListType::map) check_unique(array, path, node.list_map_keys);
    }

    // By the whole item, or by some of its members.
    void check_unique(const JsonArray& array,
                      const std::string& path,
                      const std::vector<std::string>& keys) {
        std::set<std::string> seen;
        for (std::size_t i = 0; i < array.size(); ++i) {
            Json identity = array[i];
            if (!keys.empty()) {
                JsonObject chosen;
                for (const auto& key : keys) {
                    if (const auto* value = find(array[i], {key})) chosen[key] = *value;
                }
                identity = std::move(chosen);
            }
            if (!seen.insert(canonical_text(identity)).second) {
                errors_.push_back(wrong::duplicate(fmt::format("{}[{}]", path, i), identity));
            }
        }
    }

    FieldErrors& errors_;
    std::vector<WrongType>* wrong_types_;
};

}  // namespace

FieldErrors Schema::violations(const Json& object, const Json* before) const {
    FieldErrors errors;
    Validator(errors).check(*root_, object, before, {});
    return errors;
}

std::vector<WrongType> Schema::wrong_types(const Json& object) const {
    FieldErrors errors;
    std::vector<WrongType> found;
    Validator(errors, &found).check(*root_, object, nullptr, {});
    return found;
}

}  // namespace sluice::lab
