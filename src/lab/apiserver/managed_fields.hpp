// Who owns which field of an object: metadata.managedFields, read, changed and written back.
#pragma once

#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <set>
#include <string>
#include <vector>

namespace sluice::lab {

struct SchemaNode;

// From the outside in, in the words of FieldsV1: "f:spec", `k:{"name":"web"}`, `v:"x"`.
using FieldPath = std::vector<std::string>;
using FieldPaths = std::set<FieldPath>;

struct FieldOwner {
    std::string manager;
    bool applied = false;  // operation Apply, else Update
    std::string api_version;
    std::string subresource = {};

    auto operator<=>(const FieldOwner&) const = default;
};

// `"mgr"`, `"mgr" using apps/v1`, `"mgr" with subresource "scale" using apps/v1`.
std::string to_string(const FieldOwner& owner);
// ".spec.template.spec.containers[name="web"].image".
std::string to_string(const FieldPath& path);

class ManagedFields {
   public:
    struct Entry {
        FieldOwner owner;
        std::string time;
        FieldPaths paths;
    };

    ManagedFields() = default;
    explicit ManagedFields(const Json& object);

    const std::vector<Entry>& entries() const { return entries_; }
    bool empty() const { return entries_.empty(); }
    // Nothing when that owner has no entry.
    const Entry* of(const FieldOwner& owner) const;
    // True when somebody else than that owner owns the path or anything below it.
    bool others_own(const FieldOwner& owner, const FieldPath& path) const;

    // The owner owns exactly these; an entry without paths goes.
    void set(const FieldOwner& owner, FieldPaths paths, const std::string& now);
    // These belong to that owner from now on, and to nobody else.
    void take(const FieldOwner& owner, const FieldPaths& paths, const std::string& now);
    // Nobody owns these any more.
    void release(const FieldPaths& paths);

    // Equal but for the times.
    bool same_owners(const ManagedFields& other) const;
    // As it stands in metadata.
    Json to_json() const;

   private:
    void take_from_others(const FieldOwner& owner, const FieldPaths& paths);

    std::vector<Entry> entries_;
};

// Every path of the object that can be owned: leaves, and the items of lists with keys. What the
// server keeps itself (uid, resourceVersion …) has no owner.
FieldPaths owned_paths(const Json& object, const SchemaNode* schema);
// What stands there, or null.
const Json* value_at(const Json& object, const FieldPath& path);
// Takes it away; an item of a list too.
void remove_at(Json& object, const FieldPath& path);

// Paths that are in `after` with another value than in `before`, and those that went.
struct FieldChanges {
    FieldPaths changed;
    FieldPaths gone;
};
FieldChanges changes_between(const Json& before, const Json& after, const SchemaNode* schema);

// What is applied, laid over what is there: maps by key, lists with keys item by item, sets united,
// everything else replaced.
void lay_over(Json& target, const Json& wanted, const SchemaNode* schema);

}  // namespace sluice::lab
