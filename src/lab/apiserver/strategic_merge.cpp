#include "lab/apiserver/strategic_merge.hpp"

#include "lab/apiserver/builtin_fields.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace sluice::lab {
namespace {

constexpr std::string_view directive = "$patch";
constexpr std::string_view retain_keys = "$retainKeys";
constexpr std::string_view element_order = "$setElementOrder/";
constexpr std::string_view delete_from_list = "$deleteFromPrimitiveList/";

// Ends the merge with the text of a 400.
struct Refusal {
    std::string text;
};

const SchemaNode* member_of(const SchemaNode* node, std::string_view name) {
    static const SchemaNode::Ptr conditions = [] {
        auto list = std::make_shared<SchemaNode>();
        list->type = JsonType::array;
        list->list_type = ListType::map;
        list->list_map_keys = {"type"};
        return list;
    }();
    if (node != nullptr) {
        if (const auto* member = node->member(name)) return member;
        return node->other_members.get();
    }
    if (name == "metadata") return &object_metadata();
    return name == "conditions" ? conditions.get() : nullptr;
}

// Two items are one when every key that the patch gives is equal; the first key must be given.
// (`protocol` of a port is mostly left out.)
bool is_same_item(const Json& there, const Json& wanted, const std::vector<std::string>& keys) {
    return std::all_of(keys.begin(), keys.end(), [&](const std::string& key) {
        const auto* value = find(wanted, {key});
        if (value == nullptr) return true;
        const auto* other = find(there, {key});
        return other != nullptr && *other == *value;
    });
}

class Merge {
   public:
    // Nothing when all went well.
    std::optional<Refusal> run(Json& target, const Json& patch, const SchemaNode* schema) {
        if (!target.is_object()) target.emplace_object();
        merge_object(target.get_object(), patch.get_object(), schema);
        return std::move(refusal_);
    }

   private:
    void refuse(std::string text) {
        if (!refusal_) refusal_ = Refusal{std::move(text)};
    }

    void merge_object(JsonObject& target, const JsonObject& patch, const SchemaNode* schema) {
        if (const auto* what = patch.if_contains(directive)) {
            if (*what == "delete") return target.clear();
            if (*what == "replace") {
                target.clear();
            } else if (*what != "merge") {
                return refuse(fmt::format("Unknown patch type found: {}", to_text(*what)));
            }
        }
        if (const auto* kept = patch.if_contains(retain_keys);
            kept != nullptr && kept->is_array()) {
            const auto& names = kept->get_array();
            for (auto member = target.begin(); member != target.end();) {
                const bool stays =
                    std::find(names.begin(), names.end(), Json(member->key())) != names.end();
                member = stays ? std::next(member) : target.stable_erase(member);
            }
        }
        for (const auto& [key, value] : patch) {
            const std::string_view name = key;
            if (name.starts_with(delete_from_list)) {
                remove_texts(target, name.substr(delete_from_list.size()), value);
            } else if (!name.starts_with('$')) {
                merge_member(target, name, value, schema);
            }
        }
        // Orders speak of the lists as they are after the merge.
        for (const auto& [key, value] : patch) {
            const std::string_view name = key;
            if (!name.starts_with(element_order) || !value.is_array()) continue;
            const auto list = name.substr(element_order.size());
            auto* there = target.if_contains(list);
            if (there == nullptr || !there->is_array()) continue;
            reorder(there->get_array(), value.get_array(), member_of(schema, list));
        }
    }

    void merge_member(JsonObject& target,
                      std::string_view name,
                      const Json& value,
                      const SchemaNode* schema) {
        const auto* member = member_of(schema, name);
        if (value.is_null()) {
            target.stable_erase(name);
        } else if (const auto* object = value.if_object()) {
            const auto* what = object->if_contains(directive);
            if (what != nullptr && *what == "delete") {
                target.stable_erase(name);
                return;
            }
            auto& there = target[name];
            if (!there.is_object()) there.emplace_object();
            merge_object(there.get_object(), *object, member);
        } else if (const auto* array = value.if_array()) {
            auto& there = target[name];
            if (!there.is_array()) there.emplace_array();
            merge_list(there.get_array(), *array, member);
        } else {
            target[name] = value;
        }
    }

