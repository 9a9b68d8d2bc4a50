#include "lab/apiserver/managed_fields.hpp"

#include "lab/apiserver/builtin_fields.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace sluice::lab {
namespace {

constexpr std::string_view unowned_metadata[]{"name",
                                              "generateName",
                                              "namespace",
                                              "selfLink",
                                              "uid",
                                              "resourceVersion",
                                              "generation",
                                              "creationTimestamp",
                                              "deletionTimestamp",
                                              "deletionGracePeriodSeconds",
                                              "managedFields"};

bool is_unowned(const FieldPath& path) {
    if (path.size() == 1) return path[0] == "f:apiVersion" || path[0] == "f:kind";
    if (path.size() != 2 || path[0] != "f:metadata") return false;
    return std::any_of(std::begin(unowned_metadata),
                       std::end(unowned_metadata),
                       [&](std::string_view name) { return path[1].substr(2) == name; });
}

const SchemaNode* member_of(const SchemaNode* node, std::string_view name, bool at_root) {
    // The schema of a custom kind says nothing of metadata, and every kind has the same.
    if (at_root && name == "metadata") return &object_metadata();
    if (node == nullptr) return nullptr;
    if (const auto* member = node->member(name)) return member;
    return node->other_members.get();
}

ListType list_type_of(const SchemaNode* node) {
    return node == nullptr ? ListType::atomic : node->list_type;
}

// `k:{"name":"web"}`; empty when the item lacks all of its keys.
std::string key_element(const Json& item, const std::vector<std::string>& keys) {
    JsonObject identity;
    for (const auto& key : keys) {
        if (const auto* value = find(item, {key})) identity[key] = *value;
    }
    return identity.empty() ? std::string{} : "k:" + canonical_text(identity);
}

class Collector {
   public:
    // Of what stands at `here`.
    explicit Collector(FieldPaths& paths, FieldPath here = {})
        : paths_(paths), path_(std::move(here)) {}

    void walk(const Json& value, const SchemaNode* node) {
        if (is_unowned(path_)) return;
        if (const auto* object = value.if_object()) {
            if (object->empty()) return add();
            const bool at_root = path_.empty();
            for (const auto& [name, member] : *object) {
                path_.push_back("f:" + std::string(name));
                walk(member, member_of(node, name, at_root));
                path_.pop_back();
            }
            return;
        }
        const auto* array = value.if_array();
        if (array == nullptr) return add();
        switch (list_type_of(node)) {
            case ListType::atomic:
                return add();
            case ListType::set:
                for (const auto& item : *array) {
                    path_.push_back("v:" + canonical_text(item));
                    add();
                    path_.pop_back();
                }
                return;
            case ListType::map:
                for (const auto& item : *array) {
                    path_.push_back(key_element(item, node->list_map_keys));
                    add();
                    walk(item, node->items.get());
                    path_.pop_back();
                }
                return;
        }
    }

   private:
    void add() { paths_.insert(path_); }

