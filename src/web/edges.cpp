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

// What one side of an edge reports.
struct Side {
    EdgeRates rates;
    double unanswered = 0;
};
using Sides = std::unordered_map<EdgeKey, Side, HashOfKey>;

Sides sides_of(const Samples& samples) {
    Sides sides;
    for (const auto& sample : samples) {
        auto key = key_of(sample.labels, protocol_of(sample.labels));
        if (!key) continue;
        auto& side = sides[*std::move(key)];
        add(side.rates, sample);
        if (is_unanswered(label_of(sample.labels, "response_code"))) {
            side.unanswered += sample.value;
        }
    }
    return sides;
}

Gathered gathered_of(Sides arrived, Sides left) {
    Gathered edges;
    for (auto& [key, called] : arrived) {
        auto& edge = edges[key] = std::move(called.rates);
        edge.tries = {.all = edge.rps,
                      .failed = std::max(0.0, edge.failed - called.unanswered),
                      .unanswered = called.unanswered};
    }
    for (auto& [key, caller] : left) {
        auto& edge = edges[key];
        auto known = std::exchange(edge, std::move(caller.rates));
        edge.by_caller = true;
        edge.tries = known.tries;
        // A caller that goes away ends its try, too: both proxies count it.
        edge.tries.cut_off = std::max(0.0, known.tries.unanswered - caller.unanswered);
        if (known.with_policy > 0) {
            edge.mtls = known.mtls;
            edge.with_policy = known.with_policy;
        }
        if (!known.principals.empty()) edge.principals = std::move(known.principals);
    }
    return edges;
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
    sum.by_caller = sum.by_caller || more.by_caller;
    sum.rps += more.rps;
    sum.failed += more.failed;
    sum.refused += more.refused;
    sum.tries.all += more.tries.all;
    sum.tries.failed += more.tries.failed;
    sum.tries.unanswered += more.tries.unanswered;
    sum.tries.cut_off += more.tries.cut_off;
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
    const auto rate = [&](std::string_view side, std::string_view where) {
        return fmt::format(
            "rate(istio_requests_total{{reporter=\"{}\"{}}}[{}s])", side, where, length);
    };
    const auto requests = [&](std::string_view rates, std::string_view more) {
        return fmt::format(
            "sum({}) by ({},response_code,grpc_response_status,response_flags,"
            "connection_security_policy{}) > 0",
            rates,
            by_edge(),
            more);
    };
    // Who calls from another namespace counts its requests there.
    const auto left =
        ns.empty()
            ? rate("source", "")
            : fmt::format(
                  "{} or {}",
                  rate("source", here("source")),
                  rate("source",
                       fmt::format(",destination_service_namespace=\"{}\"", promql_text(ns))));
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
    return {.arrived = requests(rate("destination", here("destination")),
                                ",source_principal,destination_principal"),
            .left = requests(left, ""),
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
    auto edges = gathered_of(sides_of(*answers.arrived.what),
                             answers.left.what ? sides_of(*answers.left.what) : Sides{});
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
