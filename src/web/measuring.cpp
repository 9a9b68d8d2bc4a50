// Charts: both versions of a release side by side, and one node or edge of the topology.
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/series.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

Refusal refusal_of_prometheus(const Error& error) {
    if (error.kind == ErrorKind::timed_out) {
        return {.status = 504, .code = "prometheus_timeout", .message = error.message};
    }
    return {.status = 503,
            .code = "prometheus_away",
            .message = error.message,
            .headers = {{"Retry-After", "5"}}};
}

// "w/test/podinfo": the parts after the kind.
std::optional<std::pair<std::string, std::string>> parts_of(std::string_view id,
                                                            std::string_view kind) {
    const auto parts = split(id, '/');
    if (parts.size() != 3 || parts[0] != kind || parts[1].empty() || parts[2].empty()) {
        return std::nullopt;
    }
    return std::pair(std::string(parts[1]), std::string(parts[2]));
}

// "e/w/test/a>w/test/b/http".
std::optional<Subject> subject_of_edge(std::string_view id) {
    if (!id.starts_with("e/")) return std::nullopt;
    const auto arrow = id.find('>');
    const auto protocol = id.rfind('/');
    if (arrow == std::string_view::npos || protocol <= arrow) return std::nullopt;
    const auto from = parts_of(id.substr(2, arrow - 2), "w");
    const auto to = parts_of(id.substr(arrow + 1, protocol - arrow - 1), "w");
    if (!from || !to) return std::nullopt;
    return of_edge(from->first, from->second, to->first, to->second);
}

std::optional<Subject> subject_of(std::string_view what, std::string_view id) {
    if (what == "edge") return subject_of_edge(id);
    if (what != "node") return std::nullopt;
    if (const auto workload = parts_of(id, "w")) {
        return of_workloads(workload->first, {workload->second});
    }
    if (const auto service = parts_of(id, "s")) {
        return of_service(service->first, service->second);
    }
    return std::nullopt;
}

// The namespace that a reader has to see.
std::string namespace_of(std::string_view id) {
    const auto arrow = id.find('>');
    const auto parts = split(arrow == std::string_view::npos ? id : id.substr(arrow + 1), '/');
    return parts.size() > 1 ? std::string(parts[1]) : std::string();
}

}  // namespace

Task<Result<Dashboard::State::Charted>> Dashboard::State::chart(SharedCall call, Subject subject) {
    const auto asked = series_asked(
        call->asked, settings, prometheus->health().scrape_interval, outside.clock.now());
    if (!asked) co_return asked.error();
    Charted charted{.grid = asked->grid,
                    .queries = series_queries(subject, asked->range),
                    .codes = {},
                    .p50 = {},
                    .p95 = {},
                    .p99 = {}};
    // A grid that ends now gets a new name with its next step; until then the last point may grow.
    const auto fresh = asked->is_past ? Duration{std::chrono::minutes{1}} : refresh_of(settings);
    charted.codes = co_await prometheus->ask_over(charted.queries.codes, charted.grid, fresh);
    if (!charted.codes->what) co_return charted;
    charted.p50 = co_await prometheus->ask_over(charted.queries.p50, charted.grid, fresh);
    charted.p95 = co_await prometheus->ask_over(charted.queries.p95, charted.grid, fresh);
    charted.p99 = co_await prometheus->ask_over(charted.queries.p99, charted.grid, fresh);
    prometheus->learn();
    co_return charted;
}

JsonObject Dashboard::State::chart_json(const Charted& charted) const {
    const bool is_empty = charted.codes->what->empty();
    const auto step = std::chrono::seconds{charted.grid.step};
    const auto refresh = std::max<Duration>(step, refresh_of(settings));
    return {{"from", charted.grid.from},
            {"to", charted.grid.to},
            {"step", charted.grid.step},
            {"refresh", std::chrono::duration<double>(refresh).count()},
            {"reporter", "destination"},
            {"reason",
             is_empty ? Json(fmt::format("no requests in the last {} s",
                                         charted.grid.to - charted.grid.from))
                      : Json(nullptr)},
            {"queries", queries_json(charted.queries)}};
}

JsonObject Dashboard::State::side_of(const Charted& charted,
                                     std::string_view by,
                                     std::string_view value) {
    static const Lines none;
    const auto lines = [](const auto& measured) -> const Lines& {
        return measured && measured->what ? *measured->what : none;
    };
    return series_json(
        {lines(charted.codes), lines(charted.p50), lines(charted.p95), lines(charted.p99)},
        charted.grid,
        by,
        value);
}

Task<net::Response> Dashboard::State::compare(SharedCall call, kube::ObjectKey key) {
    const auto object = known->get(resources::canaries, key);
    if (!object) co_return refused(gone(key), call->id);
    const auto seen = release::seen_of(*object);
    const auto& canary = seen.canary;
    const auto subject = of_workloads(key.ns, {canary.target.name, canary.primary_name()});
    const auto charted = co_await chart(call, subject);
    if (!charted) co_return refused(bad_request(charted.error()), call->id);
    if (!charted->codes->what) {
        co_return refused(refusal_of_prometheus(charted->codes->what.error()), call->id);
    }
    auto json = chart_json(*charted);
    json["stable"] = side_of(*charted, subject.by, canary.primary_name());
    json["canary"] = side_of(*charted, subject.by, canary.target.name);
    json["marks"] = marks_json(release::decisions_of(seen.object), charted->grid);
    co_return told(call->request, outside.clock.now(), std::move(json));
}

Task<net::Response> Dashboard::State::node_metrics(SharedCall call) {
    const auto& what = call->path[1];
    const auto& id = call->path[2];
    const auto subject = subject_of(what, id);
    if (!subject || id.size() > 1000) {
        co_return refused({.status = 404,
                           .code = "not_found",
                           .message = fmt::format("no {} {} is measured", what, id.substr(0, 100))},
                          call->id);
    }
    if (!call->viewer.sees(namespace_of(id))) {
        co_return refused({.status = 403,
                           .code = "forbidden",
                           .message = "You may not look into namespace " + namespace_of(id)},
                          call->id);
    }
    const auto charted = co_await chart(call, *subject);
    if (!charted) co_return refused(bad_request(charted.error()), call->id);
    if (!charted->codes->what) {
        co_return refused(refusal_of_prometheus(charted->codes->what.error()), call->id);
    }
    auto json = chart_json(*charted);
    json["series"] = side_of(*charted, "", "");
    co_return told(call->request, outside.clock.now(), std::move(json));
}

}  // namespace sluice::web
