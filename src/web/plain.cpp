// The page for browsers without JavaScript: a list of the releases, and off loopback a form that
// asks for the token. The token comes with each look, in the form's body, and is kept nowhere: so
// there is no cookie that another site's page could use.
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/listing.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

constexpr std::size_t form_max = std::size_t{16} * 1024;

std::string html_text(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '&':
                escaped += "&amp;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

net::Response html_page(int status, std::string_view body) {
    net::Response response;
    response.status = status;
    response.headers.set("Content-Type", "text/html; charset=utf-8");
    put_safety(response.headers);
    response.headers.set("Content-Security-Policy",
                         "default-src 'none'; base-uri 'none'; form-action 'self'; "
                         "frame-ancestors 'none'");
    // Else the form would be sent with `Origin: null`, which is nobody's page.
    response.headers.set("Referrer-Policy", "same-origin");
    response.body = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>sluice</title>"
        "</head>\n<body><h1>Releases</h1>\n{}</body></html>\n",
        body);
    return response;
}

std::string form(const std::string& base, std::string_view button) {
    return fmt::format(
        "<form method=\"post\" action=\"{}/ui/plain\"><p><label>Token "
        "<input type=\"password\" name=\"token\" autocomplete=\"current-password\" "
        "required></label> <button>{}</button></p></form>\n",
        html_text(base),
        button);
}

// "token=…", as a form sends it; empty when there is none.
std::string token_in(std::string_view body) {
    for (const auto pair : split(body.substr(0, form_max), '&')) {
        constexpr std::string_view name = "token=";
        if (!pair.starts_with(name)) continue;
        const auto token = percent_decoded(pair.substr(name.size()), {.plus_is_blank = true});
        return std::string(trimmed(token));
    }
    return {};
}

}  // namespace

Task<net::Response> Dashboard::State::answer_plain(net::Request request,
                                                   Asked asked,
                                                   std::string id) {
    const bool is_form = request.method == "POST";
    if (is_form) {
        request.method = "GET";
        request.headers.erase("Authorization");
        if (const auto token = token_in(request.body); !token.empty()) {
            request.headers.set("Authorization", "Bearer " + token);
        }
        request.body.clear();
    }
    auto answer = co_await answer_api(std::move(request), std::move(asked), std::move(id));
    if (answer.status < 400) {
        if (is_form) {
            answer.body.insert(answer.body.find("</body>"), form(settings.base_path, "Look again"));
        }
        co_return answer;
    }
    const auto why = parse_json(answer.body);
    std::string body = fmt::format(
        "<p role=\"alert\">{}</p>\n",
        answer.status == 401 && !is_form
            ? "A token is needed."
            : html_text(why ? text_at(*why, {"error", "message"}) : std::string_view{}));
    if (answer.status == 401 || is_form) body += form(settings.base_path, "Show the releases");
    auto page = html_page(answer.status, body);
    // A browser would ask for it in a window of its own, where no token fits in.
    if (const auto later = answer.headers.get("Retry-After")) {
        page.headers.set("Retry-After", std::string(*later));
    }
    co_return page;
}

Task<net::Response> Dashboard::State::plain(SharedCall call) {
    co_await build_all();
    std::vector<std::pair<Place, Release*>> all;
    const auto keys = releases.keys();
    for (const auto& key : *keys) {
        if (!call->viewer.sees(key.ns)) continue;
        if (auto* release = releases.find(key)) all.emplace_back(place_of(*release), release);
    }
    std::ranges::sort(all, {}, &std::pair<Place, Release*>::first);
    std::string rows;
    for (const auto& [place, release] : all) {
        rows += fmt::format("<tr><td>{}</td><td>{}/{}</td><td>{}</td><td>{}</td></tr>\n",
                            to_string(release->severity),
                            html_text(release->ns),
                            html_text(release->name),
                            html_text(release->status),
                            html_text(text_at(Json(release->json), {"message"})));
    }
    co_return html_page(
        200,
        fmt::format(
            "<table><caption>{} releases, worst first, {}</caption>\n"
            "<thead><tr><th scope=\"col\">Severity</th><th scope=\"col\">Release</th>"
            "<th scope=\"col\">Status</th><th scope=\"col\">How it fares</th></tr></thead>\n"
            "<tbody>\n{}</tbody></table>",
            all.size(),
            rfc3339(outside.clock.now()),
            rows));
}

}  // namespace sluice::web
