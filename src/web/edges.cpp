#include "web/edges.hpp"

#include "base/core/text.hpp"
#include "web/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace sluice::web {
namespace {

using std::chrono::seconds;

constexpr std::string_view unknown = "unknown";

bool is_unknown(std::string_view text) {
    return text.empty() || text == unknown;
}

// Of an address nothing is known but that it is one.
bool is_address(std::string_view host) {
    return !host.empty() && std::ranges::all_of(host, [](char c) {
        return (c >= '0' && c <= '9') || c == '.' || c == ':';
    });
}

std::string_view host_of(std::string_view service) {
    return service.substr(0, service.find(':'));
}

std::string id(std::string_view kind, std::string_view ns, std::string_view name) {
    std::string text;
    text.reserve(kind.size() + ns.size() + name.size() + 2);
    text += kind;
    text += '/';
    text += ns;
    text += '/';
    return text += name;
}

std::optional<std::string> source_of(const Labels& labels) {
    const auto ns = label_of(labels, "source_workload_namespace");
    const auto name = label_of(labels, "source_workload");
    if (is_unknown(name) && is_unknown(ns)) return std::string(unknown);
    // A namespace without a workload is bad telemetry.
    if (is_unknown(name)) return std::nullopt;
    return id("w", ns, name);
}

std::optional<std::string> target_of(const Labels& labels) {
    const auto ns = label_of(labels, "destination_workload_namespace");
    const auto name = label_of(labels, "destination_workload");
    if (!is_unknown(name)) return id("w", ns, name);
    const auto service_ns = label_of(labels, "destination_service_namespace");
    const auto service = label_of(labels, "destination_service_name");
    const auto host = host_of(label_of(labels, "destination_service"));
    if (is_address(host) || is_address(service)) return std::nullopt;
    if (!is_unknown(service) && !is_unknown(service_ns) && host.find(".svc") != std::string::npos) {
        return id("s", service_ns, service);
    }
    if (!is_unknown(service)) return fmt::format("x/{}", host.empty() ? service : host);
    if (!is_unknown(host)) return fmt::format("x/{}", host);
    return std::string(unknown);
}

std::string service_of(const Labels& labels) {
    const auto ns = label_of(labels, "destination_service_namespace");
    const auto name = label_of(labels, "destination_service_name");
    return is_unknown(name) || is_unknown(ns) ? std::string() : fmt::format("{}/{}", ns, name);
}

std::optional<EdgeKey> key_of(const Labels& labels, std::string_view protocol) {
    const auto source = source_of(labels);
    const auto target = target_of(labels);
    if (!source || !target || *source == *target) return std::nullopt;
    return EdgeKey{*source, *target, std::string(protocol), service_of(labels)};
}

std::string_view protocol_of(const Labels& labels) {
    const auto protocol = label_of(labels, "request_protocol");
    return protocol == "grpc" ? "grpc" : "http";
}

// The same edge is met in each of six answers; to find it by its order costs ten times as much.
struct HashOfKey {
    std::size_t operator()(const EdgeKey& key) const {
        std::size_t hash = 0;
        for (const auto* part : {&key.source, &key.target, &key.protocol, &key.service}) {
            hash = hash * 31 + std::hash<std::string>{}(*part);
        }
        return hash;
    }
};
using Gathered = std::unordered_map<EdgeKey, EdgeRates, HashOfKey>;

// An edge between namespaces may have as many as these have accounts.
constexpr std::size_t principals_max = 5;

void keep(std::set<Principals>& principals, const Principals& one) {
    principals.insert(one);
    if (principals.size() > principals_max) principals.erase(std::prev(principals.end()));
}

void add(EdgeRates& edge, const Sample& sample) {
    const std::string code(label_of(sample.labels, "response_code"));
    edge.rps += sample.value;
    if (is_failure(code, label_of(sample.labels, "grpc_response_status"))) {
        edge.failed += sample.value;
    } else if (code.starts_with('4')) {
        edge.refused += sample.value;
    }
    edge.codes[code.empty() ? "0" : code] += sample.value;
    const auto flags = label_of(sample.labels, "response_flags");
    edge.flags[flags.empty() ? "-" : std::string(flags)] += sample.value;
    const auto policy = label_of(sample.labels, "connection_security_policy");
    if (!is_unknown(policy)) {
        edge.with_policy += sample.value;
        if (policy == "mutual_tls") edge.mtls += sample.value;
    }
    const auto principal = [&](std::string_view label) {
        const auto text = label_of(sample.labels, label);
        return is_unknown(text) ? std::string() : std::string(text);
    };
    const Principals principals{principal("source_principal"), principal("destination_principal")};
    if (principals != Principals{}) keep(edge.principals, principals);
}

// What became of a request, as far as the caller's proxy knows.
enum class Fate {
    answered,  // the called side reports it too
    unmet,     // it never got to the called side
    cut,       // no answer was waited for, or none came: the called side may report it
};

// By the flags, of which there may be several ("UF,URX"); those that are not known say nothing.
Fate fate_of(const Sample& sample) {
    static const std::set<std::string_view> unmet{
        "UF", "UO", "UH", "NR", "NC", "FI", "RL", "RLSE", "UAEX", "IH", "LH", "NFCF", "DF", "OM"};
    static const std::set<std::string_view> cut{
        "UT", "LR", "UC", "UR", "DC", "SI", "DT", "UPE", "UMSDR"};
    const auto code = label_of(sample.labels, "response_code");
    auto fate = code.empty() || code == "0" || code == "-" ? Fate::cut : Fate::answered;
    for (const auto flag : split(label_of(sample.labels, "response_flags"), ',')) {
        if (unmet.contains(flag)) return Fate::unmet;
        if (cut.contains(flag)) fate = Fate::cut;
    }
    return fate;
}

// What the called side reports of an edge besides answers.
struct Reported {
    std::set<std::pair<std::string, std::string>> results;  // code and flags
    bool has_cut = false;
};
using ReportedByEdge = std::unordered_map<EdgeKey, Reported, HashOfKey>;

std::pair<std::string, std::string> result_of(const Sample& sample) {
    return {std::string(label_of(sample.labels, "response_code")),
            std::string(label_of(sample.labels, "response_flags"))};
}

ReportedByEdge reported_by(const Samples& arrived) {
    ReportedByEdge reported;
    for (const auto& sample : arrived) {
        const auto fate = fate_of(sample);
        if (fate == Fate::answered) continue;
        auto key = key_of(sample.labels, protocol_of(sample.labels));
        if (!key) continue;
        auto& of_edge = reported[*std::move(key)];
        of_edge.results.insert(result_of(sample));
        of_edge.has_cut = of_edge.has_cut || fate == Fate::cut;
    }
    return reported;
}

// Where the called side reports an edge, the caller's word counts for what only he saw. A try that
// he cut off is code 0 there and 504, or the answer of a later try, here: one request.
bool is_only_the_callers(const EdgeKey& key, const Sample& sample, const ReportedByEdge& reported) {
    const auto fate = fate_of(sample);
    if (fate == Fate::answered) return false;
    const auto found = reported.find(key);
    if (found == reported.end()) return true;
    if (fate == Fate::cut && found->second.has_cut) return false;
    return !found->second.results.contains(result_of(sample));
}

void add_what_left(Gathered& edges, const Samples& left, const Samples& arrived) {
    const auto reported = reported_by(arrived);
    Gathered more;
    for (const auto& sample : left) {
        auto key = key_of(sample.labels, protocol_of(sample.labels));
        if (!key) continue;
        if (edges.contains(*key) && !is_only_the_callers(*key, sample, reported)) continue;
        add(more[*std::move(key)], sample);
    }
    for (auto& [key, rates] : more) add_to(edges[key], rates);
}

// Of TCP they are all that is known; else they are told of requests that were met.
void add_bytes(Gathered& edges, const Sample& sample) {
    const auto way = label_of(sample.labels, "way");
    const bool is_tcp = way.starts_with("tcp-");
    if (!is_tcp && way != "in" && way != "out") return;
    auto key = key_of(sample.labels, is_tcp ? "tcp" : protocol_of(sample.labels));
    if (!key) return;
    if (!is_tcp && !edges.contains(*key)) return;
    auto& edge = edges[*std::move(key)];
    if (is_tcp) edge.rps += sample.value;
    auto& throughput = edge.throughput ? *edge.throughput : edge.throughput.emplace();
    (way.ends_with("in") ? throughput.in : throughput.out) += sample.value;
}

std::map<EdgeKey, EdgeRates> sorted(Gathered edges) {
    std::vector<Gathered::node_type> nodes;
    nodes.reserve(edges.size());
    while (!edges.empty()) nodes.push_back(edges.extract(edges.begin()));
    std::ranges::sort(nodes, {}, &Gathered::node_type::key);
    std::map<EdgeKey, EdgeRates> all;
    for (auto& node : nodes) {
        all.emplace_hint(all.end(), std::move(node.key()), std::move(node.mapped()));
    }
    return all;
}

std::map<std::string, EdgeRates> arrivals_of(const EdgesTable& edges) {
    std::map<std::string, EdgeRates> arrivals;
    for (const auto& [key, rates] : edges.edges) {
        if (key.protocol == "tcp") continue;
        add_to(arrivals[key.target], rates);
        // What reached nobody has the Service itself for a target.
        if (key.service.empty() || !key.target.starts_with("w/")) continue;
        add_to(arrivals["s/" + key.service], rates);
    }
    return arrivals;
}

std::string by_edge() {
    return "source_workload_namespace,source_workload,destination_workload_namespace,"
           "destination_workload,destination_service_namespace,destination_service_name,"
           "destination_service,request_protocol";
}

}  // namespace

