#include "metrics/table.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <map>

namespace sluice::metrics {
namespace {

// Where a mesh counts its requests and measures how long they take. The queries are made of these
// by one shape for all.
struct QuerySet {
    std::string_view requests;  // a counter
    std::string_view labels;
    std::string_view ok;         // the label of what is no error
    std::string_view durations;  // the buckets; of a mean the name without _sum and _count
    std::string_view duration_labels = {};  // when they are others
    bool mean = false;                      // and no quantile
    std::string_view duration_suffix = {};  // to milliseconds, in the query
    double duration_factor = 1;             // to milliseconds, of the answer
    bool plain_names = false;               // of words and _ only
    std::string_view answered = {};         // the label of what got an answer; empty: not told
    std::string_view answered_ok = {};      // ... and is no error
};

constexpr std::string_view pods =
    R"~(kubernetes_namespace="{{ namespace }}", )~"
    R"~(kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)")~";

constexpr std::string_view skipper_route =
    R"(kube(ew)?_{{ namespace }}__{{ ingress }}_canary__.*__{{ service }}_canary(_[0-9]+)?)";

const std::map<std::string_view, QuerySet>& sets() {
    static const std::string skipper = fmt::format(R"(route=~"{}")", skipper_route);
    static const std::string skipper_all = fmt::format(R"(route=~"{}", le="+Inf")", skipper_route);
    static const std::map<std::string_view, QuerySet> all{
        {"istio",
         {.requests = "istio_requests_total",
          .labels = R"(reporter="destination", destination_workload_namespace="{{ namespace }}", )"
                    R"(destination_workload=~"{{ target }}")",
          .ok = R"(response_code!~"5.*")",
          .durations = "istio_request_duration_milliseconds_bucket",
          .answered = R"(response_code!="0")",
          .answered_ok = R"(response_code!~"5.*|0")"}},
        {"linkerd",
         {.requests = "response_total",
          .labels =
              R"(namespace="{{ namespace }}", deployment=~"{{ target }}", direction="inbound")",
          .ok = R"(classification!="failure")",
          .durations = "response_latency_ms_bucket"}},
        {"kubernetes",
         {.requests = "http_request_duration_seconds_count",
          .labels = pods,
          .ok = R"(status!~"5.*")",
          .durations = "http_request_duration_seconds_bucket",
          .duration_factor = 1000}},
        {"appmesh",
         {.requests = "envoy_cluster_upstream_rq",
          .labels = pods,
          .ok = R"(envoy_response_code!~"5.*")",
          .durations = "envoy_cluster_upstream_rq_time_bucket"}},
        {"contour",
         {.requests = "envoy_cluster_upstream_rq",
          .labels = R"(envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+")",
          .ok = R"(envoy_response_code!~"5.*")",
          .durations = "envoy_cluster_upstream_rq_time_bucket"}},
        {"gloo",
         {.requests = "envoy_cluster_upstream_rq",
          .labels = R"(envoy_cluster_name=~"{{ namespace }}-{{ target }}-canaryupstream-)"
                    R"([0-9a-zA-Z-]+_[0-9a-zA-Z-]+")",
          .ok = R"(envoy_response_code!~"5.*")",
          .durations = "envoy_cluster_upstream_rq_time_bucket"}},
        {"kuma",
         {.requests = "envoy_cluster_upstream_rq",
          .labels = R"(service=~"{{ target }}-canary_{{ namespace }}_svc_[0-9a-zA-Z-]+")",
          .ok = R"(envoy_response_code!~"5.*")",
          .durations = "envoy_cluster_upstream_rq_time_bucket"}},
        {"knative",
         {.requests = "envoy_cluster_upstream_rq",
          .labels = R"(envoy_cluster_name=~"{{ namespace }}/{{ route }}")",
          .ok = R"(envoy_response_code!~"5.*")",
          .durations = "envoy_cluster_upstream_rq_time_bucket"}},
        {"osm",
         {.requests = "osm_request_total",
          .labels = R"(destination_namespace="{{ namespace }}", destination_kind="Deployment", )"
                    R"(destination_name="{{ target }}")",
          .ok = R"(response_code!~"5.*")",
          .durations = "osm_request_duration_ms_bucket"}},
        {"apisix",
         {.requests = "apisix_http_status",
          .labels = R"(route=~"{{ namespace }}_{{ route }}-{{ target }}-canary_.+")",
          .ok = R"(code!~"5..")",
          .durations = "apisix_http_latency_bucket",
          .duration_labels = R"(type=~"request", )"
                             R"(route=~"{{ namespace }}_{{ route }}-{{ target }}-canary_.+")"}},
        {"traefik",
         {.requests = "traefik_service_request_duration_seconds_bucket",
          .labels =
              R"(service=~"{{ namespace }}-{{ target }}-canary-[0-9a-zA-Z-]+@kubernetescrd", )"
              R"(le="+Inf")",
          .ok = R"(code!~"5..")",
          .durations = "traefik_service_request_duration_seconds_bucket",
          .duration_labels =
              R"(service=~"{{ namespace }}-{{ target }}-canary-[0-9a-zA-Z-]+@kubernetescrd")",
          .duration_suffix = " * 1000"}},
        {"nginx",
         {.requests = "nginx_ingress_controller_requests",
          .labels = R"(namespace="{{ namespace }}", ingress="{{ ingress }}", canary!="")",
          .ok = R"(status!~"5.*")",
          .durations = "nginx_ingress_controller_response_duration_seconds",
          .mean = true,
          .duration_suffix = " * 1000"}},
        {"skipper",
         {.requests = "skipper_response_duration_seconds_bucket",
          .labels = skipper_all,
          .ok = R"(code!~"5..")",
          .durations = "skipper_serve_route_duration_seconds",
          .duration_labels = skipper,
          .mean = true,
          .duration_suffix = " * 1000",
          .plain_names = true}},
    };
    return all;
}

