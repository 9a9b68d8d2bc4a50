#include "lab/apiserver/builtin_fields.hpp"

#include "base/core/result.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/builtin_table.hpp"
#include "lab/apiserver/schema.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>

#include <map>

namespace sluice::lab {
namespace {

// Reads `field:code` words. Nodes are shared between all kinds that mention their type.
class Table {
   public:
    Table() {
        for (auto line : split(builtin_table, '\n')) {
            line = trimmed(line);
            if (line.empty() || line.starts_with('#')) continue;
            const auto equals = line.find(" = ");
            SLUICE_ASSERT(equals != std::string_view::npos);
            lines_[std::string(line.substr(0, equals))] +=
                " " + std::string(line.substr(equals + 3));
        }
    }

    bool has(std::string_view type) const { return lines_.contains(std::string(type)); }

    SchemaNode::Ptr type(const std::string& name) {
        if (const auto made = made_.find(name); made != made_.end()) return made->second;
        const auto line = lines_.find(name);
        SLUICE_ASSERT(line != lines_.end());
        auto node = std::make_shared<SchemaNode>();
        node->type = JsonType::object;
        for (const auto& word : split_list(line->second, ' ')) {
            const auto colon = word.find(':');
            if (colon == std::string::npos) {
                // A type's name alone brings in all its members.
                const auto base = type(word);
                node->members.insert(
                    node->members.end(), base->members.begin(), base->members.end());
            } else {
                node->members.emplace_back(word.substr(0, colon), coded(word.substr(colon + 1)));
            }
        }
        for (const auto& [key, member] : node->members) note_quantities(*node, *member);
        made_[name] = node;
        return node;
    }

   private:
    static void note_quantities(SchemaNode& node, const SchemaNode& below) {
        if (below.quantities != Quantities::none) node.quantities = Quantities::below;
    }

    SchemaNode::Ptr coded(const std::string& code) {
        if (code.front() == '[') return list(code.substr(1, code.size() - 2));
        if (code.front() == '{') {
            auto node = std::make_shared<SchemaNode>();
            node->type = JsonType::object;
            node->other_members = coded(code.substr(1, code.size() - 2));
            note_quantities(*node, *node->other_members);
            return node;
        }
        if (code.size() > 1) return type(code);
        return scalar(code.front());
    }

    SchemaNode::Ptr list(std::string code) {
        auto node = std::make_shared<SchemaNode>();
        node->type = JsonType::array;
        if (const auto bar = code.find('|'); bar != std::string::npos) {
            node->list_type = ListType::map;
            node->list_map_keys = split_list(code.substr(bar + 1));
            code.resize(bar);
        } else if (code.ends_with('*')) {
            node->list_type = ListType::set;
            code.pop_back();
        }
        node->items = coded(code);
        note_quantities(*node, *node->items);
        return node;
    }

    SchemaNode::Ptr scalar(char code) {
        auto& made = scalars_[code];
        if (made) return made;
        auto node = std::make_shared<SchemaNode>();
        switch (code) {
            case 's':
                node->type = JsonType::string;
                break;
            case 'i':
                node->type = JsonType::integer;
                node->format = "int32";
                break;
            case 'l':
                node->type = JsonType::integer;
                node->format = "int64";
                break;
            case 'b':
                node->type = JsonType::boolean;
                break;
            case 'x':
                node->int_or_string = true;
                break;
            case 'q':
                node->quantities = Quantities::here;
                break;
            default:
                SLUICE_ASSERT(code == 'o');
                node->keeps_unknown = true;
                break;
        }
        made = node;
        return made;
    }

    std::map<std::string, std::string> lines_;
    std::map<std::string, SchemaNode::Ptr> made_;
    std::map<char, SchemaNode::Ptr> scalars_;
};

Table& table() {
    static Table table;
    return table;
}

std::string type_name(std::string_view kind, std::string_view version) {
    auto versioned = std::string(kind) + "/" + std::string(version);
    return table().has(versioned) ? versioned : std::string(kind);
}

Json open_api_of(const SchemaNode& node) {
    JsonObject schema;
    switch (node.type) {
        case JsonType::object: {
            schema["type"] = "object";
            JsonObject members;
            for (const auto& [name, member] : node.members) members[name] = open_api_of(*member);
            if (!members.empty()) schema["properties"] = std::move(members);
            if (node.other_members)
                schema["additionalProperties"] = open_api_of(*node.other_members);
            break;
        }
        case JsonType::array:
            schema["type"] = "array";
            schema["items"] = open_api_of(*node.items);
            break;
        case JsonType::string:
            schema["type"] = "string";
            break;
        case JsonType::integer:
            schema["type"] = "integer";
            schema["format"] = node.format;
            break;
        case JsonType::number:
            schema["type"] = "number";
            break;
        case JsonType::boolean:
            schema["type"] = "boolean";
            break;
        case JsonType::any:
            if (node.int_or_string || node.quantities == Quantities::here) {
                schema["x-kubernetes-int-or-string"] = true;
            } else {
                schema["x-kubernetes-preserve-unknown-fields"] = true;
            }
            break;
    }
    return schema;
}

}  // namespace

std::shared_ptr<const Schema> builtin_schema(std::string_view kind, std::string_view version) {
    const auto name = type_name(kind, version);
    if (!table().has(name)) return nullptr;
    return std::make_shared<const Schema>(table().type(name));
}

std::shared_ptr<const Json> builtin_open_api(std::string_view kind, std::string_view version) {
    const auto name = type_name(kind, version);
    if (!table().has(name)) return nullptr;
    return std::make_shared<const Json>(open_api_of(*table().type(name)));
}

const SchemaNode& object_metadata() {
    static const auto node = table().type("ObjectMeta");
    return *node;
}

}  // namespace sluice::lab
