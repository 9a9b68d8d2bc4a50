#include "web/tap.hpp"

#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::web {
namespace {

constexpr std::size_t rows_max = 2000;
constexpr std::size_t headers_max = 40;
constexpr std::size_t value_max = 200;
constexpr std::size_t text_max = 500;
constexpr Duration dropped_told = std::chrono::minutes{1};

// Of a header whose name has one of these, nobody is told the value.
constexpr std::array secret_words{
    "authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "credential"};

bool is_secret(std::string_view name) {
    const auto lower = lower_case(name);
    return std::ranges::any_of(
        secret_words, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// Bytes of a request are anybody's: what is no text is told as such.
std::string shown(std::string_view text, std::size_t most) {
    if (!is_utf8(text)) return "(no text)";
    if (text.size() <= most) return std::string(text);
    auto end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "…";
}

bool is_code(std::string_view code) {
    if (code.empty()) return true;
    if (code.size() == 3 && code.ends_with("xx")) return code[0] >= '1' && code[0] <= '5';
    return code.size() <= 3 &&
           std::ranges::all_of(code, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_code(int code, std::string_view wanted) {
    if (wanted.ends_with("xx")) return code / 100 == wanted[0] - '0';
    return parse_integer(wanted) == code;
}

bool has_header(const JsonArray& headers, std::string_view name, std::string_view value) {
    return std::ranges::any_of(headers, [&](const Json& header) {
        const auto& pair = header.as_array();
        const std::string_view known = pair.at(0).as_string();
        const std::string_view holds = pair.at(1).as_string();
        return equals_ignoring_case(known, name) && holds.find(value) != std::string_view::npos;
    });
}

}  // namespace

Result<TapFilter> TapFilter::read(const Asked& asked) {
    TapFilter filter;
    const auto namespaces = asked.namespaces();
    if (!namespaces) return namespaces.error();
    filter.namespaces = *namespaces;
    struct Wanted {
        std::string_view name;
        std::size_t length;
        std::string TapFilter::* member;
    };
    for (const auto& one : {Wanted{"workload", 253, &TapFilter::workload},
                            Wanted{"code", 3, &TapFilter::code},
                            Wanted{"path", 200, &TapFilter::path},
                            Wanted{"method", 20, &TapFilter::method}}) {
        const auto text = asked.text(one.name, one.length);
        if (!text) return text.error();
        filter.*one.member = *text;
    }
    const auto direction = asked.words("dir", {"in", "out"}, 3);
    if (!direction) return direction.error();
    if (!direction->empty()) filter.direction = direction->front();
    const auto header = asked.text("header", 300);
    if (!header) return header.error();
    const auto colon = header->find(':');
    filter.header = trimmed(header->substr(0, colon));
    if (colon != std::string::npos) filter.value = trimmed(header->substr(colon + 1));
    if (filter.header.empty() && colon != std::string::npos) {
        return Error{ErrorKind::invalid, "parameter header: there is no name before the colon"};
    }
    if (!filter.value.empty() && is_secret(filter.header)) {
        return Error{ErrorKind::invalid,
                     fmt::format("parameter header: the value of \"{}\" is told to nobody, so only "
                                 "its name can be asked for",
                                 filter.header)};
    }
    if (!is_code(filter.code)) {
        return Error{ErrorKind::invalid,
                     fmt::format("parameter code: \"{}\" is no code and no class", filter.code)};
    }
    return filter;
}

bool TapFilter::is_meant(const TapRow& row, const JsonArray& headers) const {
    const auto is_side = [&](const std::string& whose, const std::string& ns) {
        return !ns.empty() && (namespaces.empty() || namespaces.contains(ns)) &&
               whose.find(workload) != std::string::npos;
    };
    if (direction == "in" && !is_side(row.destination, row.destination_ns)) return false;
    if (direction == "out" && !is_side(row.source, row.source_ns)) return false;
    if (!namespaces.empty() && !namespaces.contains(row.source_ns) &&
        !namespaces.contains(row.destination_ns)) {
        return false;
    }
    if (!workload.empty() && row.source.find(workload) == std::string::npos &&
        row.destination.find(workload) == std::string::npos) {
        return false;
    }
    if (!code.empty() && !has_code(row.code, code)) return false;
    if (!path.empty() && row.path.find(path) == std::string::npos) return false;
    if (!header.empty() && !has_header(headers, header, value)) return false;
    return method.empty() || equals_ignoring_case(method, row.method);
}

std::string TapFilter::text() const {
    auto text = joined({workload, code, path, method, direction, header, value}, "\n");
    for (const auto& ns : namespaces) text += "\n" + ns;
    return text;
}

std::size_t TapRows::add(TapSource::Taken taken, Time now) {
    if (taken.dropped > 0) dropped_.emplace_back(now, taken.dropped);
    while (!dropped_.empty() && dropped_.front().first + dropped_told <= now) dropped_.pop_front();
    const auto count = std::min(taken.rows.size(), rows_max);
    for (auto& row : taken.rows) {
        auto json = json_of(row, std::to_string(++number_));
        const auto id = std::ranges::find_if(row.headers, [](const auto& header) {
            return equals_ignoring_case(header.first, "x-request-id");
        });
        auto request_id = id == row.headers.end() ? std::string() : std::move(id->second);
        row.headers.clear();
        rows_.push_back({std::move(row), std::move(json), std::move(request_id)});
    }
    while (rows_.size() > rows_max) rows_.pop_front();
    return count;
}

const TapRow* TapRows::find(std::string_view request_id) const {
    const auto found = std::ranges::find(rows_, request_id, &Kept::request_id);
    return found == rows_.end() ? nullptr : &found->row;
}

void TapRows::forget() {
    rows_.clear();
    dropped_.clear();
}

std::uint64_t TapRows::dropped(Time now) const {
    std::uint64_t sum = 0;
    for (const auto& [at, count] : dropped_) {
        if (at + dropped_told > now) sum += count;
    }
    return sum;
}

JsonArray headers_json(const std::vector<std::pair<std::string, std::string>>& headers) {
    JsonArray all;
    for (const auto& [name, value] : headers) {
        if (all.size() >= headers_max) break;
        all.push_back(
            JsonArray{shown(name, value_max), is_secret(name) ? "•••" : shown(value, value_max)});
    }
    return all;
}

JsonObject json_of(const TapRow& row, std::string id) {
    return {{"id", std::move(id)},
            {"t", time_json(row.came)},
            {"src", row.source},
            {"dst", row.destination},
            {"pod", text_json(row.pod)},
            {"svc", shown(row.service, text_max)},
            {"method", shown(row.method, text_max)},
            {"authority", shown(row.authority, text_max)},
            {"path", shown(row.path, text_max)},
            {"code", row.code},
            {"flags", row.flags},
            {"ms", row.milliseconds},
            {"up", optional_json(row.upstream_milliseconds)},
            {"attempt", row.tries},
            {"route", text_json(row.route)},
            {"in", row.request_bytes},
            {"out", row.response_bytes},
            {"headers", headers_json(row.headers)}};
}

}  // namespace sluice::web
