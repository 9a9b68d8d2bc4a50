// Faults of pods, crashes, and single requests through a gateway.
#include "web/lab_trials.hpp"

#include "base/async/deadline.hpp"
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/state.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

constexpr double latency_max_ms = 60'000;
constexpr double slow_start_max_s = 600;
constexpr std::size_t host_max = 253;
constexpr long tries_max = 4;
constexpr Duration try_limit = std::chrono::seconds{10};
constexpr std::size_t body_shown = 1024;
// How long after the answer the proxy's word of it is waited for.
constexpr Duration route_pause = std::chrono::milliseconds{50};
constexpr int route_looks = 30;

constexpr std::int64_t log_lines_max = 200;
constexpr std::size_t log_bytes_max = std::size_t{64} * 1024;

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

Result<JsonObject> object_of(std::string_view body) {
    const auto json = parse_json(body, {.depth = 8, .bytes = std::size_t{16} * 1024});
    if (!json) return wrong("the body is no JSON: " + json.error().message);
    if (!json->is_object()) return wrong("the body is no object");
    return json->get_object();
}

// What is misspelled would otherwise do nothing in silence.
std::string unknown_field(const JsonObject& object, std::initializer_list<std::string_view> known) {
    for (const auto& field : object) {
        const std::string_view name = field.key();
        if (std::ranges::find(known, name) == known.end()) return std::string(name.substr(0, 64));
    }
    return {};
}

struct Bound {
    std::string_view field;
    double most;
};
Result<double> number_in(const Json& value, const Bound& bound) {
    const auto number = number_at(value, {});
    if (!value.is_number() || !number || !std::isfinite(*number) || *number < 0 ||
        *number > bound.most) {
        return wrong(fmt::format("{} is not in 0..{}", bound.field, bound.most));
    }
    return *number;
}

Duration milliseconds_of(double number) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(number));
}

double in_milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

Result<void> read_latency(const Json& value, LabSource::Fault& fault) {
    if (!value.is_object()) return wrong("latencyMs is no object");
    const auto odd = unknown_field(value.get_object(), {"p50", "p99"});
    if (!odd.empty()) return wrong(fmt::format("latencyMs.{} is no field", odd));
    const auto* p50 = find(value, {"p50"});
    const auto* p99 = find(value, {"p99"});
    if (p50 != nullptr) {
        const auto number = number_in(*p50, {"latencyMs.p50", latency_max_ms});
        if (!number) return number.error();
        fault.p50 = milliseconds_of(*number);
        fault.p99 = fault.p50;
    }
    if (p99 != nullptr) {
        const auto number = number_in(*p99, {"latencyMs.p99", latency_max_ms});
        if (!number) return number.error();
        fault.p99 = milliseconds_of(*number);
    }
    if (fault.p50 > fault.p99) return wrong("latencyMs.p50 is above latencyMs.p99");
    return {};
}

// What has come of an answer so far.
struct Got {
    bool has_head = false;
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    Time at{};
    std::string body;
    bool is_whole = false;
};

// The client and the clock outlive it.
Task<Result<void>> ask(net::HttpClient* http,
                       Clock* clock,
                       net::Request request,
                       std::shared_ptr<Got> got) {
    auto response = co_await http->open(std::move(request));
    if (!response) co_return response.error();
    got->has_head = true;
    got->at = clock->now();
    got->status = response->status;
    for (const auto& [name, value] : response->headers) got->headers.emplace_back(name, value);
    got->body = std::move(response->body);
    while (response->stream && got->body.size() <= body_shown) {
        const auto part = co_await response->stream->next();
        if (!part) co_return part.error();
        if (part->empty()) break;
        got->body += *part;
    }
    got->is_whole = got->body.size() <= body_shown;
    co_return Result<void>{};
}

Error no_such(const kube::ObjectKey& pod) {
    return {ErrorKind::not_found, "no pod " + to_string(pod)};
}

Refusal refusal_of_trial(const Error& error) {
    if (error.kind == ErrorKind::not_found) {
        return {.status = 404, .code = "not_found", .message = error.message};
    }
    return {.status = 422, .code = "not_allowed_now", .message = error.message};
}

JsonObject route_json(const TapRow& row) {
    const auto text = [](const std::string& one) {
        return one.empty() ? Json(nullptr) : Json(one);
    };
    return {{"route", text(row.route)},
            {"destination", row.destination},
            {"service", row.service},
            {"pod", text(row.pod)},
            {"code", row.code},
            {"flags", row.flags},
            {"tries", row.tries}};
}

}  // namespace

Result<std::string> path_wanted(const Json& body) {
    const auto* path = find(body, {"path"});
    if (path == nullptr) return std::string("/");
    if (!path->is_string()) return wrong("path is no text");
    std::string wanted(std::string_view(path->get_string()));
    const bool is_path = wanted.starts_with('/') && wanted.size() <= 500 &&
                         std::ranges::all_of(wanted, [](char c) { return c > ' ' && c < 127; });
    if (!is_path) return wrong("path is no path of at most 500 bytes that begins with /");
    return wanted;
}

