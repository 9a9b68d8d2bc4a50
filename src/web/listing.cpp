#include "web/listing.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

constexpr std::size_t token_max = 500;
constexpr std::size_t text_max = 200;

const std::set<std::string> all_severities{"failure", "warning", "waiting", "progress", "ok"};

Error bad_token() {
    return {ErrorKind::bad_answer, "parameter continue: not a token of this list"};
}

}  // namespace

Result<ReleaseFilter> ReleaseFilter::read(const Asked& asked) {
    ReleaseFilter filter;
    const auto namespaces = asked.namespaces();
    if (!namespaces) return namespaces.error();
    filter.namespaces = *namespaces;
    const auto kind = asked.words("kind", {"canary", "rollout"}, text_max);
    if (!kind) return kind.error();
    filter.canaries = kind->empty() || std::ranges::find(*kind, "canary") != kind->end();
    const auto severity = asked.words("severity", all_severities, text_max);
    if (!severity) return severity.error();
    filter.severities = {severity->begin(), severity->end()};
    const auto status = asked.words("status", {}, text_max);
    if (!status) return status.error();
    filter.statuses = {status->begin(), status->end()};
    const auto q = asked.text("q", text_max);
    if (!q) return q.error();
    filter.words = split_list(lower_case(*q), ' ');
    const auto attention = asked.number("attention", {0, 1});
    if (!attention) return attention.error();
    filter.attention = attention->value_or(0) == 1;
    return filter;
}

bool is_meant(const Release& release, const ReleaseFilter& filter) {
    if (!filter.canaries) return false;
    if (!filter.namespaces.empty() && !filter.namespaces.contains(release.ns)) return false;
    if (!filter.severities.empty() &&
        !filter.severities.contains(std::string(to_string(release.severity)))) {
        return false;
    }
    if (!filter.statuses.empty() && !filter.statuses.contains(release.status)) return false;
    if (filter.attention && !release.has_attention) return false;
    return std::ranges::all_of(filter.words, [&](const std::string& word) {
        return release.haystack.find(word) != std::string::npos;
    });
}

Place place_of(const Release& release) {
    const auto since = release.since.time_since_epoch().count();
    return {.severity = static_cast<int>(release.severity),
            .since = release.severity == Severity::ok ? -since : since,
            .ns = release.ns,
            .name = release.name};
}

std::string token_of(const Place& place) {
    return token_of(fmt::format("{} {} {} {}", place.severity, place.since, place.ns, place.name));
}

std::string token_of(std::string_view text) {
    return base64(fmt::format("v1 {}", text));
}

Result<PageAsked> page_of(const Asked& asked) {
    PageAsked page;
    const auto limit = asked.number("limit", {1, 1000});
    if (!limit) return limit.error();
    page.limit = static_cast<std::size_t>(limit->value_or(500));
    const auto token = asked.text("continue", token_max);
    if (!token) return bad_token();
    if (token->empty()) return page;
    // A '+' of base64 comes as a blank where it was not escaped.
    auto escaped = *token;
    std::ranges::replace(escaped, ' ', '+');
    const auto text = from_base64(escaped);
    if (!text || !text->starts_with("v1 ")) return bad_token();
    page.after = text->substr(3);
    return page;
}

Result<std::optional<Place>> place_after(const PageAsked& page) {
    if (!page.after) return std::optional<Place>{};
    const auto parts = split(*page.after, ' ');
    if (parts.size() != 4) return bad_token();
    const auto severity = parse_integer(parts[0]);
    const auto since = parse_integer(parts[1]);
    if (!severity || !since || *severity < 0 || *severity > 4) return bad_token();
    return std::optional(Place{.severity = static_cast<int>(*severity),
                               .since = *since,
                               .ns = std::string(parts[2]),
                               .name = std::string(parts[3])});
}

}  // namespace sluice::web
