// What `kubectl get` prints: the server picks the columns and writes each cell, ages included
// (kubernetes.md B.5). One TableView per kind; a list and a watch use it alike.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "lab/apiserver/json_path.hpp"

#include <string>
#include <vector>

namespace sluice::lab {

// What stands beside the cells of a row.
enum class IncludeObject { none, metadata, object };

struct TableColumn {
    std::string name;
    std::string type = "string";
    std::string format = {};
    std::string description = {};
    std::int64_t priority = 0;
};

using TableCells = JsonArray (*)(const Json& object, Time now);

class TableView {
   public:
    TableView(const Kind& kind, const KindVersion& version);

    // The table of these objects. `metadata` is the list's own.
    Json table(const std::vector<ObjectPtr>& objects,
               Json metadata,
               IncludeObject include,
               Time now) const;

   private:
    JsonArray cells(const Json& object, Time now) const;
    JsonArray custom_cells(const Json& object, Time now) const;

    std::vector<TableColumn> columns_;
    TableCells cells_ = nullptr;  // null: by the columns of a custom resource
    std::vector<std::optional<JsonPathQuery>> paths_;
};

// A PartialObjectMetadata: what clients read that need no more than names and labels.
Json partial_metadata_of(const Json& object);

}  // namespace sluice::lab
