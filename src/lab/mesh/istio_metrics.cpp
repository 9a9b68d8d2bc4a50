#include "lab/mesh/istio_metrics.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace sluice::mesh {

const std::array<double, 19> histogram_bounds{0.5,
                                              1,
                                              5,
                                              10,
                                              25,
                                              50,
                                              100,
                                              250,
                                              500,
                                              1000,
                                              2500,
                                              5000,
                                              10000,
                                              30000,
                                              60000,
                                              300000,
                                              600000,
                                              1800000,
                                              3600000};

namespace {

constexpr auto forget_after = std::chrono::minutes{5};

struct Histogram {
    std::array<std::uint64_t, histogram_bounds.size() + 1> counts{};
    double sum = 0;

    void add(double value) {
        const auto at = std::lower_bound(histogram_bounds.begin(), histogram_bounds.end(), value);
        ++counts[static_cast<std::size_t>(at - histogram_bounds.begin())];
        sum += value;
    }
};

// One label set: all metrics of it are counted together and read together.
struct Series {
    std::string labels;
    bool announced = false;
    // Of connections instead of requests.
    bool is_tcp = false;
    std::uint64_t requests = 0;
    Histogram milliseconds, request_bytes, response_bytes;
    std::uint64_t opened = 0, closed = 0, sent = 0, received = 0;
};

struct Outcome {
    int code = 0;
    Flag flags = Flag::none;
    bool is_grpc = false;
    std::optional<int> grpc_status = std::nullopt;
    bool is_tcp = false;

    bool operator==(const Outcome&) const = default;
};

struct EdgeView {
    Reporter reporter;
    const Workload& source;
    const Workload& destination;
    ServiceNames service;
};

// Who called whom through which Service; its outcomes are few.
struct Edge {
    Reporter reporter;
    WorkloadPtr source, destination;
    std::string host, name, ns;
    std::vector<std::pair<Outcome, std::unique_ptr<Series>>> outcomes;
    std::optional<Time> gone_since;

    EdgeView view() const { return {reporter, *source, *destination, {host, name, ns}}; }
};

struct EdgeHash {
    using is_transparent = void;
    std::size_t operator()(const EdgeView& edge) const {
        return edge.source.hash ^ (edge.destination.hash * 31) ^
               (std::hash<std::string_view>()(edge.service.host) * 131) ^
               static_cast<std::size_t>(edge.reporter);
    }
    std::size_t operator()(const std::unique_ptr<Edge>& edge) const {
        return (*this)(edge->view());
    }
};

struct EdgeEqual {
    using is_transparent = void;
    static bool equal(const EdgeView& a, const EdgeView& b) {
        return a.reporter == b.reporter && a.source.same_identity(b.source) &&
               a.destination.same_identity(b.destination) && a.service.host == b.service.host &&
               a.service.name == b.service.name && a.service.ns == b.service.ns;
    }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
        return equal(view(a), view(b));
    }
    static EdgeView view(const EdgeView& edge) { return edge; }
    static EdgeView view(const std::unique_ptr<Edge>& edge) { return edge->view(); }
};

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"");
    append_escaped(out, value);
    out += '"';
}

void append_workload(std::string& out, std::string_view side, const Workload& workload) {
    const auto label = [&](std::string_view name, std::string_view value) {
        append_label(out, std::string(side).append(name), value);
    };
    // The two sides do not have the same order.
    if (side == "source_") {
        label("workload", workload.name);
        label("canonical_service", workload.canonical_service);
        label("canonical_revision", workload.canonical_revision);
        label("workload_namespace", workload.ns);
        label("principal", "unknown");
        label("app", workload.app);
        label("version", workload.version);
        label("cluster", workload.cluster);
        return;
    }
    label("workload", workload.name);
    label("workload_namespace", workload.ns);
    label("principal", "unknown");
    label("app", workload.app);
    label("version", workload.version);
}

std::string labels_of(const Edge& edge, const Outcome& outcome) {
    std::string labels;
    append_label(labels, "reporter", edge.reporter == Reporter::source ? "source" : "destination");
    append_workload(labels, "source_", *edge.source);
    append_workload(labels, "destination_", *edge.destination);
    append_label(labels, "destination_service", edge.host);
    append_label(labels, "destination_canonical_service", edge.destination->canonical_service);
    append_label(labels, "destination_canonical_revision", edge.destination->canonical_revision);
    append_label(labels, "destination_service_name", edge.name);
    append_label(labels, "destination_service_namespace", edge.ns);
    append_label(labels, "destination_cluster", edge.destination->cluster);
    append_label(labels,
                 "request_protocol",
                 outcome.is_tcp    ? "tcp"
                 : outcome.is_grpc ? "grpc"
                                   : "http");
    append_label(labels, "response_code", outcome.is_tcp ? "" : std::to_string(outcome.code));
    append_label(labels,
                 "grpc_response_status",
                 outcome.grpc_status ? std::to_string(*outcome.grpc_status) : "");
    append_label(labels, "response_flags", to_text(outcome.flags));
    append_label(labels,
                 "connection_security_policy",
                 edge.reporter == Reporter::source ? "unknown" : "none");
    return labels;
}