std::string workload_id(const std::string& ns, const std::string& name) {
    return fmt::format("w/{}/{}", ns, name);
}

std::string service_id(const std::string& ns, const std::string& name) {
    return fmt::format("s/{}/{}", ns, name);
}

std::string id_of(const EdgeKey& key) {
    return fmt::format("e/{}>{}/{}", key.source, key.target, key.protocol);
}

EdgeRates& add_to(EdgeRates& sum, const EdgeRates& more) {
    sum.rps += more.rps;
    sum.failed += more.failed;
    sum.refused += more.refused;
    sum.mtls += more.mtls;
    sum.with_policy += more.with_policy;
    for (const auto& [code, rate] : more.codes) sum.codes[code] += rate;
    for (const auto& [flag, rate] : more.flags) sum.flags[flag] += rate;
    for (const auto& one : more.principals) keep(sum.principals, one);
    for (const auto member : {&EdgeRates::p50, &EdgeRates::p95, &EdgeRates::p99}) {
        if (more.*member) sum.*member = std::max((sum.*member).value_or(0), *(more.*member));
    }
    if (more.throughput) {
        auto& throughput = sum.throughput ? *sum.throughput : sum.throughput.emplace();
        throughput.in += more.throughput->in;
        throughput.out += more.throughput->out;
    }
    return sum;
}

