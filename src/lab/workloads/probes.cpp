#include "lab/workloads/probes.hpp"

#include "net/http.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

namespace sluice::lab {
namespace {

std::string_view field_of(ProbeKind kind) {
    switch (kind) {
        case ProbeKind::startup:
            return "startupProbe";
        case ProbeKind::readiness:
            return "readinessProbe";
        case ProbeKind::liveness:
            return "livenessProbe";
    }
    return {};
}

std::uint16_t port_of(const Json& container, const Json* port) {
    if (port == nullptr) return 0;
    if (port->is_number()) return static_cast<std::uint16_t>(port->to_number<std::int64_t>());
    if (!port->is_string()) return 0;
    for (const auto& named : array_at(container, {"ports"})) {
        if (text_at(named, {"name"}) == std::string_view(port->get_string())) {
            return static_cast<std::uint16_t>(integer_at(named, {"containerPort"}).value_or(0));
        }
    }
    return 0;
}

void read_http_get(const Json& container, const Json& http, ProbeSpec& spec) {
    spec.how = ProbeHow::http;
    spec.port = port_of(container, find(http, {"port"}));
    spec.path = text_at(http, {"path"}, "/");
    if (!spec.path.starts_with('/')) spec.path.insert(0, "/");
    for (const auto& header : array_at(http, {"httpHeaders"})) {
        const std::string name(text_at(header, {"name"}));
        const std::string value(text_at(header, {"value"}));
        if (name == "Host") {
            spec.host = value;
        } else {
            spec.headers.emplace_back(name, value);
        }
    }
}

}  // namespace

std::optional<ProbeSpec> pre_stop_call_of(const Json& container) {
    const auto* http = find(container, {"lifecycle", "preStop", "httpGet"});
    if (http == nullptr) return std::nullopt;
    ProbeSpec spec;
    read_http_get(container, *http, spec);
    return spec;
}

std::optional<ProbeSpec> probe_of(const Json& container, ProbeKind kind) {
    const auto* probe = find(container, {field_of(kind)});
    if (probe == nullptr || !probe->is_object()) return std::nullopt;
    ProbeSpec spec;
    if (const auto* http = find(*probe, {"httpGet"})) {
        read_http_get(container, *http, spec);
    } else if (const auto* tcp = find(*probe, {"tcpSocket"})) {
        spec.how = ProbeHow::tcp;
        spec.port = port_of(container, find(*tcp, {"port"}));
    } else if (const auto* exec = find(*probe, {"exec"})) {
        spec.how = ProbeHow::exec;
        for (const auto& word : array_at(*exec, {"command"})) {
            if (word.is_string()) spec.command.emplace_back(word.get_string());
        }
    } else if (find(*probe, {"grpc"}) != nullptr) {
        spec.how = ProbeHow::grpc;
    } else {
        return std::nullopt;
    }
    const auto seconds = [&](std::string_view field, std::int64_t otherwise) {
        return std::chrono::seconds{integer_at(*probe, {field}).value_or(otherwise)};
    };
    spec.initial_delay = seconds("initialDelaySeconds", 0);
    spec.period = std::max(std::chrono::seconds{1}, seconds("periodSeconds", 10));
    spec.timeout = std::max(std::chrono::seconds{1}, seconds("timeoutSeconds", 1));
    spec.success_threshold =
        static_cast<int>(std::max<std::int64_t>(1, seconds("successThreshold", 1).count()));
    spec.failure_threshold =
        static_cast<int>(std::max<std::int64_t>(1, seconds("failureThreshold", 3).count()));
    return spec;
}

std::optional<ProbeCall> podcli_check(const ProbeCall& call) {
    const auto& words = call.command;
    if (words.size() < 4 || !words[0].ends_with("podcli") || words[1] != "check") {
        return std::nullopt;
    }
    if (words[2] != "http" && words[2] != "tcp") return std::nullopt;
    const bool has_scheme = words[3].find("://") != std::string::npos;
    const auto url = net::parse_url(has_scheme ? words[3] : "http://" + words[3]);
    if (!url) return std::nullopt;
    auto check = call;
    check.how = words[2] == "http" ? ProbeHow::http : ProbeHow::tcp;
    check.port = url->origin.port;
    check.path = url->target;
    const auto& host = url->origin.host;
    if (host != "localhost" && host != "127.0.0.1" && host != "::1") check.ip = host;
    return check;
}

void ProbeTrack::answered(bool passed, Time asked, std::optional<Time> steady_until) {
    in_flight = false;
    (passed ? failures : successes) = 0;
    auto& count = passed ? successes : failures;
    const auto threshold = passed ? spec->success_threshold : spec->failure_threshold;
    if (++count >= threshold) passing = passed;
    next = asked + spec->period;
    // While counting towards a threshold every answer counts, steady or not.
    if (!steady_until || passing != passed) return;
    if (*steady_until == Time::max()) {
        next = Time::max();
    } else if (*steady_until > next) {
        const auto periods = (*steady_until - asked + spec->period - Duration{1}) / spec->period;
        next = asked + periods * spec->period;
    }
}

void ProbeTrack::wake(Time now) {
    if (spec && !in_flight) next = std::min(next, now + spec->period);
}

}  // namespace sluice::lab
