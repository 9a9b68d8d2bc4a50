#include "web/figures.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::web {
namespace {

using std::chrono::seconds;

std::int64_t whole_seconds(Duration duration) {
    return std::chrono::duration_cast<seconds>(duration).count();
}

WorkloadName workload_of(const Labels& labels) {
    return {std::string(label_of(labels, "destination_workload_namespace")),
            std::string(label_of(labels, "destination_workload"))};
}

WorkloadName service_of(const Labels& labels) {
    return {std::string(label_of(labels, "destination_service_namespace")),
            std::string(label_of(labels, "destination_service_name"))};
}

bool is_failed(const Labels& labels) {
    return is_failure(label_of(labels, "response_code"), label_of(labels, "grpc_response_status"));
}

constexpr std::string_view nobody = "unknown";  // a workload that no proxy could name

// Each caller is counted by the proxy nearest to it: by its own, else by that of the app.
std::string by_nearest(std::string_view metric, std::int64_t window, const std::string& ns) {
    const auto with = [&](std::string_view label) {
        return ns.empty() ? std::string() : fmt::format(R"(,{}="{}")", label, promql_text(ns));
    };
    return fmt::format(R"(rate({0}{{reporter="source"{1}}}[{2}s]) or )"
                       R"(rate({0}{{reporter="destination",source_workload="{3}"{4}}}[{2}s]))",
                       metric,
                       with("destination_service_namespace"),
                       window,
                       nobody,
                       with("destination_workload_namespace"));
}

// One question: codes by workload and Service, and beside them, marked, the latency.
std::string seen_query(std::int64_t window, const std::string& ns) {
    return fmt::format(
        "sum({}) by (reporter,destination_workload_namespace,destination_workload,"
        "destination_service_namespace,destination_service_name,response_code,"
        "grpc_response_status) or label_replace(histogram_quantile(0.99, sum({}) by "
        R"((destination_workload_namespace,destination_workload,le)), "figure", "p99", "", ""))",
        by_nearest("istio_requests_total", window, ns),
        by_nearest("istio_request_duration_milliseconds_bucket", window, ns));
}

std::string quantile(std::string_view q,
                     std::string_view selector,
                     std::int64_t window,
                     std::string_view by) {
    return fmt::format(
        "histogram_quantile({}, sum(rate(istio_request_duration_milliseconds_bucket{{{}}}[{}s])) "
        "by ({}))",
        q,
        selector,
        window,
        by);
}

std::string mesh_query(std::string_view selector, std::int64_t window, const std::string& ns) {
    return fmt::format(
        R"(label_replace(histogram_quantile(0.99, sum({}) by (le)), "by", "callers", "", "") )"
        R"(or label_replace({}, "by", "app", "", ""))",
        by_nearest("istio_request_duration_milliseconds_bucket", window, ns),
        quantile("0.99", selector, window, "le"));
}

// Of hosts outside the cluster nobody in it could have served it.
bool is_service_here(const WorkloadName& service) {
    return !service.first.empty() && service.first != nobody &&
           service.second.find('.') == std::string::npos;
}

struct Sums {
    double all = 0;
    double failed = 0;
    double unanswered = 0;
};

// Whoever calls within the mesh is a caller, too; who none of their proxies report for is not.
void put_mesh(RatesTable& table, const Sums& app, const Measured<Samples>& p99) {
    SeenSums callers;
    for (const auto* sums : {&table.seen, &table.unreached}) {
        for (const auto& [name, one] : *sums) {
            callers.all += one.all;
            callers.failed += one.failed;
            callers.by_proxies = callers.by_proxies || one.by_proxies;
        }
    }
    auto& mesh = table.mesh;
    if (callers.by_proxies) {
        mesh = {.by = "callers",
                .rps = callers.all,
                .success = 1 - callers.failed / callers.all,
                .p99 = {},
                .reason = {}};
    } else if (app.all > 0) {
        mesh = {.by = "app",
                .rps = app.all,
                .success = 1 - app.failed / app.all,
                .p99 = {},
                .reason = table.why_not_callers()};
    } else {
        mesh.reason = table.reason;
        if (!table.workloads.empty()) mesh.rps = 0;
        return;
    }
    if (!p99.what) {
        mesh.reason = p99.what.error().message;
        return;
    }
    for (const auto& sample : *p99.what) {
        if (label_of(sample.labels, "by") == mesh.by) mesh.p99 = sample.value;
    }
    if (!mesh.p99) mesh.reason = "the latency is not measured";
}

void put_seen(RatesTable& table, const Measured<Samples>& answer) {
    if (!answer.what) {
        table.seen_reason = answer.what.error().message;
        return;
    }
    for (const auto& sample : *answer.what) {
        const auto workload = workload_of(sample.labels);
        if (!label_of(sample.labels, "figure").empty()) {
            table.seen[workload].p99 = sample.value;
            continue;
        }
        const bool is_unreached = workload.second == nobody;
        const auto service = service_of(sample.labels);
        if (is_unreached && !is_service_here(service)) continue;
        auto& sums = is_unreached ? table.unreached[service] : table.seen[workload];
        sums.all += sample.value;
        if (is_failed(sample.labels)) sums.failed += sample.value;
        const bool is_own = label_of(sample.labels, "reporter") == "source";
        sums.by_proxies = sums.by_proxies || (is_own && sample.value > 0);
    }
}

}  // namespace