    FieldPaths& paths_;
    FieldPath path_;
};

// The item of a list that a `k:` or `v:` element names; the end when there is none.
template <typename Array>
auto item_of(Array& array, const std::string& element) {
    const auto text = std::string_view(element).substr(2);
    if (element.starts_with("v:")) {
        return std::find_if(array.begin(), array.end(), [&](const Json& item) {
            return canonical_text(item) == text;
        });
    }
    const auto identity = parse_json(text);
    return std::find_if(array.begin(), array.end(), [&](const Json& item) {
        if (!identity || !identity->is_object() || !item.is_object()) return false;
        const auto& keys = identity->get_object();
        return std::all_of(keys.begin(), keys.end(), [&](const auto& member) {
            const auto* value = item.get_object().if_contains(member.key());
            return value != nullptr && *value == member.value();
        });
    });
}

// One level of FieldsV1 into paths.
void read_fields(const JsonObject& fields, FieldPath& here, FieldPaths& paths) {
    if (fields.empty() || fields.contains(".")) {
        if (!here.empty()) paths.insert(here);
    }
    for (const auto& [element, inner] : fields) {
        if (element == ".") continue;
        here.emplace_back(element);
        if (inner.is_object()) read_fields(inner.get_object(), here, paths);
        here.pop_back();
    }
}

Json fields_of(const FieldPaths& paths) {
    JsonObject root;
    for (const auto& path : paths) {
        JsonObject* here = &root;
        for (const auto& element : path) {
            auto& inner = (*here)[element];
            if (!inner.is_object()) inner.emplace_object();
            here = &inner.get_object();
        }
    }
    // A path that has others below it is said by a dot. Paths are sorted, so it came first.
    for (const auto& path : paths) {
        JsonObject* here = &root;
        for (const auto& element : path) here = &(*here)[element].get_object();
        if (!here->empty()) (*here)["."] = JsonObject{};
    }
    return root;
}

bool starts_with(const FieldPath& path, const FieldPath& prefix) {
    return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

}  // namespace

std::string to_string(const FieldOwner& owner) {
    auto text = fmt::format("\"{}\"", owner.manager);
    if (!owner.subresource.empty())
        text += fmt::format(" with subresource \"{}\"", owner.subresource);
    if (!owner.applied) text += " using " + owner.api_version;
    return text;
}

std::string to_string(const FieldPath& path) {
    std::string text;
    for (const auto& element : path) {
        const auto rest = std::string_view(element).substr(2);
        if (element.starts_with("f:")) {
            text += fmt::format(".{}", rest);
        } else if (element.starts_with("v:")) {
            text += fmt::format("[={}]", rest);
        } else {
            std::string keys;
            if (const auto identity = parse_json(rest); identity && identity->is_object()) {
                for (const auto& [key, value] : identity->get_object()) {
                    if (!keys.empty()) keys += ",";
                    keys += fmt::format("{}={}", std::string_view(key), to_text(value));
                }
            }
            text += "[" + keys + "]";
        }
    }
    return text;
}

ManagedFields::ManagedFields(const Json& object) {
    for (const auto& entry : array_at(object, {"metadata", "managedFields"})) {
        Entry read;
        read.owner = {std::string(text_at(entry, {"manager"})),
                      text_at(entry, {"operation"}) == "Apply",
                      std::string(text_at(entry, {"apiVersion"})),
                      std::string(text_at(entry, {"subresource"}))};
        read.time = text_at(entry, {"time"});
        FieldPath here;
        read_fields(object_at(entry, {"fieldsV1"}), here, read.paths);
        entries_.push_back(std::move(read));
    }
}

const ManagedFields::Entry* ManagedFields::of(const FieldOwner& owner) const {
    const auto there = std::find_if(
        entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.owner == owner; });
    return there == entries_.end() ? nullptr : &*there;
}

bool ManagedFields::others_own(const FieldOwner& owner, const FieldPath& path) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        if (entry.owner == owner) return false;
        const auto there = entry.paths.lower_bound(path);
        return there != entry.paths.end() && starts_with(*there, path);
    });
}

void ManagedFields::set(const FieldOwner& owner, FieldPaths paths, const std::string& now) {
    const auto there = std::find_if(
        entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.owner == owner; });
    if (there == entries_.end()) {
        if (!paths.empty()) entries_.push_back({owner, now, std::move(paths)});
    } else if (paths.empty()) {
        entries_.erase(there);
    } else if (there->paths != paths) {
        there->paths = std::move(paths);
        there->time = now;
    }
}

void ManagedFields::take(const FieldOwner& owner, const FieldPaths& paths, const std::string& now) {
    take_from_others(owner, paths);
    if (owner.manager.empty()) return;
    const auto* mine = of(owner);
    auto all = mine == nullptr ? FieldPaths{} : mine->paths;
    all.insert(paths.begin(), paths.end());
    set(owner, std::move(all), now);
    // Another value of a field that it had already is news too.
    if (paths.empty()) return;
    for (auto& entry : entries_) {
        if (entry.owner == owner) entry.time = now;
    }
}

void ManagedFields::release(const FieldPaths& paths) {
    take_from_others({}, paths);
}

void ManagedFields::take_from_others(const FieldOwner& owner, const FieldPaths& paths) {
    for (auto& entry : entries_) {
        if (entry.owner == owner) continue;
        for (const auto& path : paths) entry.paths.erase(path);
    }
    std::erase_if(entries_, [](const Entry& entry) { return entry.paths.empty(); });
}

bool ManagedFields::same_owners(const ManagedFields& other) const {
    return std::equal(
        entries_.begin(),
        entries_.end(),
        other.entries_.begin(),
        other.entries_.end(),
        [](const Entry& a, const Entry& b) { return a.owner == b.owner && a.paths == b.paths; });
}

Json ManagedFields::to_json() const {
    JsonArray list;
    for (const auto& entry : entries_) {
        JsonObject written{{"manager", entry.owner.manager},
                           {"operation", entry.owner.applied ? "Apply" : "Update"},
                           {"apiVersion", entry.owner.api_version},
                           {"time", entry.time},
                           {"fieldsType", "FieldsV1"},
                           {"fieldsV1", fields_of(entry.paths)}};
        if (!entry.owner.subresource.empty()) written["subresource"] = entry.owner.subresource;
        list.emplace_back(std::move(written));
    }
    return list;
}