    void merge_list(JsonArray& target, const JsonArray& patch, const SchemaNode* schema) {
        const auto type = schema == nullptr ? ListType::atomic : schema->list_type;
        switch (type) {
            case ListType::atomic:
                target = patch;
                return;
            case ListType::set:
                for (const auto& item : patch) {
                    if (std::find(target.begin(), target.end(), item) == target.end()) {
                        target.push_back(item);
                    }
                }
                return;
            case ListType::map:
                merge_items(target, patch, *schema);
                return;
        }
    }

    void merge_items(JsonArray& target, const JsonArray& patch, const SchemaNode& schema) {
        const auto& keys = schema.list_map_keys;
        const auto says = [](const Json& item, std::string_view what) {
            return text_at(item, {directive}) == what;
        };
        if (std::any_of(patch.begin(), patch.end(), [&](const Json& item) {
                return says(item, "replace");
            })) {
            target.clear();
        }
        for (const auto& item : patch) {
            if (!item.is_object()) return refuse("expected a list of objects in the patch");
            if (says(item, "replace") && item.get_object().size() == 1) continue;
            if (find(item, {keys.front()}) == nullptr) {
                return refuse(fmt::format("map: {} does not contain declared merge key: {}",
                                          to_text(item),
                                          keys.front()));
            }
            const auto there =
                std::find_if(target.begin(), target.end(), [&](const Json& candidate) {
                    return is_same_item(candidate, item, keys);
                });
            if (says(item, "delete")) {
                target.erase(std::remove_if(target.begin(),
                                            target.end(),
                                            [&](const Json& candidate) {
                                                return is_same_item(candidate, item, keys);
                                            }),
                             target.end());
            } else if (there != target.end() && there->is_object()) {
                merge_object(there->get_object(), item.get_object(), schema.items.get());
            } else {
                JsonObject added;
                merge_object(added, item.get_object(), schema.items.get());
                target.emplace_back(std::move(added));
            }
        }
    }

    static void remove_texts(JsonObject& target, std::string_view name, const Json& texts) {
        auto* there = target.if_contains(name);
        if (there == nullptr || !there->is_array() || !texts.is_array()) return;
        auto& list = there->get_array();
        list.erase(std::remove_if(list.begin(),
                                  list.end(),
                                  [&](const Json& item) {
                                      const auto& gone = texts.get_array();
                                      return std::find(gone.begin(), gone.end(), item) !=
                                             gone.end();
                                  }),
                   list.end());
    }

    // Listed items take the places of listed items in the given order; the others stay where they
    // are.
    static void reorder(JsonArray& list, const JsonArray& order, const SchemaNode* schema) {
        const bool by_key = schema != nullptr && schema->list_type == ListType::map;
        const auto rank = [&](const Json& item) {
            const auto there = std::find_if(order.begin(), order.end(), [&](const Json& wanted) {
                return by_key ? is_same_item(item, wanted, schema->list_map_keys) : item == wanted;
            });
            return there == order.end() ? order.size()
                                        : static_cast<std::size_t>(there - order.begin());
        };
        std::vector<std::pair<std::size_t, Json>> listed;
        for (const auto& item : list) {
            if (const auto at = rank(item); at < order.size()) listed.emplace_back(at, item);
        }
        // The copies are told apart by their place, so the order is one and the same each time.
        std::vector<std::size_t> places(listed.size());
        std::iota(places.begin(), places.end(), std::size_t{0});
        std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
            return std::pair(listed[a].first, a) < std::pair(listed[b].first, b);
        });
        auto next = places.begin();
        for (auto& item : list) {
            if (rank(item) < order.size()) item = std::move(listed[*next++].second);
        }
    }

    std::optional<Refusal> refusal_;
};

}  // namespace

std::expected<void, std::string> apply_strategic_merge(Json& target,
                                                       const Json& patch,
                                                       const SchemaNode* schema) {
    if (!patch.is_object()) return std::unexpected("a strategic merge patch is an object");
    Json merged = target;
    if (const auto refusal = Merge().run(merged, patch, schema)) {
        return std::unexpected(refusal->text);
    }
    target = std::move(merged);
    return {};
}

}  // namespace sluice::lab