EdgeQueries edge_queries(Duration window, const std::string& ns) {
    const auto length = std::chrono::duration_cast<seconds>(window).count();
    const auto here = [&](std::string_view side) {
        return ns.empty() ? std::string()
                          : fmt::format(",{}_workload_namespace=\"{}\"", side, promql_text(ns));
    };
    const auto requests = [&](std::string_view side, std::string_view more) {
        return fmt::format(
            "sum(rate(istio_requests_total{{reporter=\"{}\"{}}}[{}s])) by ({},response_code,"
            "grpc_response_status,response_flags,connection_security_policy{}) > 0",
            side,
            here(side),
            length,
            by_edge(),
            more);
    };
    // With the time of the way to it, retries and back-off the caller tells what nobody else does.
    const auto quantile = [&](std::string_view q) {
        const auto as_seen_by = [&](std::string_view side) {
            return fmt::format(
                "histogram_quantile({}, sum(rate(istio_request_duration_milliseconds_bucket{{"
                "reporter=\"{}\"{}}}[{}s])) by ({},le)) > 0",
                q,
                side,
                here(side),
                length,
                by_edge());
        };
        return fmt::format("({}) or ({})", as_seen_by("destination"), as_seen_by("source"));
    };
    // Rates of several names in one selector are refused where their labels are the same, as those
    // of one connection are.
    const auto bytes = [&](std::string_view metric, std::string_view way) {
        return fmt::format(
            "label_replace(sum(rate({}{{reporter=\"destination\"{}}}[{}s])) by ({}) > 0, \"way\", "
            "\"{}\", \"\", \"\")",
            metric,
            here("destination"),
            length,
            by_edge(),
            way);
    };
    return {.arrived = requests("destination", ",source_principal,destination_principal"),
            .left = requests("source", ""),
            .bytes = fmt::format("{} or {} or {} or {}",
                                 bytes("istio_request_bytes_sum", "in"),
                                 bytes("istio_response_bytes_sum", "out"),
                                 bytes("istio_tcp_received_bytes_total", "tcp-in"),
                                 bytes("istio_tcp_sent_bytes_total", "tcp-out")),
            .p50 = quantile("0.5"),
            .p95 = quantile("0.95"),
            .p99 = quantile("0.99")};
}

