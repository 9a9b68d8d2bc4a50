#include "web/dashboard.hpp"

#include "base/core/sha256.hpp"
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/listing.hpp"
#include "web/nullable.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

const std::vector<std::string> api_path{"api", "ui", "v1"};
const std::vector<std::string> plain_path{"ui", "plain"};
// Who waits for the first overview of a large cluster waits no longer for lint than this: what is
// found later its stream tells.
constexpr Duration findings_patience = std::chrono::milliseconds{300};

Refusal not_found(std::string message) {
    return {.status = 404, .code = "not_found", .message = std::move(message)};
}

Refusal bad_method(std::string allowed) {
    return {.status = 405,
            .code = "bad_method",
            .message = "this answers " + allowed + " only",
            .headers = {{"Allow", allowed}}};
}

bool is_read(const net::Request& request) {
    return request.method == "GET" || request.method == "HEAD";
}

// While one lives, what is known of the cluster is not forgotten.
class Answering {
   public:
    explicit Answering(std::size_t& count) : count_(count) { ++count_; }
    Answering(const Answering&) = delete;
    Answering& operator=(const Answering&) = delete;
    ~Answering() { --count_; }

   private:
    std::size_t& count_;
};

}  // namespace

Refusal refusal_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::denied:
            return {.status = 403, .code = "forbidden", .message = error.message};
        case ErrorKind::unauthorized:
            return {.status = 401,
                    .code = "token_needed",
                    .message = error.message,
                    .headers = {{"WWW-Authenticate", "Bearer"}}};
        case ErrorKind::not_found:
            return not_found(error.message);
        case ErrorKind::timed_out:
            return {.status = 504, .code = "api_server_timeout", .message = error.message};
        case ErrorKind::already_exists:
        case ErrorKind::conflict:
        case ErrorKind::gone:
        case ErrorKind::invalid:
        case ErrorKind::too_many:
        case ErrorKind::unsupported:
        case ErrorKind::unavailable:
        case ErrorKind::unreachable:
        case ErrorKind::bad_answer:
        case ErrorKind::too_large:
        case ErrorKind::cancelled:
        case ErrorKind::unsettled:
            break;
    }
    return {.status = 503,
            .code = "api_server_away",
            .message = error.message,
            .headers = {{"Retry-After", "1"}}};
}

Refusal bad_request(const Error& error) {
    // What Asked and the lists say no by.
    return {.status = 400,
            .code = error.kind == ErrorKind::bad_answer ? "bad_continue" : "bad_request",
            .message = error.message};
}

JsonObject deleted_json(const kube::ObjectKey& key, const Deleted& deleted) {
    return {{"kind", "Canary"},
            {"namespace", key.ns},
            {"name", key.name},
            {"uid", deleted.uid},
            {"at", time_json(deleted.at)}};
}

// --- who and what -------------------------------------------------------------------------------

Task<net::Response> Dashboard::State::handle(net::Request request) {
    auto id = fmt::format("{:08x}", outside.random.next() & 0xffffffffU);
    const auto what = fmt::format("{} {}", request.method, request.target.substr(0, 200));
    auto response = co_await answer(std::move(request), id);
    if (response.status >= 500) {
        outside.log.warn(fmt::format("dashboard: {} answered {}", what, response.status),
                         {{"request", id}});
    }
    co_return response;
}

Task<net::Response> Dashboard::State::answer(net::Request request, std::string id) {
    if (const auto no = objection_to_host(request, settings)) co_return refused(*no, id);
    auto asked = Asked::read(request.target);
    if (!asked) co_return refused(bad_request(asked.error()), id);
    if (auto elsewhere = redirect(*asked)) co_return *std::move(elsewhere);

    std::string_view path = asked->path_text();
    if (path.starts_with(settings.base_path)) path.remove_prefix(settings.base_path.size());
    if (path.starts_with("/api/ui/")) {
        co_return co_await answer_api(std::move(request), *std::move(asked), id);
    }
    if (path == "/ui/plain") {
        co_return co_await answer_plain(std::move(request), *std::move(asked), id);
    }
    if (path.starts_with("/ui/")) {
        if (!is_read(request)) co_return refused(bad_method("GET, HEAD"), id);
        auto page = assets.answer(request, path.substr(4));
        if (page) co_return *std::move(page);
        co_return refused(not_found("this binary was built without the page; its API is at " +
                                    settings.base_path + "/api/ui/v1"),
                          id);
    }
    co_return refused(not_found("nothing is here; the page is at " + settings.base_path + "/ui/"),
                      id);
}

