// What only a lab has: what runs in it, test load through its gateways, and single requests, live.
#include "base/core/sha256.hpp"
#include "web/answer.hpp"
#include "web/gateways.hpp"
#include "web/lab_trials.hpp"
#include "web/release.hpp"
#include "web/state.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

constexpr Duration tap_pause = std::chrono::milliseconds{250};
constexpr Duration tap_memory = std::chrono::minutes{1};
// The proxy's rate: over how much at most and at least, and how often its count is noted.
constexpr Duration rate_memory = std::chrono::seconds{30};
constexpr Duration rate_least = std::chrono::seconds{2};
constexpr Duration rate_pause = std::chrono::seconds{1};

struct LoadWanted {
    std::string gateway;
    double per_second = 20;
    std::int64_t length = 60;
    std::string path = "/";
};

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

Result<LoadWanted> load_wanted(std::string_view body) {
    const auto json = parse_json(body, {.depth = 8, .bytes = std::size_t{16} * 1024});
    if (!json) return wrong("the body is no JSON: " + json.error().message);
    if (!json->is_object()) return wrong("the body is no object");
    LoadWanted wanted;
    const auto* gateway = find(*json, {"gateway"});
    if (gateway == nullptr || !gateway->is_string()) {
        return wrong("gateway is missing, or no text");
    }
    wanted.gateway = std::string_view(gateway->get_string());
    if (const auto* rate = find(*json, {"qps"})) {
        const auto number = number_at(*json, {"qps"});
        if (!rate->is_number() || !number || !std::isfinite(*number) || *number < 1 ||
            *number > LoadRuns::per_second_max) {
            return wrong(fmt::format("qps is not in 1..{}", LoadRuns::per_second_max));
        }
        wanted.per_second = *number;
    }
    if (find(*json, {"seconds"}) != nullptr) {
        const auto number = integer_at(*json, {"seconds"});
        if (!number || *number < 1 || *number > 600) return wrong("seconds is not in 1..600");
        wanted.length = *number;
    }
    const auto path = path_wanted(*json);
    if (!path) return path.error();
    wanted.path = *path;
    return wanted;
}

// The host that the first route behind a gateway is for; empty where it takes any.
std::string host_behind(const JsonObject& gateway, const Known& known) {
    for (const auto& name : gateway.at("virtualServices").as_array()) {
        const std::string_view text = name.as_string();
        const auto slash = text.find('/');
        const auto object =
            known.get(resources::virtual_services,
                      {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))});
        if (!object) continue;
        for (const auto& host : array_at(*object, {"spec", "hosts"})) {
            if (!host.is_string()) continue;
            const std::string_view one = host.get_string();
            return one.find('*') == std::string_view::npos ? std::string(one) : std::string();
        }
    }
    return {};
}

// Its phase, or why it does not run.
std::string state_of(const Json& pod) {
    if (find(pod, {"metadata", "deletionTimestamp"}) != nullptr) return "Terminating";
    for (const auto& status : array_at(pod, {"status", "containerStatuses"})) {
        const auto why = text_at(status, {"state", "waiting", "reason"});
        if (!why.empty()) return std::string(why);
    }
    return std::string(text_at(pod, {"status", "phase"}, "Unknown"));
}

JsonObject process_json(const LabSource::Process& process) {
    const bool is_known = process.cpu_seconds && process.memory;
    return {{"name", process.name},
            {"pod", false},
            {"app", nullptr},
            {"state", "Running"},
            {"ready", nullptr},
            {"restarts", nullptr},
            {"listens", JsonArray{}},
            {"takesFaults", false},
            {"takesNoneWhy", nullptr},
            {"pid", process.pid},
            {"cpuSeconds", process.cpu_seconds ? Json(*process.cpu_seconds) : Json(nullptr)},
            {"memory", process.memory ? Json(*process.memory) : Json(nullptr)},
            {"reason", is_known ? Json(nullptr) : Json("the machine does not tell")}};
}

JsonObject process_json(const LabSource::Pod& pod, const std::optional<Json>& object) {
    const auto shown = object ? pod_json(*object, "") : JsonObject{};
    JsonArray listens;
    for (const auto& at : pod.listens) listens.emplace_back(at);
    return {{"name", to_string(pod.key)},
            {"pod", true},
            {"app", pod.app.empty() ? Json(nullptr) : Json(pod.app)},
            {"state", object ? state_of(*object) : "Unknown"},
            {"ready", object ? shown.at("ready") : Json(nullptr)},
            {"restarts", object ? shown.at("restarts") : Json(nullptr)},
            {"listens", std::move(listens)},
            {"takesFaults", pod.spared.empty()},
            {"takesNoneWhy", pod.spared.empty() ? Json(nullptr) : Json(pod.spared)},
            {"pid", nullptr},
            {"cpuSeconds", nullptr},
            {"memory", nullptr},
            {"reason", "a part of the lab's own process"}};
}

}  // namespace

