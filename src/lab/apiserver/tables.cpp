#include "lab/apiserver/tables.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/table_cells.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>

namespace sluice::lab {

namespace {

std::vector<TableColumn> read_columns(std::string_view text) {
    std::vector<TableColumn> columns;
    for (auto name : split(text, ',')) {
        name = trimmed(name);
        TableColumn column;
        if (name.starts_with("w:")) {
            column.priority = 1;
            name.remove_prefix(2);
        }
        if (name.ends_with("(i)")) {
            column.type = "integer";
            name.remove_suffix(3);
        } else if (name.ends_with("(d)")) {
            column.type = "date";
            name.remove_suffix(3);
        }
        column.name = std::string(name);
        if (name == "Name") column.format = "name";
        columns.push_back(std::move(column));
    }
    return columns;
}

const TableRow* row_of(const Kind& kind) {
    for (const auto rows : {workload_tables(), cluster_tables()}) {
        for (const auto& row : rows) {
            if (row.group == kind.resource.group && row.plural == kind.resource.plural) return &row;
        }
    }
    return nullptr;
}

JsonArray name_and_age(const Json& object, Time now) {
    return {text_at(object, {"metadata", "name"}), age_of(object, now)};
}

std::string scalar_text(const Json& value) {
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_bool()) return value.get_bool() ? "true" : "false";
    if (value.is_double()) return go_number(value.get_double());
    return to_text(value);
}

Json cell_of(const Json* value, std::string_view type, Time now) {
    if (value == nullptr || value->is_null()) return nullptr;
    if (type == "integer") {
        if (value->is_int64() || value->is_uint64()) return *value;
        if (value->is_double() && std::abs(value->get_double()) < 9e18) {
            return static_cast<std::int64_t>(value->get_double());
        }
        return nullptr;
    }
    if (type == "number") return value->is_number() ? *value : Json(nullptr);
    if (type == "boolean") return value->is_bool() ? *value : Json(nullptr);
    if (type == "date") {
        const auto* text = value->if_string();
        const auto time = text == nullptr ? std::nullopt : parse_rfc3339(*text);
        return time ? Json(human_text(now - *time)) : Json("<invalid>");
    }
    return Json(scalar_text(*value));
}

Json row_object(const Json& object, IncludeObject include) {
    switch (include) {
        case IncludeObject::none:
            return nullptr;
        case IncludeObject::object:
            return object;
        case IncludeObject::metadata:
            break;
    }
    return partial_metadata_of(object);
}

}  // namespace

TableView::TableView(const Kind& kind, const KindVersion& version) {
    if (!kind.custom) {
        const auto* row = row_of(kind);
        columns_ = read_columns(row == nullptr ? "Name, Age" : row->columns);
        cells_ = row == nullptr ? name_and_age : row->cells;
        return;
    }
    columns_.push_back({"Name", "string", "name"});
    auto declared = version.columns;
    if (declared.empty())
        declared.push_back({"Age", "date", "", "", 0, ".metadata.creationTimestamp"});
    for (auto& column : declared) {
        auto description =
            column.description.empty()
                ? "Custom resource definition column (in JSONPath format): " + column.json_path
                : column.description;
        paths_.push_back(JsonPathQuery::parse(column.json_path));
        columns_.push_back(
            {column.name, column.type, column.format, std::move(description), column.priority});
    }
}

Json TableView::table(const std::vector<ObjectPtr>& objects,
                      Json metadata,
                      IncludeObject include,
                      Time now) const {
    JsonArray definitions;
    for (const auto& column : columns_) {
        definitions.push_back(JsonObject{{"name", column.name},
                                         {"type", column.type},
                                         {"format", column.format},
                                         {"description", column.description},
                                         {"priority", column.priority}});
    }
    JsonArray rows;
    rows.reserve(objects.size());
    for (const auto& object : objects) {
        JsonObject row{{"cells", cells(*object, now)}};
        if (include != IncludeObject::none) row["object"] = row_object(*object, include);
        rows.push_back(std::move(row));
    }
    return JsonObject{{"kind", "Table"},
                      {"apiVersion", "meta.k8s.io/v1"},
                      {"metadata", std::move(metadata)},
                      {"columnDefinitions", std::move(definitions)},
                      {"rows", std::move(rows)}};
}

JsonArray TableView::cells(const Json& object, Time now) const {
    return cells_ == nullptr ? custom_cells(object, now) : cells_(object, now);
}

JsonArray TableView::custom_cells(const Json& object, Time now) const {
    JsonArray cells{text_at(object, {"metadata", "name"})};
    for (std::size_t i = 0; i < paths_.size(); ++i) {
        const auto* value = paths_[i] ? paths_[i]->first(object) : nullptr;
        cells.push_back(cell_of(value, columns_[i + 1].type, now));
    }
    return cells;
}

Json partial_metadata_of(const Json& object) {
    const auto* metadata = find(object, {"metadata"});
    return JsonObject{{"kind", "PartialObjectMetadata"},
                      {"apiVersion", "meta.k8s.io/v1"},
                      {"metadata", metadata == nullptr ? Json(JsonObject{}) : *metadata}};
}

// What the cells of several kinds share.

std::string age_at(const Json& object, JsonPath path, Time now) {
    const auto time = parse_rfc3339(text_at(object, path));
    return time ? human_text(now - *time) : "<unknown>";
}

std::int64_t count_at(const Json& object, JsonPath path) {
    return integer_at(object, path).value_or(0);
}

std::string or_none(std::string text) {
    return text.empty() ? "<none>" : std::move(text);
}

std::string labels_text(const JsonObject& labels) {
    std::map<std::string, std::string> sorted;
    for (const auto& label : labels) {
        sorted[label.key()] =
            label.value().is_string() ? std::string(label.value().get_string()) : std::string();
    }
    std::vector<std::string> parts;
    for (const auto& [key, value] : sorted) {
        parts.push_back(key);
        parts.back().append("=").append(value);
    }
    return or_none(joined(parts, ","));
}

std::string selector_text(const Json& selector) {
    const auto parsed = label_selector_of(selector);
    return parsed ? or_none(to_string(*parsed)) : "<error>";
}

std::string containers_text(const Json& pod_spec, std::string_view field) {
    std::vector<std::string> parts;
    for (const auto& container : array_at(pod_spec, {"containers"})) {
        parts.emplace_back(text_at(container, {field}));
    }
    return joined(parts, ",");
}

std::string clipped_list(const std::vector<std::string>& parts, std::size_t shown) {
    if (parts.empty()) return "<none>";
    if (parts.size() <= shown) return joined(parts, ",");
    return fmt::format(
        "{} + {} more...",
        joined({parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(shown)}, ","),
        parts.size() - shown);
}

}  // namespace sluice::lab