std::string promql_text(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || c == '"') escaped += '\\';
        if (c == '\n') {
            escaped += "\\n";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

Duration window_for(Duration interval, Duration shortest) {
    constexpr Duration longest = std::chrono::minutes{10};
    const auto clamped = std::clamp(interval, shortest, longest);
    const auto times = (clamped + shortest - Duration{1}) / shortest;
    return std::min<Duration>(shortest * times, longest);
}

bool is_unanswered(std::string_view response_code) {
    return response_code.empty() || response_code == "0" || response_code == "-";
}

bool is_failure(std::string_view response_code, std::string_view grpc_status) {
    if (is_unanswered(response_code)) return true;
    if (response_code.front() == '5') return true;
    return !grpc_status.empty() && grpc_status != "0";
}

RatesQueries rates_queries(Duration window, const std::string& ns) {
    std::string selector = R"(reporter="destination")";
    if (!ns.empty()) {
        selector += fmt::format(R"(,destination_workload_namespace="{}")", promql_text(ns));
    }
    const auto length = whole_seconds(window);
    constexpr std::string_view each = "destination_workload_namespace,destination_workload,le";
    return {
        .codes = fmt::format("sum(rate(istio_requests_total{{{}}}[{}s])) by "
                             "(destination_workload_namespace,destination_workload,response_code,"
                             "grpc_response_status)",
                             selector,
                             length),
        .p50 = quantile("0.5", selector, length, each),
        .p95 = quantile("0.95", selector, length, each),
        .p99 = quantile("0.99", selector, length, each),
        .mesh_p99 = mesh_query(selector, length, ns),
        .seen = seen_query(length, ns)};
}

Rates RatesTable::of(const std::string& ns, const std::string& workload) const {
    const auto found = workloads.find({ns, workload});
    if (found != workloads.end()) return found->second;
    Rates unknown;
    unknown.reason = reason;
    return unknown;
}

Rates RatesTable::side(const std::string& ns,
                       const std::string& workload,
                       const std::string& service) const {
    auto rates = of(ns, workload);
    SeenSums sums;
    if (const auto found = seen.find({ns, workload}); found != seen.end()) sums = found->second;
    if (const auto found = unreached.find({ns, service}); found != unreached.end()) {
        sums.all += found->second.all;
        sums.failed += found->second.failed;
        sums.by_proxies = sums.by_proxies || found->second.by_proxies;
    }
    rates.seen.reason = rates.reason;
    if (sums.by_proxies) {
        rates.seen = {.by = "callers",
                      .rps = sums.all,
                      .success = 1 - sums.failed / sums.all,
                      .p99 = sums.p99,
                      .reason = sums.p99 ? "" : "none of them reached a pod"};
    } else if (rates.rps.value_or(0) > 0) {
        rates.seen = {.by = "app",
                      .rps = rates.rps,
                      .success = rates.success,
                      .p99 = rates.p99,
                      .reason = why_not_callers()};
    }
    return rates;
}

std::string RatesTable::why_not_callers() const {
    return seen_reason.empty() ? "no caller's proxy reports" : seen_reason;
}

bool RatesTable::says_the_same(const RatesTable& other) const {
    return workloads == other.workloads && seen == other.seen && unreached == other.unreached &&
           reason == other.reason && seen_reason == other.seen_reason;
}

RatesTable rates_table(const RatesAnswers& answers, Duration window) {
    RatesTable table;
    table.at = answers.codes.at;
    const auto idle = fmt::format("no requests in the last {} s", whole_seconds(window));
    if (!answers.codes.what) {
        table.reason = answers.codes.what.error().message;
        table.mesh.reason = table.reason;
        return table;
    }
    table.reason = idle;
    put_seen(table, answers.seen);
    std::map<WorkloadName, Sums> sums;
    Sums mesh;
    for (const auto& sample : *answers.codes.what) {
        const bool failed = is_failed(sample.labels);
        const bool unanswered = is_unanswered(label_of(sample.labels, "response_code"));
        for (auto* sum : {&sums[workload_of(sample.labels)], &mesh}) {
            sum->all += sample.value;
            if (failed) sum->failed += sample.value;
            if (unanswered) sum->unanswered += sample.value;
        }
    }
    const auto put = [&](Rates& rates, const Sums& sum) {
        rates.rps = sum.all;
        if (sum.all > 0) rates.success = 1 - sum.failed / sum.all;
        if (sum.all > 0) rates.no_answer = sum.unanswered / sum.all;
        if (sum.all <= 0) rates.reason = idle;
    };
    for (const auto& [name, sum] : sums) put(table.workloads[name], sum);
    put_mesh(table, mesh, answers.mesh_p99);

    const auto fill = [&](const Measured<Samples>& measured,
                          std::optional<double> Rates::* member) {
        if (!measured.what) return;
        for (const auto& sample : *measured.what) {
            const auto found = table.workloads.find(workload_of(sample.labels));
            if (found != table.workloads.end()) found->second.*member = sample.value;
        }
    };
    fill(answers.p50, &Rates::p50);
    fill(answers.p95, &Rates::p95);
    fill(answers.p99, &Rates::p99);
    for (auto& [name, one] : table.workloads) {
        const bool is_known = one.success && one.p50 && one.p95 && one.p99;
        if (is_known || !one.reason.empty()) continue;
        one.reason =
            answers.p99.what ? "the query has no result" : answers.p99.what.error().message;
    }
    return table;
}

// The server outlives what is asked of it.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<std::shared_ptr<const RatesTable>> rates(Prometheus& prometheus,
                                              Duration window,
                                              std::string ns,
                                              Duration fresh) {
    const auto queries = rates_queries(window, ns);
    const auto name = [&](std::string_view what) {
        return fmt::format("rates/{}/{}", what, whole_seconds(window));
    };
    const auto codes = co_await prometheus.ask(name("codes"), queries.codes, fresh);
    if (!codes->what) {
        // Who does not answer one question is not asked four more.
        RatesTable table;
        table.at = codes->at;
        table.reason = table.mesh.reason = codes->what.error().message;
        co_return std::make_shared<const RatesTable>(std::move(table));
    }
    const auto p50 = co_await prometheus.ask(name("p50"), queries.p50, fresh);
    const auto p95 = co_await prometheus.ask(name("p95"), queries.p95, fresh);
    const auto p99 = co_await prometheus.ask(name("p99"), queries.p99, fresh);
    const auto mesh_p99 = co_await prometheus.ask(name("mesh-p99"), queries.mesh_p99, fresh);
    const auto seen = co_await prometheus.ask(name("seen"), queries.seen, fresh);
    co_return prometheus.made_of<RatesTable>(
        name("all"),
        [&] { return rates_table({*codes, *p50, *p95, *p99, *mesh_p99, *seen}, window); },
        codes,
        p50,
        p95,
        p99,
        mesh_p99,
        seen);
}