std::string_view bound_text(std::size_t index) {
    static const auto texts = [] {
        std::array<std::string, histogram_bounds.size() + 1> made;
        for (std::size_t i = 0; i < histogram_bounds.size(); ++i)
            made[i] = fmt::format("{}", histogram_bounds[i]);
        made.back() = "+Inf";
        return made;
    }();
    return texts[index];
}

bool is_gone(const Workload& workload, const RouteTable& table) {
    return workload.name != "unknown" && !table.has_workload(workload.ns, workload.name);
}

}  // namespace

std::string to_text(Flag flags) {
    static constexpr std::pair<Flag, std::string_view> names[]{
        {Flag::no_healthy_upstream, "UH"},
        {Flag::upstream_failure, "UF"},
        {Flag::upstream_timeout, "UT"},
        {Flag::upstream_terminated, "UC"},
        {Flag::overflow, "UO"},
        {Flag::no_route, "NR"},
        {Flag::delay_injected, "DI"},
        {Flag::fault_injected, "FI"},
        {Flag::no_cluster, "NC"},
        {Flag::retry_limit, "URX"},
        {Flag::downstream_closed, "DC"},
    };
    std::string text;
    for (const auto& [flag, name] : names) {
        if ((static_cast<unsigned>(flags) & static_cast<unsigned>(flag)) == 0) continue;
        if (!text.empty()) text += ',';
        text += name;
    }
    return text.empty() ? "-" : text;
}

struct IstioMetrics::State {
    Options options;
    std::unordered_map<std::unique_ptr<Edge>, Edge*, EdgeHash, EdgeEqual> edges;
    std::vector<Series*> in_order;  // as they came
    std::uint64_t folded = 0;

    Edge& edge_of(const RequestRecord& record, const WorkloadPtr& source) {
        const EdgeView wanted{record.reporter, *source, *record.destination, record.service};
        if (const auto known = edges.find(wanted); known != edges.end()) return *known->second;
        auto made = std::make_unique<Edge>(Edge{.reporter = record.reporter,
                                                .source = source,
                                                .destination = record.destination,
                                                .host = std::string(record.service.host),
                                                .name = std::string(record.service.name),
                                                .ns = std::string(record.service.ns),
                                                .outcomes = {},
                                                .gone_since = {}});
        auto* edge = made.get();
        edges.emplace(std::move(made), edge);
        return *edge;
    }

    static Series* known_series(Edge& edge, const Outcome& outcome) {
        for (auto& [known, series] : edge.outcomes) {
            if (known == outcome) return series.get();
        }
        return nullptr;
    }

    Series& series_of(const RequestRecord& record, bool is_tcp = false) {
        Outcome outcome{record.code, record.flags, record.is_grpc, record.grpc_status, is_tcp};
        if (in_order.size() >= options.label_sets_max) {
            const EdgeView wanted{
                record.reporter, *record.source, *record.destination, record.service};
            const auto known = edges.find(wanted);
            auto* series = known == edges.end() ? nullptr : known_series(*known->second, outcome);
            if (series != nullptr) return *series;
            // Too many: whoever is new is counted as one.
            ++folded;
            outcome.flags = Flag::none;
            return series_in(edge_of(record, outside()), outcome);
        }
        return series_in(edge_of(record, record.source), outcome);
    }

    Series& series_in(Edge& edge, const Outcome& outcome) {
        if (auto* known = known_series(edge, outcome)) return *known;
        auto made = std::make_unique<Series>();
        made->labels = labels_of(edge, outcome);
        made->is_tcp = outcome.is_tcp;
        in_order.push_back(made.get());
        edge.outcomes.emplace_back(outcome, std::move(made));
        return *in_order.back();
    }

    void append_connections(std::string& out, Reading reading) const {
        const std::pair<std::string_view, std::uint64_t Series::*> counters[]{
            {"istio_tcp_connections_opened_total", &Series::opened},
            {"istio_tcp_connections_closed_total", &Series::closed},
            {"istio_tcp_sent_bytes_total", &Series::sent},
            {"istio_tcp_received_bytes_total", &Series::received},
        };
        for (const auto& [name, which] : counters) {
            fmt::format_to(std::back_inserter(out), "# TYPE {} counter\n", name);
            for (const auto* series : in_order) {
                if (!series->is_tcp) continue;
                const bool as_zero = reading == Reading::scrape && !series->announced;
                fmt::format_to(std::back_inserter(out),
                               "{}{{{}}} {}\n",
                               name,
                               series->labels,
                               as_zero ? 0 : series->*which);
            }
        }
    }

