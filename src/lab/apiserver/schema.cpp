#include "lab/apiserver/schema.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/builtin_fields.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

JsonType type_of(std::string_view name) {
    if (name == "object") return JsonType::object;
    if (name == "array") return JsonType::array;
    if (name == "string") return JsonType::string;
    if (name == "integer") return JsonType::integer;
    if (name == "number") return JsonType::number;
    if (name == "boolean") return JsonType::boolean;
    return JsonType::any;
}

std::vector<std::string> texts_at(const Json& value, std::string_view key) {
    std::vector<std::string> texts;
    for (const auto& item : array_at(value, {key})) {
        if (item.is_string()) texts.emplace_back(item.get_string());
    }
    return texts;
}

bool is_true(const Json& value, std::string_view key) {
    return bool_at(value, {key}).value_or(false);
}

std::vector<SchemaNode::Ptr> parse_all(const Json& schema, std::string_view key) {
    std::vector<SchemaNode::Ptr> nodes;
    for (const auto& item : array_at(schema, {key})) nodes.push_back(parse_schema(item));
    return nodes;
}

std::unique_ptr<SchemaNode::Limits> parse_limits(const Json& schema) {
    static constexpr std::string_view keys[]{"minimum",
                                             "maximum",
                                             "multipleOf",
                                             "minLength",
                                             "maxLength",
                                             "minItems",
                                             "maxItems",
                                             "minProperties",
                                             "maxProperties",
                                             "uniqueItems",
                                             "pattern",
                                             "enum",
                                             "allOf",
                                             "anyOf",
                                             "oneOf",
                                             "not",
                                             "x-kubernetes-validations"};
    const auto& members = schema.get_object();
    const bool any = std::any_of(std::begin(keys), std::end(keys), [&](std::string_view key) {
        return members.contains(key);
    });
    if (!any) return nullptr;

    auto limits = std::make_unique<SchemaNode::Limits>();
    limits->minimum = number_at(schema, {"minimum"});
    limits->maximum = number_at(schema, {"maximum"});
    limits->minimum_excluded = is_true(schema, "exclusiveMinimum");
    limits->maximum_excluded = is_true(schema, "exclusiveMaximum");
    limits->multiple_of = number_at(schema, {"multipleOf"});
    limits->length_min = integer_at(schema, {"minLength"});
    limits->length_max = integer_at(schema, {"maxLength"});
    limits->items_min = integer_at(schema, {"minItems"});
    limits->items_max = integer_at(schema, {"maxItems"});
    limits->members_min = integer_at(schema, {"minProperties"});
    limits->members_max = integer_at(schema, {"maxProperties"});
    limits->unique_items = is_true(schema, "uniqueItems");
    limits->pattern_text = text_at(schema, {"pattern"});
    if (!limits->pattern_text.empty()) {
        re2::RE2::Options quiet;
        quiet.set_log_errors(false);
        auto pattern = std::make_unique<re2::RE2>(limits->pattern_text, quiet);
        if (pattern->ok()) limits->pattern = std::move(pattern);
    }
    for (const auto& value : array_at(schema, {"enum"})) limits->allowed.push_back(value);
    limits->all_of = parse_all(schema, "allOf");
    limits->any_of = parse_all(schema, "anyOf");
    limits->one_of = parse_all(schema, "oneOf");
    if (const auto* none_of = find(schema, {"not"})) limits->none_of = parse_schema(*none_of);
    for (const auto& rule : array_at(schema, {"x-kubernetes-validations"})) {
        limits->rules.emplace_back(text_at(rule, {"rule"}), text_at(rule, {"message"}));
    }
    return limits;
}

}  // namespace

const SchemaNode* SchemaNode::member(std::string_view name) const {
    const auto there = std::find_if(
        members.begin(), members.end(), [&](const auto& member) { return member.first == name; });
    return there == members.end() ? nullptr : there->second.get();
}

