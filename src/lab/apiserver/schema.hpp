// An OpenAPI v3 schema as Kubernetes uses it for custom resources, read once and asked often: is
// the object right, what does it not know, what does it fill in.
#pragma once

#include "lab/apiserver/statuses.hpp"

#include <memory>

namespace sluice::lab {

struct SchemaNode;

struct WrongType {
    std::string path;
    std::string_view found;   // "string", "integer" …
    std::string_view wanted;  // the same, or a format such as "int32"
};

class Schema {
   public:
    // The schema of a whole object. Bad patterns and the like were refused before
    // (crds.hpp); here they count as absent.
    explicit Schema(const Json& open_api);
    // Of a tree that is shared with other schemas.
    explicit Schema(std::shared_ptr<const SchemaNode> root) : root_(std::move(root)) {}

    // Everything that is wrong, in the order of the schema's members. `before` is null at creation;
    // rules such as "immutable" look at it.
    FieldErrors violations(const Json& object, const Json* before) const;

    // Only where a value has another JSON type than its member: what a typed decoder refuses.
    std::vector<WrongType> wrong_types(const Json& object) const;

    // The paths of members that the schema does not know ("spec.foo"), in the object's order.
    std::vector<std::string> unknown_fields(const Json& object) const;
    // Takes them out.
    void prune(Json& object) const;
    // Nulls that may not be null go, then every member with a default that is missing is set.
    void fill_in_defaults(Json& object) const;

    const SchemaNode& root() const { return *root_; }

   private:
    std::shared_ptr<const SchemaNode> root_;
};

}  // namespace sluice::lab