// From where people come to where the page is. The peer's dashboard is found under /rollouts.
std::optional<net::Response> Dashboard::State::redirect(const Asked& asked) const {
    const auto& base = settings.base_path;
    std::string_view path = asked.path_text();
    const auto to = [](const std::string& location) {
        net::Response response;
        response.status = 302;
        response.headers.set("Location", location);
        put_safety(response.headers);
        return response;
    };
    if (path == "/" || path == base || path == base + "/" || path == base + "/ui") {
        return to(base + "/ui/");
    }
    if (!path.starts_with(base + "/rollouts")) return std::nullopt;
    const auto rest = path.substr(base.size() + 9);
    if (!rest.empty() && rest.front() != '/') return std::nullopt;
    std::vector<std::string> parts;
    for (const auto part : split(rest, '/')) {
        if (!part.empty()) parts.emplace_back(percent_decoded(part));
    }
    const auto list = base + "/ui/releases?kind=rollout";
    if (!parts.empty() && parts.front() == "api") return std::nullopt;
    if (parts.empty()) return to(list);
    if (parts.front() != "rollout") return to(list + "&ns=" + percent_encoded(parts.front()));
    if (parts.size() == 2) return to(list + "&q=" + percent_encoded(parts[1]));
    if (parts.size() == 3) {
        return to(fmt::format("{}/ui/releases/rollout/{}/{}",
                              base,
                              percent_encoded(parts[1]),
                              percent_encoded(parts[2])));
    }
    return to(list);
}

std::string Dashboard::State::csrf_of(const std::string& token) const {
    return sha256_hex(secret + "\n" + token).substr(0, 32);
}

Task<net::Response> Dashboard::State::answer_api(net::Request request,
                                                 Asked asked,
                                                 std::string id) {
    if (const auto no = objection_to_origin(request)) co_return refused(*no, id);
    const Answering now(answering);
    auto call = std::make_shared<Call>();
    call->request = std::move(request);
    call->asked = std::move(asked);
    call->id = std::move(id);
    if (const auto no = co_await admit(call)) co_return refused(*no, call->id);
    co_return co_await route(call);
}

// As whom the request is answered.
Task<std::optional<Refusal>> Dashboard::State::admit(SharedCall call) {
    switch (caller_of(call->request, settings)) {
        case Caller::nobody:
            co_return Refusal{.status = 401,
                              .code = "token_needed",
                              .message = "a token is needed: Authorization: Bearer …",
                              .headers = {{"WWW-Authenticate", "Bearer"}}};
        case Caller::process:
            call->person = people.process();
            break;
        case Caller::person: {
            const auto person = co_await people.find(bearer_of(call->request));
            if (!person && person.error().kind == ErrorKind::too_many) {
                co_return Refusal{.status = 429,
                                  .code = "too_many_tokens",
                                  .message = person.error().message,
                                  .headers = {{"Retry-After", "1"}}};
            }
            if (!person) co_return refusal_of(person.error());
            call->person = *person;
            break;
        }
    }
    co_return std::nullopt;
}

// Those that the request names come first: not all may be asked about.
std::vector<std::string> Dashboard::State::namespaces_first(const Call& call) const {
    const auto named = call.asked.namespaces();
    std::vector<std::string> first, others;
    for (const auto& ns : releases.namespaces()) {
        const bool is_named =
            (named && named->contains(ns)) || std::ranges::find(call.path, ns) != call.path.end();
        (is_named ? first : others).push_back(ns);
    }
    first.insert(first.end(), others.begin(), others.end());
    return first;
}