Task<net::Response> Dashboard::State::lab(SharedCall call) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    if (!is_lab()) {
        co_return refuse({.status = 404, .code = "not_a_lab", .message = "this is no lab"});
    }
    const auto& path = call->path;
    if (path.size() == 1) {
        co_return told(call->request, outside.clock.now(), lab_json(call->viewer));
    }
    if (path[1] == "faults") co_return set_fault(call);
    if (path[1] == "crash") co_return crash(call);
    if (path[1] == "try") co_return co_await try_gateway(call);
    if (path[1] == "logs") co_return co_await pod_log(call);
    if (path.size() == 2) co_return co_await start_load(call);
    if (!loads.stop(path[2])) {
        co_return refuse({.status = 404,
                          .code = "not_found",
                          .message = "no test load has the id " + path[2].substr(0, 64)});
    }
    co_return told(call->request, outside.clock.now(), loads.run_json(path[2]).as_object());
}

JsonObject Dashboard::State::lab_json(const Viewer& viewer) {
    JsonArray processes;
    for (const auto& process : outside.lab->processes()) {
        processes.push_back(process_json(process));
    }
    JsonArray faults;
    for (const auto& pod : outside.lab->pods()) {
        if (!viewer.sees(pod.key.ns)) continue;
        processes.push_back(process_json(pod, known->get(resources::pods, pod.key)));
        if (pod.fault) faults.push_back(fault_json(pod.key, *pod.fault));
    }
    return {{"processes", std::move(processes)},
            {"faults", std::move(faults)},
            {"load", loads.runs_json()},
            {"proxy", proxy_json()}};
}

JsonObject Dashboard::State::proxy_json() {
    const auto now = outside.clock.now();
    const auto proxy = outside.lab->proxy();
    while (!proxied.empty() && proxied.front().first + rate_memory < now) proxied.pop_front();
    if (proxied.empty() || proxied.back().first + rate_pause <= now) {
        proxied.emplace_back(now, proxy.requests);
    }
    std::optional<double> rps;
    const auto& [since, before] = proxied.front();
    if (since + rate_least <= now) {
        rps = static_cast<double>(proxy.requests - before) /
              std::chrono::duration<double>(now - since).count();
    }
    std::string reason;
    if (!rps) reason = "its rate is measured since a moment ago";
    if (proxy.series == 0) reason = "Prometheus has not asked for its series yet";
    return {{"rps", rps ? Json(*rps) : Json(nullptr)},
            {"requests", proxy.requests},
            {"threads", proxy.threads},
            {"split", proxy.split},
            {"series", proxy.series == 0 ? Json(nullptr) : Json(proxy.series)},
            {"reason", reason.empty() ? Json(nullptr) : Json(reason)}};
}

std::variant<Dashboard::State::WayIn, Refusal> Dashboard::State::way_in(
    std::string_view name, const Viewer& viewer) const {
    const EdgesTable no_edges;
    const auto gateways = gateways_with(no_edges);
    const auto gateway = std::ranges::find(gateways, name, &GatewayShown::key);
    if (gateway == gateways.end() || !viewer.sees(gateway->ns)) {
        return Refusal{.status = 404,
                       .code = "not_found",
                       .message = fmt::format("no gateway {}", name.substr(0, 200))};
    }
    // The lab's own word: an address in an object is whatever somebody wrote there.
    const std::string_view key = gateway->key;
    const auto doors =
        outside.lab->doors_of({gateway->ns, std::string(key.substr(key.find('/') + 1))});
    if (doors.empty()) {
        return Refusal{.status = 422,
                       .code = "not_allowed_now",
                       .message = fmt::format("gateway {} has no address yet", name)};
    }
    return WayIn{.door = doors.front(), .host = host_behind(gateway->json, *known)};
}