FieldPaths owned_paths(const Json& object, const SchemaNode* schema) {
    FieldPaths paths;
    Collector(paths).walk(object, schema);
    return paths;
}

const Json* value_at(const Json& object, const FieldPath& path) {
    const Json* here = &object;
    for (const auto& element : path) {
        if (element.starts_with("f:")) {
            const auto* members = here->if_object();
            here = members == nullptr ? nullptr
                                      : members->if_contains(std::string_view(element).substr(2));
        } else {
            const auto* items = here->if_array();
            if (items == nullptr) return nullptr;
            const auto item = item_of(*items, element);
            here = item == items->end() ? nullptr : &*item;
        }
        if (here == nullptr) return nullptr;
    }
    return here;
}

void remove_at(Json& object, const FieldPath& path) {
    if (path.empty()) return;
    const FieldPath outer(path.begin(), path.end() - 1);
    auto* parent = const_cast<Json*>(value_at(object, outer));
    if (parent == nullptr) return;
    const auto& last = path.back();
    if (auto* members = parent->if_object(); members != nullptr && last.starts_with("f:")) {
        members->stable_erase(std::string_view(last).substr(2));
    } else if (auto* items = parent->if_array()) {
        const auto item = item_of(*items, last);
        if (item != items->end()) items->erase(item);
    }
}

namespace {

// Names paths only where the two differ: most of an object is as it was.
class Comparison {
   public:
    Comparison(const Json& before, const Json& after) : before_(before), after_(after) {}

    FieldChanges changes(const SchemaNode* schema) {
        compare(before_, after_, schema);
        return std::move(changes_);
    }

   private:
    void compare(const Json& before, const Json& after, const SchemaNode* node) {
        if (is_unowned(path_)) return;
        const auto* left = before.if_object();
        const auto* right = after.if_object();
        if (left == nullptr || right == nullptr || left->empty() || right->empty()) {
            if (before != after) compare_paths(before, after, node);
            return;
        }
        const bool at_root = path_.empty();
        for (const auto& [name, member] : *right) {
            const auto* other = left->if_contains(name);
            path_.push_back("f:" + std::string(name));
            const auto* inner = member_of(node, name, at_root);
            if (other == nullptr) {
                Collector(changes_.changed, path_).walk(member, inner);
            } else {
                compare(*other, member, inner);
            }
            path_.pop_back();
        }
        for (const auto& [name, member] : *left) {
            if (right->contains(name)) continue;
            path_.push_back("f:" + std::string(name));
            Collector(changes_.gone, path_).walk(member, member_of(node, name, at_root));
            path_.pop_back();
        }
    }

    void compare_paths(const Json& before, const Json& after, const SchemaNode* node) {
        FieldPaths old_paths;
        FieldPaths new_paths;
        Collector(old_paths, path_).walk(before, node);
        Collector(new_paths, path_).walk(after, node);
        for (const auto& path : new_paths) {
            if (!old_paths.contains(path)) {
                changes_.changed.insert(path);
                continue;
            }
            // The items of lists are named by what makes them themselves; they don't change.
            if (!path.back().starts_with("f:")) continue;
            if (*value_at(before_, path) != *value_at(after_, path)) changes_.changed.insert(path);
        }
        for (const auto& path : old_paths) {
            if (!new_paths.contains(path)) changes_.gone.insert(path);
        }
    }

    const Json& before_;
    const Json& after_;
    FieldPath path_;
    FieldChanges changes_;
};

}  // namespace

FieldChanges changes_between(const Json& before, const Json& after, const SchemaNode* schema) {
    return Comparison(before, after).changes(schema);
}

namespace {

void lay_over_members(Json& target, const Json& wanted, const SchemaNode* schema, bool at_root) {
    const auto* members = wanted.if_object();
    if (members != nullptr && target.is_object()) {
        for (const auto& [name, value] : *members) {
            lay_over_members(
                target.get_object()[name], value, member_of(schema, name, at_root), false);
        }
        return;
    }
    const auto* items = wanted.if_array();
    if (items == nullptr || !target.is_array() || list_type_of(schema) == ListType::atomic) {
        target = wanted;
        return;
    }
    auto& list = target.get_array();
    for (const auto& item : *items) {
        const auto element = list_type_of(schema) == ListType::set
                                 ? "v:" + canonical_text(item)
                                 : key_element(item, schema->list_map_keys);
        const auto there = element.empty() ? list.end() : item_of(list, element);
        if (there == list.end()) {
            list.push_back(item);
        } else {
            lay_over_members(*there, item, schema->items.get(), false);
        }
    }
}

}  // namespace

void lay_over(Json& target, const Json& wanted, const SchemaNode* schema) {
    lay_over_members(target, wanted, schema, true);
}

}  // namespace sluice::lab