namespace {

// Below /api/ui/v1, or the plain page's; nothing for what is neither.
std::optional<std::vector<std::string>> api_path_of(const Asked& asked, const Settings& settings) {
    auto path = asked.path();
    const auto& base = settings.base_path;
    const auto base_parts = std::min(
        base.empty() ? std::size_t{0} : static_cast<std::size_t>(std::ranges::count(base, '/')),
        path.size());
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(base_parts));
    if (path == plain_path) return path;
    if (path.size() < 4 || !std::equal(api_path.begin(), api_path.end(), path.begin())) {
        return std::nullopt;
    }
    path.erase(path.begin(), path.begin() + 3);
    return path;
}

}  // namespace

Dashboard::State::Errand Dashboard::State::errand_of(const std::vector<std::string>& path) {
    Errand errand;
    errand.is_plain = path == plain_path;
    errand.is_action = path.size() == 6 && path[0] == "releases" && path[4] == "actions";
    if (errand.is_action) errand.methods = {"POST"};
    if (path.size() < 2 || path[0] != "lab") return errand;
    const auto& what = path[1];
    if (path.size() == 2 && (what == "load" || what == "try")) errand.methods = {"POST"};
    if (path.size() == 3 && what == "load") errand.methods = {"DELETE"};
    if (path.size() == 4 && what == "faults") errand.methods = {"PUT", "DELETE"};
    if (path.size() == 4 && what == "crash") errand.methods = {"POST"};
    errand.is_trial = !errand.methods.empty();
    return errand;
}

std::optional<Refusal> Dashboard::State::objection_to(const Call& call,
                                                      const Errand& errand) const {
    if (errand.methods.empty()) {
        if (is_read(call.request)) return std::nullopt;
        return bad_method("GET, HEAD");
    }
    if (std::ranges::find(errand.methods, call.request.method) == errand.methods.end()) {
        return bad_method(joined(errand.methods, ", "));
    }
    return objection_to_write(call.request, settings, csrf_of(bearer_of(call.request)));
}

Task<std::optional<Refusal>> Dashboard::State::see(SharedCall call) {
    if (auto no = co_await look()) co_return no;
    call->viewer = co_await people.view(
        call->person, namespaces_first(*call), why_read_only(settings).empty());
    if (!call->viewer.is_whole && !call->viewer.sees_all && call->viewer.namespaces.empty()) {
        co_return Refusal{.status = 503,
                          .code = "api_server_away",
                          .message = "the API server does not say what you may see",
                          .headers = {{"Retry-After", "1"}}};
    }
    if (!call->viewer.sees_all) validations.tell_apart();
    co_return std::nullopt;
}

Task<net::Response> Dashboard::State::route(SharedCall call) {
    const auto path = api_path_of(call->asked, settings);
    if (!path) co_return refused(not_found("no such path"), call->id);
    call->path = *path;
    const auto errand = errand_of(call->path);
    if (const auto no = objection_to(*call, errand)) co_return refused(*no, call->id);
    if (const auto no = co_await see(call)) co_return refused(*no, call->id);
    if (errand.is_plain) co_return co_await plain(call);
    co_return co_await answer_path(call, errand);
}

Task<net::Response> Dashboard::State::answer_path(SharedCall call, Errand errand) {
    using Answer = Task<net::Response> (State::*)(SharedCall);
    static const std::map<std::string_view, Answer> lists{{"session", &State::session},
                                                          {"overview", &State::overview},
                                                          {"releases", &State::list_releases},
                                                          {"events", &State::events},
                                                          {"validations", &State::list_validations},
                                                          {"stream", &State::stream},
                                                          {"topology", &State::topology},
                                                          {"gateways", &State::list_gateways},
                                                          {"workloads", &State::list_inventory},
                                                          {"services", &State::list_inventory},
                                                          {"mesh", &State::show_mesh},
                                                          {"queries", &State::show_queries},
                                                          {"tap", &State::show_tap},
                                                          {"lab", &State::lab}};
    const auto& path = call->path;
    const auto& first = path.front();
    const auto list = lists.find(first);
    if (path.size() == 1 && list != lists.end()) co_return co_await (this->*list->second)(call);
    const bool is_log = first == "lab" && path.size() == 4 && path[1] == "logs";
    if (errand.is_trial || is_log) co_return co_await lab(call);
    if ((first == "workloads" && path.size() == 4) || (first == "services" && path.size() == 3)) {
        co_return co_await one_of_inventory(call);
    }
    if (first == "gateways" && path.size() == 3) co_return co_await one_gateway(call);
    if (first == "metrics" && path.size() == 3) co_return co_await node_metrics(call);
    if (first == "objects" && path.size() == 5) co_return co_await show_object(call);
    if (first == "releases" && path.size() >= 4) co_return co_await answer_release(call, errand);
    co_return refused(not_found("no such path"), call->id);
}