std::string exposure_query(const Met& met, Time now) {
    const auto length = std::max<std::int64_t>(10, whole_seconds(now - met.since));
    const auto ns = promql_text(met.workload.first);
    // By its own Service also what reached no pod of it.
    return fmt::format(
        R"(sum(increase(istio_requests_total{{reporter=~"source|destination",)"
        R"(destination_workload_namespace="{0}",destination_workload="{1}"}}[{3}s]) or )"
        R"(increase(istio_requests_total{{reporter="source",destination_workload="{4}",)"
        R"(destination_service_namespace="{0}",destination_service_name="{2}"}}[{3}s])) by )"
        "(reporter,source_workload,response_code,grpc_response_status)",
        ns,
        promql_text(met.workload.second),
        promql_text(met.service),
        length,
        nobody);
}

Exposure exposure_of(const Measured<Samples>& answer, Time since) {
    Exposure met;
    met.since = since;
    if (!answer.what) {
        met.reason = answer.what.error().message;
        return met;
    }
    if (answer.what->empty()) {
        met.reason = "no requests since its analysis began";
        return met;
    }
    struct Sums {
        double all = 0, failed = 0, unanswered = 0;
    };
    Sums by_proxies;  // of the callers
    Sums outside;     // of callers without one, by the app
    Sums tries;       // of callers with one, by the app
    bool has_proxies = false;
    for (const auto& sample : *answer.what) {
        const bool is_own = label_of(sample.labels, "reporter") == "source";
        const bool is_outside = label_of(sample.labels, "source_workload") == nobody;
        auto& sums = is_own ? by_proxies : is_outside ? outside : tries;
        has_proxies = has_proxies || is_own;
        sums.all += sample.value;
        if (is_failed(sample.labels)) sums.failed += sample.value;
        if (is_unanswered(label_of(sample.labels, "response_code"))) {
            sums.unanswered += sample.value;
        }
    }
    const auto& told = has_proxies ? by_proxies : tries;
    met.by = has_proxies ? "callers" : "app";
    met.requests = std::round(told.all + outside.all);
    met.failed = std::round(told.failed + outside.failed);
    // A caller that goes away ends its try, too: both proxies count it.
    if (has_proxies) {
        met.cut_off = std::round(std::max(0.0, tries.unanswered - by_proxies.unanswered));
    }
    return met;
}

// The same.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<Exposure> exposure(Prometheus& prometheus, Met met, Time now, Duration fresh) {
    const auto answer = co_await prometheus.ask(
        fmt::format("exposure/{}/{}", met.workload.first, met.workload.second),
        exposure_query(met, now),
        fresh);
    co_return exposure_of(*answer, met.since);
}

}  // namespace sluice::web