Result<std::optional<LabSource::Fault>> fault_wanted(std::string_view body) {
    if (trimmed(body).empty()) return std::optional<LabSource::Fault>{};
    const auto json = object_of(body);
    if (!json) return json.error();
    const auto odd = unknown_field(*json, {"latencyMs", "errorRatio", "hang", "slowStart"});
    if (!odd.empty()) {
        return wrong(odd + " is no field: latencyMs, errorRatio, hang and slowStart are");
    }
    LabSource::Fault fault;
    if (const auto* latency = json->if_contains("latencyMs")) {
        const auto read = read_latency(*latency, fault);
        if (!read) return read.error();
    }
    if (const auto* ratio = json->if_contains("errorRatio")) {
        const auto number = number_in(*ratio, {"errorRatio", 1});
        if (!number) return number.error();
        fault.error_ratio = *number;
    }
    if (const auto* hang = json->if_contains("hang")) {
        if (!hang->is_bool()) return wrong("hang is neither true nor false");
        fault.hangs = hang->get_bool();
    }
    if (const auto* slow = json->if_contains("slowStart")) {
        const auto number = number_in(*slow, {"slowStart", slow_start_max_s});
        if (!number) return number.error();
        fault.slow_start = milliseconds_of(*number * 1000);
    }
    const bool is_none = fault.p99 == Duration{} && fault.error_ratio <= 0 && !fault.hangs &&
                         fault.slow_start == Duration{};
    return is_none ? std::nullopt : std::optional(fault);
}

JsonObject fault_json(const kube::ObjectKey& pod, const LabSource::Fault& fault) {
    return {{"pod", to_string(pod)},
            {"latencyMs",
             JsonObject{{"p50", in_milliseconds(fault.p50)}, {"p99", in_milliseconds(fault.p99)}}},
            {"errorRatio", fault.error_ratio},
            {"hang", fault.hangs},
            {"slowStart", in_milliseconds(fault.slow_start) / 1000}};
}

Result<TryWanted> try_wanted(std::string_view body) {
    const auto json = object_of(body);
    if (!json) return json.error();
    const auto odd = unknown_field(*json, {"gateway", "path", "host"});
    if (!odd.empty()) return wrong(odd + " is no field: gateway, path and host are");
    TryWanted wanted;
    const auto* gateway = json->if_contains("gateway");
    if (gateway == nullptr || !gateway->is_string()) {
        return wrong("gateway is missing, or no text");
    }
    wanted.gateway = std::string_view(gateway->get_string());
    const auto path = path_wanted(*json);
    if (!path) return path.error();
    wanted.path = *path;
    if (const auto* host = json->if_contains("host")) {
        if (!host->is_string()) return wrong("host is no text");
        wanted.host = std::string_view(host->get_string());
        const bool is_host = !wanted.host.empty() && wanted.host.size() <= host_max &&
                             std::ranges::all_of(wanted.host, [](char c) {
                                 return is_digit(c) || (c >= 'a' && c <= 'z') ||
                                        (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
                                        c == '_' || c == ':' || c == '[' || c == ']';
                             });
        if (!is_host) return wrong("host is no name of at most 253 bytes");
    }
    return wanted;
}

std::string text_of_body(std::string_view body, std::size_t most) {
    auto end = std::min(most, body.size());
    while (end > 0 && end < body.size() &&
           (static_cast<unsigned char>(body[end]) & 0xc0U) == 0x80U) {
        --end;
    }
    const auto text = body.substr(0, end);
    return is_utf8(text) ? std::string(text) : "(no text)";
}

net::Response Dashboard::State::set_fault(SharedCall call) {
    const kube::ObjectKey pod{call->path[2], call->path[3]};
    auto wanted = call->request.method == "DELETE"
                      ? Result<std::optional<LabSource::Fault>>(std::nullopt)
                      : fault_wanted(call->request.body);
    if (!wanted) return refused(bad_request(wanted.error()), call->id);
    Result<void> done = no_such(pod);
    if (call->viewer.sees(pod.ns)) done = outside.lab->set_fault(pod, *wanted);
    if (!done) return refused(refusal_of_trial(done.error()), call->id);
    auto response =
        told(call->request,
             outside.clock.now(),
             JsonObject{{"pod", to_string(pod)},
                        {"fault", *wanted ? Json(fault_json(pod, **wanted)) : Json(nullptr)}});
    response.headers.erase("ETag");
    return response;
}

net::Response Dashboard::State::crash(SharedCall call) {
    const kube::ObjectKey pod{call->path[2], call->path[3]};
    Result<void> done = no_such(pod);
    if (call->viewer.sees(pod.ns)) done = outside.lab->crash(pod);
    if (!done) return refused(refusal_of_trial(done.error()), call->id);
    auto response = told(call->request, outside.clock.now(), JsonObject{{"pod", to_string(pod)}});
    response.status = 202;
    response.headers.erase("ETag");
    return response;
}

// As the person who asks may read it.
Task<net::Response> Dashboard::State::pod_log(SharedCall call) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    const kube::ObjectKey key{call->path[2], call->path[3]};
    const auto tail = call->asked.number("tail", {1, log_lines_max});
    if (!tail) co_return refuse(bad_request(tail.error()));
    const auto wanted = call->asked.text("container", 253);
    if (!wanted) co_return refuse(bad_request(wanted.error()));
    if (!call->viewer.sees(key.ns)) co_return refuse(refusal_of_trial(no_such(key)));
    const auto pod = co_await call->person->client.get(resources::pods, key);
    if (!pod) co_return refuse(refusal_of(pod.error()));
    JsonArray containers;
    for (const auto& container : array_at(*pod, {"spec", "containers"})) {
        containers.emplace_back(text_at(container, {"name"}));
    }
    const auto container = wanted->empty() && !containers.empty()
                               ? std::string(std::string_view(containers.front().as_string()))
                               : *wanted;
    if (std::ranges::find(containers, Json(container)) == containers.end()) {
        co_return refuse(bad_request(
            {ErrorKind::invalid,
             fmt::format("parameter container: pod {} has no {}", to_string(key), container)}));
    }
    const auto written = co_await call->person->client.stream(
        fmt::format("/api/v1/namespaces/{}/pods/{}/log?container={}&tailLines={}",
                    percent_encoded(key.ns),
                    percent_encoded(key.name),
                    percent_encoded(container),
                    tail->value_or(log_lines_max)));
    // A container that has not begun yet has none.
    if (!written && written.error().kind != ErrorKind::invalid) {
        co_return refuse(refusal_of(written.error()));
    }
    std::string text;
    bool is_cut = false;
    while (written) {
        const auto more = co_await (*written)->next();
        if (!more) co_return refuse(refusal_of(more.error()));
        if (more->empty()) break;
        text += *more;
        if (text.size() <= log_bytes_max) continue;
        text.erase(0, text.size() - log_bytes_max);
        is_cut = true;
    }
    // From the first whole line on.
    if (is_cut) text.erase(0, text.find('\n') + 1);
    co_return told(call->request,
                   outside.clock.now(),
                   JsonObject{{"pod", to_string(key)},
                              {"container", container},
                              {"containers", std::move(containers)},
                              {"text", is_utf8(text) ? text : "(no text)"},
                              {"cut", is_cut},
                              {"reason", written ? Json(nullptr) : Json(written.error().message)}});
}