Task<net::Response> Dashboard::State::start_load(SharedCall call) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    const auto wanted = load_wanted(call->request.body);
    if (!wanted) co_return refuse(bad_request(wanted.error()));
    co_await catch_up();
    const auto way = way_in(wanted->gateway, call->viewer);
    if (const auto* refusal = std::get_if<Refusal>(&way)) co_return refuse(*refusal);
    const auto& in = std::get<WayIn>(way);
    const auto id = loads.start({.gateway = wanted->gateway,
                                 .url = to_string(in.door) + wanted->path,
                                 .host = in.host,
                                 .per_second = wanted->per_second,
                                 .length = std::chrono::seconds{wanted->length}},
                                fmt::format("{:08x}", outside.random.next() & 0xffffffffU));
    if (!id) {
        const bool too_many = id.error().kind == ErrorKind::too_many;
        co_return refuse({.status = too_many ? 429 : 400,
                          .code = too_many ? "too_many_loads" : "bad_request",
                          .message = id.error().message});
    }
    auto response = told(call->request, outside.clock.now(), loads.run_json(*id).as_object());
    response.status = 202;
    response.headers.erase("ETag");
    co_return response;
}

void Dashboard::State::publish_lab() {
    if (!hub->is_heard("lab")) return;
    const auto text = to_text(
        JsonObject{{"now", rfc3339_millis(outside.clock.now())}, {"load", loads.runs_json()}});
    hub->publish({.topic = "lab", .event = "lab", .data = text});
}

bool Dashboard::State::Tapped::is_meant(const TapRows::Kept& kept) const {
    const auto& row = kept.row;
    const auto sees = [&](const std::string& ns) { return !ns.empty() && viewer.sees(ns); };
    const bool is_seen = viewer.sees_all || sees(row.source_ns) || sees(row.destination_ns);
    return is_seen && filter.is_meant(row, kept.json.at("headers").as_array());
}

Task<net::Response> Dashboard::State::show_tap(SharedCall call) {
    const auto filter = TapFilter::read(call->asked);
    if (!filter) co_return refused(bad_request(filter.error()), call->id);
    const auto limit = call->asked.number("limit", {1, 2000});
    if (!limit) co_return refused(bad_request(limit.error()), call->id);
    const auto now = outside.clock.now();
    if (outside.tap == nullptr) {
        co_return told(call->request,
                       now,
                       JsonObject{{"available", false},
                                  {"reason", "not available without an access-log service"},
                                  {"topic", nullptr},
                                  {"dropped", 0},
                                  {"items", JsonArray{}}});
    }
    const auto topic =
        "tap:" + sha256_hex(filter->text() + "\n" + call->person->token).substr(0, 16);
    const auto& one = taps[topic] = {.filter = *filter, .viewer = call->viewer, .asked = now};
    JsonArray items;
    const auto most = static_cast<std::size_t>(limit->value_or(500));
    const auto& rows = tapped.rows();
    for (auto row = rows.rbegin(); row != rows.rend() && items.size() < most; ++row) {
        if (one.is_meant(*row)) items.push_back(row->json);
    }
    begin_to_tap();
    co_return told(call->request,
                   now,
                   JsonObject{{"available", true},
                              {"reason", nullptr},
                              {"topic", topic},
                              {"dropped", tapped.dropped(now)},
                              {"items", std::move(items)}});
}

void Dashboard::State::begin_to_tap() {
    if (is_tapping) return;
    is_tapping = true;
    outside.tap->set_on(true);
    spawn("tapping", tap_while_heard());
}

// Ends a minute after nobody asks or listens any more.
Task<> Dashboard::State::tap_while_heard() {
    while (true) {
        co_await outside.clock.sleep_for(tap_pause);
        const auto now = outside.clock.now();
        std::erase_if(taps, [&](const auto& entry) {
            return !hub->is_heard(entry.first) && entry.second.asked + tap_memory <= now;
        });
        if (taps.empty()) break;
        auto taken = outside.tap->take();
        const auto dropped = taken.dropped;
        const auto count = tapped.add(std::move(taken), now);
        for (const auto& [topic, one] : taps) {
            if (!hub->is_heard(topic)) continue;
            JsonArray fresh;
            const auto& rows = tapped.rows();
            for (auto row = rows.end() - static_cast<std::ptrdiff_t>(count); row != rows.end();
                 ++row) {
                if (one.is_meant(*row)) fresh.push_back(row->json);
            }
            if (!fresh.empty()) {
                const auto text = to_text(Json(std::move(fresh)));
                hub->publish({.topic = topic, .event = "tap", .data = text});
            }
            if (dropped == 0) continue;
            const auto text = to_text(JsonObject{{"topic", topic}, {"count", dropped}});
            hub->publish({.topic = topic, .event = "dropped", .data = text});
        }
    }
    outside.tap->set_on(false);
    tapped.forget();
    is_tapping = false;
}

}  // namespace sluice::web
