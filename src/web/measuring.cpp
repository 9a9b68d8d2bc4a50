// Charts: both versions of a release side by side, and one node or edge of the topology.
#include "web/answer.hpp"
#include "web/series.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

constexpr std::size_t id_max = 1000;

Refusal refusal_of_prometheus(const Error& error) {
    if (error.kind == ErrorKind::timed_out) {
        return {.status = 504, .code = "prometheus_timeout", .message = error.message};
    }
    return {.status = 503,
            .code = "prometheus_away",
            .message = error.message,
            .headers = {{"Retry-After", "5"}}};
}

}  // namespace

Task<Result<Dashboard::State::Charted>> Dashboard::State::chart(SharedCall call, Subject subject) {
    const auto asked = series_asked(
        call->asked, settings, prometheus->health().scrape_interval, outside.clock.now());
    if (!asked) co_return asked.error();
    Charted charted{.grid = asked->grid,
                    .queries = series_queries(subject, asked->range),
                    .reporter = subject.reporter,
                    .is_past = asked->is_past,
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
    return {
        {"from", charted.grid.from},
        {"to", charted.grid.to},
        {"step", charted.grid.step},
        {"refresh", std::chrono::duration<double>(refresh).count()},
        {"reporter", charted.reporter},
        {"reason",
         is_empty ? Json(charted.is_past
                             ? fmt::format("no requests from {} to {}",
                                           rfc3339(Time{std::chrono::seconds{charted.grid.from}}),
                                           rfc3339(Time{std::chrono::seconds{charted.grid.to}}))
                             : fmt::format("no requests in the last {} s",
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
    const auto unmeasured = [&](std::string why) {
        return refused({.status = 404, .code = "not_measured", .message = std::move(why)},
                       call->id);
    };
    if (id.size() > id_max || (what != "node" && what != "edge")) {
        co_return unmeasured(fmt::format("no {} {} is measured", what, id.substr(0, 100)));
    }
    const auto namespaces = namespaces_of(id);
    for (const auto& ns : namespaces) {
        if (call->viewer.sees(ns)) continue;
        co_return refused({.status = 403,
                           .code = "forbidden",
                           .message = "You may not look into namespace " + ns},
                          call->id);
    }
    Fronts fronts;
    const bool is_node = what == "node";
    if (!namespaces.empty() && (is_node || id.starts_with("e/s/"))) {
        co_await catch_up();
        const auto& ns = namespaces.front();
        auto workloads = landscape.list(resources::deployments, ns);
        std::ranges::move(landscape.list(resources::daemon_sets, ns),
                          std::back_inserter(workloads));
        fronts = fronts_of(workloads, landscape.list(resources::services, ns));
    }
    const auto subject_here = [&] {
        if (!is_node) return subject_of_edge(id, fronts);
        return is_of_gateways(id, fronts) ? subject_of_gateways(id, fronts) : subject_of_node(id);
    };
    const auto subject = subject_here();
    if (!subject) co_return unmeasured(subject.error().message);
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