const QuerySet* find(std::string_view provider) {
    if (provider.starts_with("smi:")) provider.remove_prefix(4);
    if (provider.ends_with(":service")) provider.remove_suffix(8);
    if (provider.starts_with("appmesh")) provider = "appmesh";
    if (provider.starts_with("gloo")) provider = "gloo";
    if (provider.starts_with("gatewayapi")) provider = "kubernetes";
    const auto found = sets().find(provider);
    return found == sets().end() ? nullptr : &found->second;
}

std::string rate(std::string_view counter, std::string_view labels) {
    return fmt::format("sum( rate( {}{{ {} }}[{{{{ interval }}}}] ) )", counter, labels);
}

std::string requests_of(const QuerySet& set, api::Unanswered unanswered) {
    if (unanswered != api::Unanswered::exclude) return std::string(set.labels);
    return fmt::format("{}, {}", set.labels, set.answered);
}

std::string template_of(const QuerySet& set, BuiltIn check, api::Unanswered unanswered) {
    const auto labels = set.duration_labels.empty() ? set.labels : set.duration_labels;
    switch (check) {
        case BuiltIn::success_rate:
            return fmt::format(
                "{} / {} * 100",
                rate(set.requests,
                     fmt::format("{}, {}",
                                 set.labels,
                                 unanswered == api::Unanswered::pass ? set.ok : set.answered_ok)),
                rate(set.requests, requests_of(set, unanswered)));
        case BuiltIn::duration:
            if (set.mean) {
                return fmt::format("{} / {}{}",
                                   rate(fmt::format("{}_sum", set.durations), labels),
                                   rate(fmt::format("{}_count", set.durations), labels),
                                   set.duration_suffix);
            }
            return fmt::format("histogram_quantile( 0.99, {} by (le) ){}",
                               rate(set.durations, labels),
                               set.duration_suffix);
        case BuiltIn::request_count:
            return fmt::format("sum( increase( {}{{ {} }}[{{{{ interval }}}}] ) )",
                               set.requests,
                               requests_of(set, unanswered));
    }
    SLUICE_ASSERT(false);
}

std::string plain(std::string_view name) {
    std::string made(name);
    for (auto& c : made) {
        const bool is_word =
            is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_word) c = '_';
    }
    return made;
}

QueryModel with_plain_names(QueryModel model) {
    for (auto* name : {&model.name, &model.ns, &model.target, &model.service, &model.ingress}) {
        *name = plain(*name);
    }
    return model;
}

}  // namespace

Result<BuiltInQuery> built_in_query(std::string_view provider,
                                    BuiltIn check,
                                    const QueryModel& model,
                                    api::Unanswered unanswered) {
    const auto* set = find(provider);
    if (set == nullptr) {
        return Error{ErrorKind::unsupported,
                     fmt::format("provider {} has no built-in checks; known: {}",
                                 provider,
                                 joined(known_query_sets(), ", "))};
    }
    if (unanswered != api::Unanswered::pass && set->answered.empty()) {
        return Error{
            ErrorKind::unsupported,
            fmt::format("provider {} does not tell requests without an answer apart", provider)};
    }
    const auto rendered = render(template_of(*set, check, unanswered),
                                 set->plain_names ? with_plain_names(model) : model);
    if (!rendered) return rendered.error();
    return BuiltInQuery{.text = with_single_blanks(*rendered),
                        .factor = check == BuiltIn::duration ? set->duration_factor : 1};
}

std::vector<std::string> known_query_sets() {
    std::vector<std::string> names;
    names.reserve(sets().size());
    for (const auto& [name, set] : sets()) names.emplace_back(name);
    return names;
}

}  // namespace sluice::metrics
