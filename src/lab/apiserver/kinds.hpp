// What kinds of objects the lab serves, and what there is to know of each: names, versions, verbs,
// subresources, columns, schemas. Built-in kinds come from a table, the others from
// CustomResourceDefinitions.
#pragma once

#include "base/core/json.hpp"
#include "kube/resource.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

using kube::Resource;

class Schema;

// additionalPrinterColumns of a CRD.
struct PrinterColumn {
    std::string name;
    std::string type;
    std::string format;
    std::string description;
    std::int64_t priority = 0;
    std::string json_path;
};

// Where a scale subresource finds its three numbers; dotted paths as in a CRD (".spec.replicas").
struct ScalePaths {
    std::string spec_replicas;
    std::string status_replicas;
    std::string label_selector;
};

struct KindVersion {
    std::string group;
    std::string name;  // "v1"
    bool served = true;
    bool storage = false;
    bool status = false;              // has a status subresource
    std::optional<ScalePaths> scale;  // has a scale subresource
    // The openAPIV3Schema of a CRD; null for built-in kinds (builtin_fields.hpp has theirs).
    std::shared_ptr<const Json> open_api;
    // The same, ready to be asked; null for kinds that are kept without being known.
    std::shared_ptr<const Schema> schema;
    std::vector<PrinterColumn> columns = {};          // custom kinds only
    std::vector<std::string> selectable_fields = {};  // custom kinds: spec.selectableFields
};

struct Kind {
    // With the group and version of storage.
    Resource resource;
    std::string singular;
    std::string list_kind;
    std::vector<std::string> short_names = {};
    std::vector<std::string> categories = {};
    // create, delete, deletecollection, get, list, patch, update, watch.
    std::vector<std::string> verbs = {};
    // In the order of preference, the preferred one first. events are served in two groups.
    std::vector<KindVersion> versions = {};
    bool custom = false;
    // metadata.generation counts changes of the spec.
    bool generations = false;
    // False: POST is answered and nothing kept (selfsubjectaccessreviews).
    bool stored = true;

    bool has_verb(std::string_view verb) const;
    const KindVersion* version(std::string_view group, std::string_view name) const;
    const KindVersion& storage() const;
    // The same kind under the name of one of its versions.
    Resource resource_in(const KindVersion& version) const;
};

// All kinds. The order is stable: built-in ones as in the table, then custom ones by group and
// plural.
class KindTable {
   public:
    KindTable();

    // Null when it is not served.
    const Kind* find(std::string_view group,
                     std::string_view version,
                     std::string_view plural) const;
    const Kind* find(const Resource& resource) const {
        return find(resource.group, resource.version, resource.plural);
    }
    const Kind* find_named(std::string_view group,
                           std::string_view version,
                           std::string_view kind) const;
    std::vector<const Kind*> all() const;

    // Adds or replaces a custom kind; what was found before for it stays valid (old ones are
    // kept as long as the table).
    void put(Kind kind);
    void remove(std::string_view group, std::string_view plural);
    // Moves with every put and remove: for who caches discovery documents.
    std::uint64_t generation() const { return generation_; }

   private:
    std::vector<std::unique_ptr<Kind>> built_in_;
    std::map<std::pair<std::string, std::string>, std::unique_ptr<Kind>> custom_;
    std::vector<std::unique_ptr<Kind>> retired_;
    std::uint64_t generation_ = 1;
};

}  // namespace sluice::lab