Task<net::Response> Dashboard::State::answer_release(SharedCall call, Errand errand) {
    const auto& path = call->path;
    if (path[1] == "rollout") {
        co_return refused(
            {.status = 404, .code = "not_built", .message = "Rollouts are not built yet"},
            call->id);
    }
    const kube::ObjectKey key{path[2], path[3]};
    if (path[1] != "canary" || key.ns.empty() || key.name.empty()) {
        co_return refused(not_found("no such path"), call->id);
    }
    if (!call->viewer.sees(key.ns)) {
        co_return refused({.status = 403,
                           .code = "forbidden",
                           .message = "You may not list canaries in namespace " + key.ns},
                          call->id);
    }
    if (errand.is_action) co_return co_await act(call, key, path[5]);
    if (path.size() == 4) co_return co_await release(call, key);
    if (path.size() == 5 && path[4] == "metrics") co_return co_await compare(call, key);
    if (path.size() == 5 && path[4] == "images") co_return co_await show_images(call, key);
    if (path.size() == 5 && path[4] == "yaml") co_return co_await show_manifest(call, key);
    co_return refused(not_found("no such path"), call->id);
}

// --- answers ------------------------------------------------------------------------------------

Task<net::Response> Dashboard::State::session(SharedCall call) {
    std::set<std::string> namespaces;
    if (known->is_known(resources::namespaces) && call->viewer.sees_all) {
        for (const auto& key : known->find(resources::namespaces)->keys()) {
            namespaces.insert(key.name);
        }
    } else {
        for (const auto& ns : releases.namespaces()) {
            if (call->viewer.sees(ns)) namespaces.insert(ns);
        }
    }
    JsonArray names;
    for (const auto& ns : namespaces) names.emplace_back(ns);
    const auto why = why_read_only(settings);
    JsonArray windows;
    for (const int window : {10, 30, 60, 300, 900, 3600, 21600, 86400}) {
        if (window > 10 || settings.lab) windows.emplace_back(window);
    }
    const auto leading = settings.leading ? settings.leading() : std::nullopt;
    co_return told(
        call->request,
        outside.clock.now(),
        JsonObject{{"version", settings.version},
                   {"lab", settings.lab},
                   {"user", text_json(call->person->name)},
                   {"readOnly", !why.empty()},
                   {"readOnlyWhy", text_json(why)},
                   {"csrf", csrf_of(bearer_of(call->request))},
                   {"namespaces", std::move(names)},
                   {"controller",
                    JsonObject{{"name", settings.controller}, {"leading", optional_json(leading)}}},
                   {"windows", std::move(windows)}});
}

Task<net::Response> Dashboard::State::overview(SharedCall call) {
    const auto namespaces = call->asked.namespaces();
    if (!namespaces) co_return refused(bad_request(namespaces.error()), call->id);
    co_await build_all();
    co_await measure();
    co_await look_for_findings(findings_patience);
    co_await build_all();
    co_return told(call->request,
                   outside.clock.now(),
                   overview_of(call->viewer, seen_namespaces(call->viewer, *namespaces)));
}

