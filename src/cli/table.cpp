#include "cli/table.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::cli {
namespace {

std::string cell_text(const Json& cell) {
    if (cell.is_null()) return "";
    return cell.is_string() ? std::string(cell.get_string()) : to_text(cell);
}

std::string upper_case(std::string_view text) {
    std::string result(text);
    for (auto& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    return result;
}

}  // namespace

std::vector<std::string> wide_table(const Json& table) {
    std::vector<std::vector<std::string>> rows(1);
    for (const auto& column : array_at(table, {"columnDefinitions"}))
        rows[0].push_back(upper_case(text_at(column, {"name"})));
    for (const auto& row : array_at(table, {"rows"})) {
        auto& cells = rows.emplace_back();
        for (const auto& cell : array_at(row, {"cells"})) cells.push_back(cell_text(cell));
    }
    std::vector<std::size_t> widths(rows[0].size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 3, ' ');
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace sluice::cli
