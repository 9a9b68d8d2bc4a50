// A request as the dashboard reads it: the path's parts and the parameters, within their bounds.
#pragma once

#include "base/core/result.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct Range {
    std::int64_t min = 0;
    std::int64_t max = 0;
};

class Asked {
   public:
    // `invalid` for a target that is no path, or whose escapes are no UTF-8.
    static Result<Asked> read(std::string_view target);

    // Percent-encoded slashes stay within their part.
    const std::vector<std::string>& path() const { return path_; }
    const std::string& path_text() const { return path_text_; }  // as on the wire, without a query

    // Each is `invalid` with a line that names the parameter when it is out of its bounds.
    Result<std::optional<std::int64_t>> number(std::string_view name, Range range) const;
    Result<std::string> text(std::string_view name, std::size_t length_max) const;
    // Comma-separated; every word must be one of these where there are any.
    Result<std::vector<std::string>> words(std::string_view name,
                                           const std::set<std::string>& known,
                                           std::size_t length_max) const;
    // `ns`: empty is all.
    Result<std::set<std::string>> namespaces() const;
    // As it came, before its commas' neighbours are decoded; empty when it is missing.
    std::string_view raw(std::string_view name) const;

   private:
    std::vector<std::string> path_;
    std::string path_text_;
    std::map<std::string, std::string, std::less<>> raw_;  // the first of each name
};

}  // namespace sluice::web