Task<net::Response> Dashboard::State::try_gateway(SharedCall call) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    const auto wanted = try_wanted(call->request.body);
    if (!wanted) co_return refuse(bad_request(wanted.error()));
    co_await catch_up();
    const auto way = way_in(wanted->gateway, call->viewer);
    if (const auto* refusal = std::get_if<Refusal>(&way)) co_return refuse(*refusal);
    const auto [door, host_behind] = std::get<WayIn>(way);
    // Held until this has ended, however it does.
    const auto slot = tries;
    if (tries.use_count() > tries_max + 1) {
        co_return refuse({.status = 429,
                          .code = "too_many_tries",
                          .message = fmt::format("{} tries are under way", tries_max)});
    }

    const auto url = to_string(door);
    auto host = wanted->host.empty() ? host_behind : wanted->host;
    if (host.empty()) host = url.substr(url.find("//") + 2);
    const auto request_id = fmt::format("try-{:016x}", outside.random.next());
    if (outside.tap != nullptr) {
        taps[request_id] = {.filter = {}, .viewer = call->viewer, .asked = outside.clock.now()};
        begin_to_tap();
    }
    net::Request request{.origin = door, .target = wanted->path};
    request.headers.set("Host", host);
    request.headers.set("User-Agent", "sluice-try");
    request.headers.set("X-Request-Id", request_id);
    request.headers.set("Connection", "close");
    request.timeout = try_limit;
    const auto began = outside.clock.now();
    const auto got = std::make_shared<Got>();
    const auto asked = co_await with_deadline(
        outside.clock, try_limit, ask(&outside.http, &outside.clock, std::move(request), got));
    const auto ended = got->has_head ? got->at : outside.clock.now();

    std::string reason;
    if (!got->has_head) reason = asked ? "no answer" : asked.error().message;
    Json route = nullptr;
    for (int look = 0; outside.tap != nullptr && look < route_looks; ++look) {
        if (const auto* row = tapped.find(request_id)) {
            route = route_json(*row);
            break;
        }
        co_await outside.clock.sleep_for(route_pause);
    }
    taps.erase(request_id);
    if (route.is_null() && reason.empty()) reason = "the proxy did not tell of this request";
    Json answer = nullptr;
    if (got->has_head) {
        answer = JsonObject{{"status", got->status},
                            {"headers", headers_json(got->headers)},
                            {"body", text_of_body(got->body, body_shown)},
                            {"cut", !got->is_whole}};
    }
    auto response = told(call->request,
                         outside.clock.now(),
                         JsonObject{{"gateway", wanted->gateway},
                                    {"url", url + wanted->path},
                                    {"host", host},
                                    {"answer", std::move(answer)},
                                    {"reason", reason.empty() ? Json(nullptr) : Json(reason)},
                                    {"milliseconds", in_milliseconds(ended - began)},
                                    {"route", std::move(route)}});
    response.headers.erase("ETag");
    co_return response;
}

}  // namespace sluice::web
