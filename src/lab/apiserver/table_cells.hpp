// The columns and cells of each built-in kind.
#pragma once

#include "lab/apiserver/tables.hpp"

#include <span>
#include <string_view>

namespace sluice::lab {

struct TableRow {
    std::string_view group;
    std::string_view plural;
    // Names joined by ", "; "w:" in front is shown by -o wide only, "(i)" behind is an integer and
    // "(d)" a date.
    std::string_view columns;
    TableCells cells;
};

// Pods and what runs them.
std::span<const TableRow> workload_tables();
// Services and what leads to them, nodes, configuration, events.
std::span<const TableRow> cluster_tables();

// The age of the time at that path; "<unknown>" when there is none.
std::string age_at(const Json& object, JsonPath path, Time now);
inline std::string age_of(const Json& object, Time now) {
    return age_at(object, {"metadata", "creationTimestamp"}, now);
}
// A whole number, 0 when missing.
std::int64_t count_at(const Json& object, JsonPath path);
// "a=1,b=2", or "<none>".
std::string labels_text(const JsonObject& labels);
// The selector of a workload; matchExpressions included.
std::string selector_text(const Json& selector);
// A comma-joined list of one text of each container.
std::string containers_text(const Json& pod_spec, std::string_view field);
// "<none>" when empty.
std::string or_none(std::string text);
// At most `shown` parts, then " + N more...".
std::string clipped_list(const std::vector<std::string>& parts, std::size_t shown);

}  // namespace sluice::lab
