#include "cli/table.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::size_t padding = 3;

std::string cell_text(const Json& cell) {
    if (cell.is_null()) return "";
    return cell.is_string() ? std::string(cell.get_string()) : to_text(cell);
}

std::string upper_case(std::string_view text) {
    std::string result(text);
    for (auto& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    return result;
}

// As many of the first columns as fit; all but all need room for the mark.
std::size_t fitting(const std::vector<std::size_t>& widths, std::size_t columns_max) {
    std::size_t total = 0;
    std::size_t with_mark = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        total += (i > 0 ? padding : 0) + widths[i];
        if (total + padding + 1 <= columns_max) with_mark = i + 1;
    }
    return total <= columns_max ? widths.size() : with_mark;
}

}  // namespace

std::vector<std::string> wide_table(const Json& table, std::size_t columns_max) {
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
    const auto shown = fitting(widths, columns_max);
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < std::min(row.size(), shown); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + padding, ' ');
        }
        if (shown < widths.size()) {
            if (lines.empty()) {
                line += "…";
            } else {
                line.erase(line.find_last_not_of(' ') + 1);
            }
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace sluice::cli
