#include "lab/mesh/nginx_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::mesh {

namespace {

void append_label(std::string& text, std::string_view name, std::string_view value) {
    if (!text.empty()) text += ',';
    text.append(name).append("=\"");
    for (const char c : value) {
        if (c == '\\' || c == '"') text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    text += '"';
}

std::string labels_of(const IngressRecord& record) {
    std::string text;
    append_label(text, "canary", record.canary);
    append_label(text, "controller_class", "k8s.io/ingress-nginx");
    append_label(text, "controller_namespace", "ingress-nginx");
    append_label(text, "controller_pod", "ingress-nginx-controller");
    append_label(text, "host", record.names->host == "*" ? "_" : record.names->host);
    append_label(text, "ingress", record.names->ingress);
    append_label(text, "method", record.method);
    append_label(text, "namespace", record.names->ns);
    append_label(text, "path", record.names->path);
    append_label(text, "service", record.names->service);
    append_label(text, "status", std::to_string(record.status));
    return text;
}

}  // namespace

void NginxMetrics::Histogram::add(double seconds) {
    const auto* const bound = std::ranges::lower_bound(bounds, seconds);
    ++counts[static_cast<std::size_t>(bound - bounds.begin())];
    sum += seconds;
}

void NginxMetrics::add(const IngressRecord& record) {
    auto labels = labels_of(record);
    auto known = series_.find(labels);
    if (known == series_.end()) {
        // Methods and paths come from outside: there is an end of what is kept of them.
        if (series_.size() >= label_sets_max_) return;
        known = series_.emplace(std::move(labels), Series{}).first;
    }
    auto& series = known->second;
    ++series.requests;
    series.request.add(record.request_seconds);
    series.response.add(record.response_seconds);
}

void NginxMetrics::append(std::string& text,
                          std::string_view name,
                          const std::string& labels,
                          const Histogram& histogram) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        below += histogram.counts[i];
        text += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n",
                            name,
                            labels,
                            i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf",
                            below);
    }
    text += fmt::format(
        "{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name, labels, histogram.sum, below);
}

std::string NginxMetrics::exposition(IstioMetrics::Reading reading) {
    if (series_.empty()) return {};
    static const Series nothing;
    const auto shown = [&](const SeriesOf& entry) -> const Series& {
        return reading == IstioMetrics::Reading::scrape && !entry.second.announced ? nothing
                                                                                   : entry.second;
    };
    std::string text = "# TYPE nginx_ingress_controller_requests counter\n";
    for (const auto& entry : series_)
        text += fmt::format(
            "nginx_ingress_controller_requests{{{}}} {}\n", entry.first, shown(entry).requests);
    for (const auto& [name, which] :
         {std::pair{"nginx_ingress_controller_request_duration_seconds", &Series::request},
          std::pair{"nginx_ingress_controller_response_duration_seconds", &Series::response}}) {
        text += fmt::format("# TYPE {} histogram\n", name);
        for (const auto& entry : series_) append(text, name, entry.first, shown(entry).*which);
    }
    if (reading == IstioMetrics::Reading::scrape)
        for (auto& [labels, series] : series_) series.announced = true;
    return text;
}

}  // namespace sluice::mesh
