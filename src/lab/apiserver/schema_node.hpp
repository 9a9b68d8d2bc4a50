// One node of a schema's tree.
#pragma once

#include "base/core/json.hpp"

#include <boost/json/value.hpp>
#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::lab {

enum class JsonType { any, object, array, string, integer, number, boolean };
enum class ListType { atomic, set, map };
// Whether the node is a resource quantity, or has one somewhere below.
enum class Quantities { none, below, here };

struct SchemaNode {
    using Ptr = std::shared_ptr<const SchemaNode>;
    // What few nodes say; null when this one says none of it.
    struct Limits {
        std::optional<double> minimum, maximum, multiple_of;
        bool minimum_excluded = false, maximum_excluded = false;
        std::optional<std::int64_t> length_min, length_max, items_min, items_max, members_min,
            members_max;
        bool unique_items = false;
        std::string pattern_text;
        std::unique_ptr<re2::RE2> pattern;
        std::vector<Json> allowed;
        std::vector<Ptr> all_of, any_of, one_of;
        Ptr none_of;
        std::vector<std::pair<std::string, std::string>> rules;  // CEL text, message
    };

    JsonType type = JsonType::any;
    ListType list_type = ListType::atomic;
    bool nullable = false;
    bool int_or_string = false;
    bool keeps_unknown = false;
    bool embedded_object = false;
    Quantities quantities = Quantities::none;  // built-in kinds only
    std::string format;
    std::optional<Json> default_value;
    // In the order in which the schema has them.
    std::vector<std::pair<std::string, Ptr>> members;
    std::vector<std::string> required;
    Ptr other_members;  // additionalProperties; with `any_other_member` every value is right
    bool any_other_member = false;
    Ptr items;
    std::vector<std::string> list_map_keys;
    std::unique_ptr<Limits> limits;

    const SchemaNode* member(std::string_view name) const;
};

SchemaNode::Ptr parse_schema(const Json& open_api);

}  // namespace sluice::lab