Task<net::Response> Dashboard::State::list_releases(SharedCall call) {
    auto filter = ReleaseFilter::read(call->asked);
    if (!filter) co_return refused(bad_request(filter.error()), call->id);
    const auto page = page_of(call->asked);
    if (!page) co_return refused(bad_request(page.error()), call->id);
    const auto after = place_after(*page);
    if (!after) co_return refused(bad_request(after.error()), call->id);
    filter->namespaces = seen_namespaces(call->viewer, filter->namespaces);
    co_await build_all();
    co_await measure();
    co_await build_all();

    std::vector<std::pair<Place, Release*>> meant;
    const auto keys = releases.keys();
    for (const auto& key : *keys) {
        auto* release = releases.find(key);
        if (release != nullptr && is_meant(*release, *filter)) {
            meant.emplace_back(place_of(*release), release);
        }
    }
    std::ranges::sort(meant, {}, &std::pair<Place, Release*>::first);
    std::string items;
    std::optional<Place> last;
    bool has_more = false;
    std::size_t count = 0;
    for (const auto& [place, release] : meant) {
        if (*after && place <= **after) continue;
        if (count == page->limit) {
            has_more = true;
            break;
        }
        if (count++ > 0) items += ',';
        items += text_for(*release, call->viewer.verbs(release->ns));
        last = place;
    }
    const Json token = has_more ? Json(token_of(*last)) : Json(nullptr);
    co_return told_text(call->request,
                        outside.clock.now(),
                        fmt::format(R"({{"continue":{},"total":{},"problems":{},"items":[{}]}})",
                                    to_text(token),
                                    meant.size(),
                                    to_text(problems_json(problems(call->viewer))),
                                    items));
}

Refusal Dashboard::State::gone(const kube::ObjectKey& key) const {
    auto refusal = not_found(fmt::format("Canary {} does not exist", to_string(key)));
    if (const auto deleted = releases.deleted(key)) {
        refusal.message = fmt::format("Canary {} was deleted", to_string(key));
        refusal.more["deletedAt"] = time_json(deleted->at);
    }
    return refusal;
}

Task<net::Response> Dashboard::State::release(SharedCall call, kube::ObjectKey key) {
    if (releases.find(key) != nullptr) {
        co_await measure();
        co_await look_for_findings();
    }
    auto json = releases.detailed(key);
    if (!json) {
        co_return refused(gone(key), call->id);
    }
    keep_verbs(*json, call->viewer.verbs(key.ns));
    leave_out(*json, call->viewer.left_out(key.ns));
    co_return told(call->request, outside.clock.now(), *std::move(json));
}

Task<net::Response> Dashboard::State::events(SharedCall call) {
    const auto namespaces = call->asked.namespaces();
    if (!namespaces) co_return refused(bad_request(namespaces.error()), call->id);
    const auto page = page_of(call->asked);
    if (!page) co_return refused(bad_request(page.error()), call->id);
    const auto type = call->asked.words("type", {"Normal", "Warning"}, 20);
    if (!type) co_return refused(bad_request(type.error()), call->id);
    std::size_t from = 0;
    auto all = recent.last(event_namespaces(call->viewer, *namespaces), 1000);
    if (!type->empty()) {
        std::erase_if(all, [&](const auto* one) {
            return one->json.at("type").as_string() != type->front();
        });
    }
    const auto place = [](const RecentEvents::One& one) {
        return fmt::format("{} {}", one.place.at.time_since_epoch().count(), to_string(one.key));
    };
    if (page->after) {
        const auto found =
            std::ranges::find_if(all, [&](const auto* one) { return place(*one) == *page->after; });
        from = static_cast<std::size_t>(found - all.begin()) + 1;
        if (found == all.end()) {
            // It is no longer kept: what is as old, or older, follows.
            const auto at = parse_integer(page->after->substr(0, page->after->find(' ')));
            const auto next = std::ranges::find_if(all, [&](const auto* one) {
                return at && one->place.at.time_since_epoch().count() <= *at;
            });
            from = static_cast<std::size_t>(next - all.begin());
        }
    }
    JsonArray items;
    std::size_t at = from;
    for (; at < all.size() && items.size() < page->limit; ++at) items.push_back(all[at]->json);
    const Json token =
        at < all.size() && at > 0 ? Json(token_of(place(*all[at - 1]))) : Json(nullptr);
    co_return told(call->request,
                   outside.clock.now(),
                   JsonObject{{"items", std::move(items)},
                              {"continue", token},
                              {"total", all.size()},
                              {"problems", problems_json(problems(call->viewer))}});
}