EdgesTable edges_table(const EdgeAnswers& answers, Duration window) {
    EdgesTable table;
    table.at = answers.arrived.at;
    if (!answers.arrived.what) {
        table.reason = answers.arrived.what.error().message;
        return table;
    }
    Gathered edges;
    for (const auto& sample : *answers.arrived.what) {
        auto key = key_of(sample.labels, protocol_of(sample.labels));
        if (key) add(edges[*std::move(key)], sample);
    }
    if (answers.left.what) add_what_left(edges, *answers.left.what, *answers.arrived.what);
    if (answers.bytes.what) {
        for (const auto& sample : *answers.bytes.what) add_bytes(edges, sample);
    }
    const auto fill = [&](const Measured<Samples>& measured,
                          std::optional<double> EdgeRates::* member) {
        if (!measured.what) return;
        for (const auto& sample : *measured.what) {
            const auto key = key_of(sample.labels, protocol_of(sample.labels));
            if (!key) continue;
            const auto found = edges.find(*key);
            // The called side's word comes first.
            if (found == edges.end() || found->second.*member) continue;
            found->second.*member = sample.value;
        }
    };
    fill(answers.p50, &EdgeRates::p50);
    fill(answers.p95, &EdgeRates::p95);
    fill(answers.p99, &EdgeRates::p99);
    table.edges = sorted(std::move(edges));
    table.arrivals = arrivals_of(table);
    table.reason = fmt::format("no requests in the last {} s",
                               std::chrono::duration_cast<seconds>(window).count());
    return table;
}

// The server outlives what is asked of it.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<std::shared_ptr<const EdgesTable>> edges(Prometheus& prometheus,
                                              Duration window,
                                              std::string ns,
                                              std::optional<std::int64_t> at,
                                              Duration fresh) {
    const auto queries = edge_queries(window, ns);
    const auto name = [&](std::string_view what) {
        return fmt::format("edges/{}/{}/{}",
                           what,
                           std::chrono::duration_cast<seconds>(window).count(),
                           at.value_or(0));
    };
    const auto arrived = co_await prometheus.ask(name("arrived"), queries.arrived, fresh, at);
    if (!arrived->what) {
        EdgesTable table;
        table.at = arrived->at;
        table.reason = arrived->what.error().message;
        co_return std::make_shared<const EdgesTable>(std::move(table));
    }
    const auto left = co_await prometheus.ask(name("left"), queries.left, fresh, at);
    const auto bytes = co_await prometheus.ask(name("bytes"), queries.bytes, fresh, at);
    const auto p50 = co_await prometheus.ask(name("p50"), queries.p50, fresh, at);
    const auto p95 = co_await prometheus.ask(name("p95"), queries.p95, fresh, at);
    const auto p99 = co_await prometheus.ask(name("p99"), queries.p99, fresh, at);
    co_return prometheus.made_of<EdgesTable>(
        name("all"),
        [&] { return edges_table({*arrived, *left, *bytes, *p50, *p95, *p99}, window); },
        arrived,
        left,
        bytes,
        p50,
        p95,
        p99);
}

}  // namespace sluice::web