SchemaNode::Ptr parse_schema(const Json& open_api) {
    auto node = std::make_shared<SchemaNode>();
    if (!open_api.is_object()) return node;
    node->type = type_of(text_at(open_api, {"type"}));
    node->nullable = is_true(open_api, "nullable");
    node->int_or_string = is_true(open_api, "x-kubernetes-int-or-string");
    node->keeps_unknown = is_true(open_api, "x-kubernetes-preserve-unknown-fields");
    node->embedded_object = is_true(open_api, "x-kubernetes-embedded-resource");
    node->format = text_at(open_api, {"format"});
    if (const auto* value = find(open_api, {"default"})) node->default_value = *value;
    for (const auto& [name, member] : object_at(open_api, {"properties"})) {
        node->members.emplace_back(name, parse_schema(member));
    }
    node->required = texts_at(open_api, "required");
    if (const auto* others = find(open_api, {"additionalProperties"})) {
        if (others->is_object()) node->other_members = parse_schema(*others);
        node->any_other_member = others->is_bool() && others->get_bool();
    }
    if (const auto* items = find(open_api, {"items"})) node->items = parse_schema(*items);
    const auto list_type = text_at(open_api, {"x-kubernetes-list-type"});
    if (list_type == "set") node->list_type = ListType::set;
    if (list_type == "map") node->list_type = ListType::map;
    node->list_map_keys = texts_at(open_api, "x-kubernetes-list-map-keys");
    node->limits = parse_limits(open_api);
    return node;
}

Schema::Schema(const Json& open_api) : root_(parse_schema(open_api)) {}

namespace {

std::string member_path(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
}

bool is_metadata_of_object(std::string_view name) {
    return name == "apiVersion" || name == "kind" || name == "metadata";
}

// Which members of an object no schema node speaks for. `Visit` gets the path and may say that the
// member shall go.
class Pruner {
   public:
    Pruner(bool removes, std::vector<std::string>* found) : removes_(removes), found_(found) {}

    void walk(const SchemaNode& node, Json& value, const std::string& path, bool whole_object) {
        if (auto* array = value.if_array()) {
            if (!node.items) return;
            for (std::size_t i = 0; i < array->size(); ++i) {
                walk(*node.items, (*array)[i], fmt::format("{}[{}]", path, i), false);
            }
            return;
        }
        auto* object = value.if_object();
        if (object == nullptr || node.any_other_member) return;
        // int-or-string and untyped nodes say nothing about objects.
        if (node.type == JsonType::any && node.members.empty() && !node.other_members &&
            node.keeps_unknown) {
            return;
        }
        whole_object = whole_object || node.embedded_object;
        for (auto member = object->begin(); member != object->end();) {
            const std::string_view name = member->key();
            const auto* known = node.member(name);
            if (known == nullptr && node.other_members) known = node.other_members.get();
            if (whole_object && is_metadata_of_object(name)) {
                if (name == "metadata")
                    walk(object_metadata(), member->value(), member_path(path, name), false);
                ++member;
            } else if (known != nullptr) {
                walk(*known, member->value(), member_path(path, name), false);
                ++member;
            } else if (node.keeps_unknown) {
                ++member;
            } else {
                if (found_ != nullptr) found_->push_back(member_path(path, name));
                if (removes_) {
                    member = object->stable_erase(member);
                } else {
                    ++member;
                }
            }
        }
    }

   private:
    bool removes_;
    std::vector<std::string>* found_;
};

void fill_in(const SchemaNode& node, Json& value) {
    if (auto* array = value.if_array()) {
        if (!node.items) return;
        for (auto& item : *array) fill_in(*node.items, item);
        return;
    }
    auto* object = value.if_object();
    if (object == nullptr) return;
    for (auto member = object->begin(); member != object->end();) {
        const auto* known = node.member(member->key());
        if (known == nullptr) known = node.other_members.get();
        if (known == nullptr) {
            ++member;
        } else if (member->value().is_null() && !known->nullable) {
            member = object->stable_erase(member);
        } else {
            fill_in(*known, member->value());
            ++member;
        }
    }
    for (const auto& [name, member] : node.members) {
        if (!member->default_value || object->contains(name)) continue;
        (*object)[name] = *member->default_value;
        fill_in(*member, (*object)[name]);
    }
}

}  // namespace

std::vector<std::string> Schema::unknown_fields(const Json& object) const {
    std::vector<std::string> found;
    // Nothing is removed, so the object stays as it is.
    Pruner(false, &found).walk(*root_, const_cast<Json&>(object), {}, true);
    return found;
}

void Schema::prune(Json& object) const {
    Pruner(true, nullptr).walk(*root_, object, {}, true);
}

void Schema::fill_in_defaults(Json& object) const {
    fill_in(*root_, object);
}

}  // namespace sluice::lab
