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

bool is_failure(std::string_view response_code, std::string_view grpc_status) {
    if (response_code.empty() || response_code == "0" || response_code == "-") return true;
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
        .mesh_p99 = quantile("0.99", selector, length, "le")};
}

Rates RatesTable::of(const std::string& ns, const std::string& workload) const {
    const auto found = workloads.find({ns, workload});
    if (found != workloads.end()) return found->second;
    Rates unknown;
    unknown.reason = reason;
    return unknown;
}

bool RatesTable::says_the_same(const RatesTable& other) const {
    return workloads == other.workloads && reason == other.reason;
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
    struct Sums {
        double all = 0;
        double failed = 0;
    };
    std::map<WorkloadName, Sums> sums;
    Sums mesh;
    for (const auto& sample : *answers.codes.what) {
        const bool failed = is_failure(label_of(sample.labels, "response_code"),
                                       label_of(sample.labels, "grpc_response_status"));
        for (auto* sum : {&sums[workload_of(sample.labels)], &mesh}) {
            sum->all += sample.value;
            if (failed) sum->failed += sample.value;
        }
    }
    const auto put = [&](Rates& rates, const Sums& sum) {
        rates.rps = sum.all;
        if (sum.all > 0) rates.success = 1 - sum.failed / sum.all;
        if (sum.all <= 0) rates.reason = idle;
    };
    for (const auto& [name, sum] : sums) put(table.workloads[name], sum);
    if (!sums.empty()) put(table.mesh, mesh);
    if (sums.empty()) table.mesh.reason = idle;

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
    if (answers.mesh_p99.what && !answers.mesh_p99.what->empty()) {
        table.mesh.p99 = answers.mesh_p99.what->front().value;
    }
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
    co_return prometheus.made_of<RatesTable>(
        name("all"),
        [&] { return rates_table({*codes, *p50, *p95, *p99, *mesh_p99}, window); },
        codes,
        p50,
        p95,
        p99,
        mesh_p99);
}

// The same.
// NOLINTBEGIN(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<Exposure> exposure(
    Prometheus& prometheus, WorkloadName workload, Time since, Time now, Duration fresh) {
    // NOLINTEND(cppcoreguidelines-avoid-reference-coroutine-parameters)
    Exposure met;
    met.since = since;
    const auto length = std::max<std::int64_t>(10, whole_seconds(now - since));
    const auto query =
        fmt::format(R"(sum(increase(istio_requests_total{{reporter="destination",)"
                    R"(destination_workload_namespace="{}",destination_workload="{}"}}[{}s])) by )"
                    "(response_code,grpc_response_status)",
                    promql_text(workload.first),
                    promql_text(workload.second),
                    length);
    const auto answer = co_await prometheus.ask(
        fmt::format("exposure/{}/{}", workload.first, workload.second), query, fresh);
    if (!answer->what) {
        met.reason = answer->what.error().message;
        co_return met;
    }
    if (answer->what->empty()) {
        met.reason = "no requests since its analysis began";
        co_return met;
    }
    double all = 0;
    double failed = 0;
    for (const auto& sample : *answer->what) {
        all += sample.value;
        if (is_failure(label_of(sample.labels, "response_code"),
                       label_of(sample.labels, "grpc_response_status"))) {
            failed += sample.value;
        }
    }
    met.requests = std::round(all);
    met.failed = std::round(failed);
    co_return met;
}

}  // namespace sluice::web