Task<net::Response> Dashboard::State::list_validations(SharedCall call) {
    const auto namespaces = call->asked.namespaces();
    if (!namespaces) co_return refused(bad_request(namespaces.error()), call->id);
    const auto page = page_of(call->asked);
    if (!page) co_return refused(bad_request(page.error()), call->id);
    const auto levels = call->asked.words("level", {"error", "warning", "info"}, 60);
    if (!levels) co_return refused(bad_request(levels.error()), call->id);
    const auto code = call->asked.text("code", 40);
    if (!code) co_return refused(bad_request(code.error()), call->id);
    co_await look_for_findings();

    const auto seen = findings_of(call->viewer, seen_namespaces(call->viewer, *namespaces));
    std::vector<const Validation*> meant;
    for (const auto* one : validations.all(seen)) {
        const std::string level(to_string(one->finding.level));
        if (!levels->empty() && std::ranges::find(*levels, level) == levels->end()) continue;
        if (!code->empty() && one->finding.code != *code) continue;
        meant.push_back(one);
    }
    const auto place = [](const Validation& one) {
        return fmt::format("{} {} {} {} {}",
                           static_cast<int>(one.finding.level),
                           to_string(one.object),
                           one.finding.field,
                           one.id,
                           one.finding.code);
    };
    std::size_t from = 0;
    if (page->after) {
        const auto found = std::ranges::find_if(
            meant, [&](const auto* one) { return place(*one) == *page->after; });
        from = static_cast<std::size_t>(found - meant.begin()) + 1;
        if (found == meant.end()) {
            const auto next = std::ranges::find_if(
                meant, [&](const auto* one) { return place(*one) > *page->after; });
            from = static_cast<std::size_t>(next - meant.begin());
        }
    }
    JsonArray items;
    std::size_t at = from;
    for (; at < meant.size() && items.size() < page->limit; ++at) {
        items.push_back(json_of(*meant[at]));
    }
    const Json token =
        at < meant.size() && at > 0 ? Json(token_of(place(*meant[at - 1]))) : Json(nullptr);
    auto all_problems = problems(call->viewer);
    if (known) {
        auto of_findings = validations.problems(*known, call->viewer.sees_all);
        std::ranges::move(of_findings, std::back_inserter(all_problems));
    }
    co_return told(call->request,
                   outside.clock.now(),
                   JsonObject{{"items", std::move(items)},
                              {"continue", token},
                              {"total", meant.size()},
                              {"counts", json_of(validations.counts(seen))},
                              {"problems", problems_json(all_problems)}});
}

// --- the outside --------------------------------------------------------------------------------

namespace {

template <typename State>
Task<net::Response> kept(std::shared_ptr<State> state, net::Request request) {
    co_return co_await state->handle(std::move(request));
}

}  // namespace

Dashboard::Dashboard(const Outside& outside, kube::Connection connection, Settings settings)
    : Dashboard(outside, std::move(connection), std::move(settings), built_in_assets()) {}

Dashboard::Dashboard(const Outside& outside,
                     kube::Connection connection,
                     Settings settings,
                     std::span<const EmbeddedFile> page)
    : state_(std::make_shared<State>(outside, std::move(connection), std::move(settings), page)) {}

Dashboard::~Dashboard() {
    state_->hub->close();
    state_->loads.cancel();
    state_->tasks.cancel();
    if (state_->known) state_->known->cancel();
    state_->prometheus->cancel();
}

Task<net::Response> Dashboard::handle(net::Request request) {
    return kept(state_, std::move(request));
}

Task<> Dashboard::stop() {
    const auto state = state_;
    state->hub->close();
    state->loads.cancel();
    state->tasks.cancel();
    co_await state->tasks.wait();
    co_await state->loads.wait();
    // Requests that are still being answered read it.
    if (state->known) co_await state->known->stop();
    co_await state->prometheus->stop();
}

Dashboard::Figures Dashboard::figures() const {
    return {
        .streams = state_->hub->listeners(),
        .cached_bytes = (state_->known ? state_->known->bytes() : 0) + state_->prometheus->bytes(),
        .prometheus_asked = state_->prometheus->asked(),
        .releases_built = state_->releases.built(),
        .objects_read = state_->known ? state_->known->parsed() : 0,
        .topologies_drawn = state_->topologies_drawn};
}

}  // namespace sluice::web
