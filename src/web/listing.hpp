// Lists: which releases are meant, in which order, and page by page. A page's end is a place in the
// order and not the list, so what changes in between may come twice or not at all.
#pragma once

#include "web/asked.hpp"
#include "web/release.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct ReleaseFilter {
    std::set<std::string> namespaces;  // empty: all
    bool canaries = true;              // kind
    std::set<std::string> severities, statuses;
    std::vector<std::string> words;  // lower case; every one must be found
    bool attention = false;

    static Result<ReleaseFilter> read(const Asked& asked);
};
bool is_meant(const Release& release, const ReleaseFilter& filter);

// Worst first, within a severity the oldest first, of what goes well the newest.
struct Place {
    int severity = 0;
    std::int64_t since = 0;
    std::string ns, name;

    auto operator<=>(const Place&) const = default;
};
Place place_of(const Release& release);
std::string token_of(const Place& place);

struct PageAsked {
    std::size_t limit = 500;
    std::optional<std::string> after;  // what the token says; nothing: from the start
};
// `invalid` for a limit out of bounds, `bad_answer` for a token that is none of ours.
Result<PageAsked> page_of(const Asked& asked);
Result<std::optional<Place>> place_after(const PageAsked& page);
// For lists that are ordered by one text.
std::string token_of(std::string_view text);

}  // namespace sluice::web