    void append_histogram(std::string& out,
                          std::string_view name,
                          Histogram Series::* which,
                          Reading reading) const {
        fmt::format_to(std::back_inserter(out), "# TYPE {} histogram\n", name);
        for (const auto* series : in_order) {
            if (series->is_tcp) continue;
            const bool as_zero = reading == Reading::scrape && !series->announced;
            const auto& histogram = series->*which;
            std::uint64_t below = 0;
            for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
                below += as_zero ? 0 : histogram.counts[i];
                fmt::format_to(std::back_inserter(out),
                               FMT_COMPILE("{}_bucket{{{},le=\"{}\"}} {}\n"),
                               name,
                               series->labels,
                               bound_text(i),
                               below);
            }
            fmt::format_to(std::back_inserter(out),
                           FMT_COMPILE("{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n"),
                           name,
                           series->labels,
                           as_zero ? 0.0 : histogram.sum,
                           below);
        }
    }
};

IstioMetrics::IstioMetrics(Options options) : state_(std::make_unique<State>()) {
    state_->options = std::move(options);
}
IstioMetrics::~IstioMetrics() = default;

void IstioMetrics::add(const RequestRecord& record) {
    auto& series = state_->series_of(record);
    ++series.requests;
    series.milliseconds.add(record.milliseconds);
    series.request_bytes.add(static_cast<double>(record.request_bytes));
    series.response_bytes.add(static_cast<double>(record.response_bytes));
}

void IstioMetrics::add(const ConnectionRecord& record) {
    auto& series = state_->series_of({.reporter = record.reporter,
                                      .source = record.source,
                                      .destination = record.destination,
                                      .service = record.service,
                                      .flags = record.flags},
                                     true);
    series.opened += record.opened;
    series.closed += record.closed;
    series.sent += record.sent;
    series.received += record.received;
}

std::string IstioMetrics::exposition(Reading reading) {
    std::string out;
    out.reserve(state_->in_order.size() * 48 * 1024 + 1024);
    out += "# HELP istio_requests_total total requests\n# TYPE istio_requests_total counter\n";
    for (const auto* series : state_->in_order) {
        if (series->is_tcp) continue;
        const bool as_zero = reading == Reading::scrape && !series->announced;
        fmt::format_to(std::back_inserter(out),
                       FMT_COMPILE("istio_requests_total{{{}}} {}\n"),
                       series->labels,
                       as_zero ? 0 : series->requests);
    }
    state_->append_histogram(
        out, "istio_request_duration_milliseconds", &Series::milliseconds, reading);
    state_->append_histogram(out, "istio_request_bytes", &Series::request_bytes, reading);
    state_->append_histogram(out, "istio_response_bytes", &Series::response_bytes, reading);
    state_->append_connections(out, reading);
    fmt::format_to(std::back_inserter(out),
                   "# TYPE istio_build gauge\n"
                   "istio_build{{component=\"sluice-lab-proxy\",tag=\"{}\"}} 1\n"
                   "# TYPE sluice_lab_proxy_requests_inflight gauge\n"
                   "sluice_lab_proxy_requests_inflight {}\n"
                   "# TYPE sluice_lab_proxy_upstream_connections gauge\n"
                   "sluice_lab_proxy_upstream_connections{{state=\"active\"}} {}\n"
                   "# TYPE sluice_lab_config_generation gauge\n"
                   "sluice_lab_config_generation {}\n"
                   "# TYPE sluice_lab_series_dropped_total gauge\n"
                   "sluice_lab_series_dropped_total {}\n",
                   state_->options.version,
                   requests_in_flight,
                   upstream_active,
                   config_generation,
                   state_->folded);
    if (reading == Reading::scrape) {
        for (auto* series : state_->in_order) series->announced = true;
    }
    return out;
}

void IstioMetrics::forget_gone(const RouteTable& table, Time now) {
    auto& edges = state_->edges;
    for (auto at = edges.begin(); at != edges.end();) {
        auto& edge = *at->second;
        if (!is_gone(*edge.source, table) && !is_gone(*edge.destination, table)) {
            edge.gone_since.reset();
        } else if (!edge.gone_since) {
            edge.gone_since = now;
        } else if (now - *edge.gone_since >= forget_after) {
            for (const auto& outcome : edge.outcomes)
                std::erase(state_->in_order, outcome.second.get());
            at = edges.erase(at);
            continue;
        }
        ++at;
    }
}

std::size_t IstioMetrics::label_sets() const {
    return state_->in_order.size();
}

}  // namespace sluice::mesh
