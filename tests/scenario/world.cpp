#include "scenario/world.hpp"

#include "api/canary.hpp"
#include "base/async/deadline.hpp"
#include "base/core/text.hpp"
#include "controller/caches.hpp"
#include "controller/state.hpp"
#include "delivery/canary/workloads.hpp"
#include "kube/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

namespace sluice::scenario {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

// 2026-01-01T00:00:00Z.
constexpr Time start_of_time{std::chrono::seconds{1767225600}};

const kube::Resource& resource_of(const Json& object) {
    static const std::map<std::string, const kube::Resource*, std::less<>> by_kind{
        {"Namespace", &resources::namespaces},
        {"Deployment", &resources::deployments},
        {"DaemonSet", &resources::daemon_sets},
        {"ScaledObject", &controller::scaled_objects},
        {"Service", &resources::services},
        {"HorizontalPodAutoscaler", &resources::horizontal_pod_autoscalers},
        {"Canary", &resources::canaries},
        {"VirtualService", &resources::virtual_services},
        {"DestinationRule", &resources::destination_rules},
        {"HTTPRoute", &resources::http_routes},
        {"Ingress", &resources::ingresses},
        {"ConfigMap", &resources::config_maps},
        {"Secret", &resources::secrets},
        {"AlertProvider", &resources::alert_providers},
        {"MetricTemplate", &resources::metric_templates},
        {"CustomResourceDefinition", &resources::custom_resource_definitions}};
    const auto found = by_kind.find(text_at(object, {"kind"}));
    if (found == by_kind.end()) {
        throw std::runtime_error("unknown kind " + std::string(text_at(object, {"kind"})));
    }
    return *found->second;
}

template <typename T>
T require(lab::Answer<T> answer) {
    if (!answer) throw std::runtime_error(answer.error().message);
    return *answer;
}

std::string vector_of(std::string_view value) {
    return fmt::format(
        R"({{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{}"]}}]}}}})",
        value);
}

net::Response answer(int status, std::string body) {
    net::Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

// A watch that does not last.
class BriefReader final : public net::BodyReader {
   public:
    BriefReader(Clock& clock, std::unique_ptr<net::BodyReader> inner, Duration lasts)
        : clock_(clock), inner_(std::move(inner)), end_(clock.now() + lasts) {}

    Task<Result<std::string>> next() override {
        const Error broken{ErrorKind::unreachable, "connection reset by peer"};
        if (clock_.now() >= end_) co_return broken;
        auto bytes =
            co_await with_deadline<std::string>(clock_, end_ - clock_.now(), inner_->next());
        if (!bytes && bytes.error().kind == ErrorKind::timed_out) co_return broken;
        co_return bytes;
    }

   private:
    Clock& clock_;
    std::unique_ptr<net::BodyReader> inner_;
    Time end_;
};

net::Response refusal(int status, std::string_view reason, std::string_view message) {
    auto response = answer(status,
                           to_text(JsonObject{{"kind", "Status"},
                                              {"apiVersion", "v1"},
                                              {"status", "Failure"},
                                              {"reason", reason},
                                              {"message", message},
                                              {"code", status}}));
    response.headers.add("Content-Type", "application/json");
    return response;
}

std::optional<net::Response> refusal(const net::Request& request) {
    const auto row = installed_role().refusal(request.method, request.target);
    if (!row) return {};
    return refusal(403, "Forbidden", "the controller's role has no row for " + *row);
}

// Renewing the lease is no part of a release.
bool is_of_lease(const net::Request& request) {
    return request.target.find("/leases") != std::string::npos;
}

}  // namespace

std::string source_file(const std::string& path) {
    std::ifstream file(std::filesystem::path(SLUICE_SOURCE_DIR) / path);
    if (!file) throw std::runtime_error("no file " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// --- the API server's wire ----------------------------------------------------------------------

Role& installed_role() {
    static Role role(source_file("deploy/chart/sluice/files/controller.yaml"));
    return role;
}

void ApiLink::set_away(bool away) {
    away_ = away;
    if (away) server_.end_streams();
}

void ApiLink::ask_after_writes(std::function<bool(int writes)> is_lost) {
    writes_ = 0;
    is_lost_ = std::move(is_lost);
}

void ApiLink::die_after(int writes, std::function<void()> die) {
    ask_after_writes([this, writes, die = std::move(die)](int count) {
        if (count != writes) return false;
        boost::asio::post(context_, die);
        return true;
    });
}

void ApiLink::set_weather(const Weather& weather) {
    weather_ = weather;
    dice_ = std::make_unique<SeededRandom>(weather.seed);
}

bool ApiLink::is_well() const {
    const auto& w = weather_;
    const int odds = w.conflicts + w.gone + w.slow_down + w.broken + w.unreachable + w.timeouts +
                     w.lost_answers + w.conflict_every;
    const bool is_calm = odds == 0 && w.watches_last == Duration{0} && slow_ == Duration{};
    return is_calm && !away_ && forbidden_.empty();
}

ApiLink::Fault ApiLink::strike(const net::Request& request) {
    if (!dice_) return Fault::none;
    const bool writes = request.method != "GET";
    if (writes && weather_.conflict_every > 0 && ++struck_writes_ % weather_.conflict_every == 0) {
        return Fault::conflict;
    }
    auto roll = static_cast<int>(dice_->below(100));
    const auto strikes = [&roll](int odds) {
        roll -= odds;
        return roll < 0;
    };
    if (strikes(weather_.slow_down)) return Fault::slow_down;
    if (strikes(weather_.broken)) return Fault::broken;
    if (strikes(weather_.unreachable)) return Fault::unreachable;
    if (strikes(weather_.timeouts)) return Fault::timeout;
    if (strikes(weather_.lost_answers)) return Fault::lost_answer;
    if (writes && strikes(weather_.conflicts)) return Fault::conflict;
    const bool lists = request.target.find("resourceVersion") != std::string::npos ||
                       request.target.find("limit=") != std::string::npos;
    if (!writes && lists && strikes(weather_.gone)) return Fault::gone;
    return Fault::none;
}

Task<Result<net::Response>> ApiLink::suffer(Fault fault, Duration timeout) {
    switch (fault) {
        case Fault::conflict:
            co_return refusal(409,
                              "Conflict",
                              "the object has been modified; please apply your "
                              "changes to the latest version and try again");
        case Fault::gone:
            co_return refusal(410, "Expired", "The resourceVersion is too old.");
        case Fault::slow_down: {
            told_to_wait_ = clock_.now();
            auto response = refusal(429, "TooManyRequests", "too many requests");
            response.headers.add("Retry-After", "1");
            co_return response;
        }
        case Fault::broken:
            co_return refusal(500, "InternalError", "etcdserver: request timed out");
        case Fault::unreachable:
            co_return Error{ErrorKind::unreachable, "connection refused"};
        case Fault::timeout:
        case Fault::lost_answer:
            co_await clock_.sleep_for(timeout);
            co_return Error{ErrorKind::timed_out, "timed out after " + go_text(timeout)};
        case Fault::none:
            break;
    }
    co_return Error{ErrorKind::cancelled, "no fault"};
}

Task<Result<net::Response>> ApiLink::send(net::Request request) {
    if (away_) co_return Error{ErrorKind::unreachable, "connection refused"};
    if (auto refused = refusal(request)) co_return std::move(*refused);
    if (!forbidden_.empty() && request.target.find(forbidden_) != std::string::npos) {
        co_return refusal(403, "Forbidden", "forbidden");
    }
    const auto fault = strike(request);
    const auto timeout = request.timeout;
    if (fault != Fault::none && fault != Fault::lost_answer) {
        co_return co_await suffer(fault, timeout);
    }
    const bool is_read = request.method == "GET";
    const bool counts = !is_read && !is_of_lease(request);
    if (is_read && !is_of_lease(request)) ++reads_;
    if (counts && slow_ > Duration{}) co_await clock_.sleep_for(slow_);
    auto response = co_await inner_.send(std::move(request));
    if (counts) ++writes_;
    if (counts && is_lost_ && is_lost_(writes_)) {
        co_await clock_.sleep_for(std::chrono::hours{1000});
    }
    if (fault == Fault::lost_answer) co_return co_await suffer(fault, timeout);
    co_return response;
}

Task<Result<net::Response>> ApiLink::open(net::Request request) {
    if (away_) co_return Error{ErrorKind::unreachable, "connection refused"};
    if (auto refused = refusal(request)) co_return std::move(*refused);
    if (!forbidden_.empty() && request.target.find(forbidden_) != std::string::npos) {
        co_return refusal(403, "Forbidden", "forbidden");
    }
    const auto fault = strike(request);
    if (fault != Fault::none) co_return co_await suffer(fault, request.timeout);
    auto response = co_await inner_.open(std::move(request));
    if (response && response->stream && weather_.watches_last > Duration{0}) {
        response->stream = std::make_unique<BriefReader>(
            clock_, std::move(response->stream), weather_.watches_last);
    }
    co_return response;
}

// --- Prometheus and hooks -----------------------------------------------------------------------

std::string Neighbours::metric_answer(std::string_view query) const {
    if (query == "vector(1)") return "1";
    for (const auto& [part, value] : metrics) {
        if (query.find(part) != std::string_view::npos) return value;
    }
    const bool duration = query.find("histogram_quantile") != std::string_view::npos ||
                          query.find("response_duration_seconds_sum") != std::string_view::npos;
    return metrics.at(duration ? "request-duration" : "request-success-rate");
}

std::optional<Neighbours::Measured> Neighbours::last_measured(
    std::string_view part_of_query) const {
    std::optional<Measured> last;
    for (const auto& each : measured_) {
        if (each.query.find(part_of_query) == std::string::npos) continue;
        if (!last || each.when >= last->when) last = each;
    }
    return last;
}

void Neighbours::note_call(const std::string& name, const net::Request& request) {
    const auto parsed = parse_json(request.body);
    const auto body = parsed ? *parsed : Json(JsonObject{});
    if (const auto& attachments = array_at(body, {"attachments"}); !attachments.empty()) {
        std::vector<std::string> fields;
        for (const auto& field : array_at(attachments.at(0), {"fields"})) {
            fields.push_back(
                fmt::format("{}={}", text_at(field, {"title"}), text_at(field, {"value"})));
        }
        alerts.push_back(fmt::format("{} {} {}{}",
                                     name,
                                     text_at(attachments.at(0), {"color"}),
                                     text_at(attachments.at(0), {"text"}),
                                     fields.empty() ? "" : " [" + joined(fields, ", ") + "]"));
        return;
    }
    const auto phase = text_at(body, {"phase"}, "?");
    if (const auto message = text_at(body, {"metadata", "eventMessage"}); !message.empty()) {
        const auto type = text_at(body, {"metadata", "eventType"});
        std::string more;
        for (const auto& [key, value] : object_at(body, {"metadata"})) {
            if (key == "eventMessage" || key == "eventType" || key == "timestamp") continue;
            more += fmt::format(" [{}={}]", std::string_view(key), value.as_string().c_str());
        }
        told.push_back(fmt::format("{} {} {} {}{}", name, phase, type, message, more));
        return;
    }
    hook_calls.push_back(fmt::format("{} {}", name, phase));
}

Task<Result<net::Response>> Neighbours::receive(net::Request request) {
    const auto name = request.target.substr(request.target.rfind('/') + 1);
    const auto found = hooks.find(name);
    const std::string how = found == hooks.end() ? "200" : found->second;
    if (how == "away") co_return Error{ErrorKind::unreachable, "connection refused"};
    note_call(name, request);
    if (how == "hang") {
        co_await clock_.sleep_for(request.timeout);
        co_return Error{ErrorKind::timed_out, "timed out"};
    }
    if (how == "endless") {
        co_return Error{ErrorKind::too_large,
                        fmt::format("the body is longer than {} bytes", request.body_limit)};
    }
    const auto blank = how.find(' ');
    co_return answer(static_cast<int>(*parse_integer(how.substr(0, blank))),
                     blank == std::string::npos ? "" : how.substr(blank + 1));
}

Task<Result<net::Response>> Neighbours::send(net::Request request) {
    constexpr std::string_view query_path = "/api/v1/query?query=";
    const auto at = request.target.find(query_path);
    if (at == std::string::npos) co_return co_await receive(std::move(request));
    if (prometheus_away) co_return Error{ErrorKind::unreachable, "connection refused"};
    auto query = percent_decoded(request.target.substr(at + query_path.size()));
    const auto value = metric_answer(query);
    std::erase_if(measured_, [&](const Measured& each) { return each.query == query; });
    measured_.push_back({.when = clock_.now(), .query = std::move(query), .value = value});
    if (value == "hang") {
        co_await clock_.sleep_for(request.timeout);
        co_return Error{ErrorKind::timed_out, "timed out after 5s"};
    }
    if (value == "endless") {
        co_return Error{ErrorKind::too_large, "the body is longer than 1048576 bytes"};
    }
    if (value == "none") {
        co_return answer(200, R"({"status":"success","data":{"resultType":"vector","result":[]}})");
    }
    if (value == "garbage") co_return answer(200, "<html>");
    if (value == "broken") co_return answer(500, "boom");
    if (value == "echo") {
        co_return answer(401,
                         fmt::format("no {}", request.headers.get("Authorization").value_or("?")));
    }
    co_return answer(200, vector_of(value));
}

Task<Result<net::Response>> Neighbours::open(net::Request request) {
    return send(std::move(request));
}

// --- the world ----------------------------------------------------------------------------------

World::World(WorldOptions options)
    : clock(context, start_of_time),
      random(options.seed),
      cluster(clock, random),
      container_logs(context.get_executor(), cluster),
      server(context.get_executor(), cluster, &container_logs),
      api(context, clock, server),
      neighbours(clock),
      pods(clock),
      options_(options),
      kubelet_(
          std::make_unique<lab::Kubelet>(context.get_executor(), cluster, pods, container_logs)),
      workloads_(std::make_unique<lab::WorkloadControllers>(context.get_executor(), cluster)),
      logger_(clock,
              {.level = LogLevel::info},
              [this](std::string_view line) {
                  const auto parsed = parse_json(line);
                  if (!parsed) throw std::runtime_error("log line: " + std::string(line));
                  log.push_back({.level = std::string(text_at(*parsed, {"level"})),
                                 .text = std::string(text_at(*parsed, {"msg"})),
                                 .canary = std::string(text_at(*parsed, {"canary"}))});
              }),
      tasks_(context.get_executor()),
      rival_tasks_(context.get_executor()) {
    cluster.deliver_by([this](std::function<void()> call) { boost::asio::post(context, call); });
    install_definitions();
    kubelet_->start();
    workloads_->start();
    apply_yaml(R"({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "test", "labels": {"istio-injection": "enabled"}}})");
    watch_laws();
    clock.settle();
}

World::~World() {
    kill_controller();
    tasks_.cancel();
    drop_rivals();
    subscriptions_.clear();
    kubelet_.reset();
    workloads_.reset();
    server.end_streams();
    // What was cancelled ends while its clock still stands.
    clock.settle();
}

namespace {

constexpr const char* http_routes_definition = "httproutes.gateway.networking.k8s.io";

// Parsed once for all worlds.
const std::vector<Json>& definitions() {
    static const std::vector<Json> all = [] {
        std::vector<Json> found;
        for (const std::string folder : {"deploy/chart/sluice/crds", "deploy/lab"}) {
            std::set<std::string> files;
            for (const auto& entry : std::filesystem::directory_iterator(
                     std::filesystem::path(SLUICE_SOURCE_DIR) / folder)) {
                files.insert(folder + "/" + entry.path().filename().string());
            }
            for (const auto& file : files) {
                const auto documents = kube::parse_yaml_documents(source_file(file));
                if (!documents) throw std::runtime_error(documents.error().message);
                found.insert(found.end(), documents->begin(), documents->end());
            }
        }
        return found;
    }();
    return all;
}

}  // namespace

void World::install_definitions() {
    for (const auto& definition : definitions()) apply(definition);
    clock.settle();
}

void World::drop_http_routes() {
    require(cluster.remove(resources::custom_resource_definitions, {"", http_routes_definition}));
    clock.settle();
}

void World::serve_http_routes() {
    for (const auto& definition : definitions()) {
        if (text_at(definition, {"metadata", "name"}) == http_routes_definition) apply(definition);
    }
    clock.settle();
}

void World::use_peers_definition() {
    const auto& resource = resources::custom_resource_definitions;
    auto definition = *cluster.find(resource, {"", "canaries.flagger.app"});
    auto& version = find(definition, {"spec", "versions"})->as_array().at(0);
    auto* fields =
        find(version, {"schema", "openAPIV3Schema", "properties", "status", "properties"});
    for (const auto field : controller::own_field_names) fields->as_object().erase(field);
    require(cluster.update(resource, definition));
    clock.settle();
}

void World::apply(const Json& object) {
    require(cluster.create(resource_of(object), object));
}

void World::apply_yaml(std::string_view text) {
    const auto documents = kube::parse_yaml_documents(text);
    if (!documents) throw std::runtime_error(documents.error().message);
    for (const auto& document : *documents) apply(document);
}

Task<> World::run_controller() {
    for (;;) {
        process_ = make_process();
        const auto outcome = co_await process_->run();
        process_.reset();
        if (outcome) co_return;
        ends.push_back(outcome.error().message);
        co_await clock.sleep_for(seconds{5});
    }
}

void World::start_controller() {
    tasks_.spawn("controller", run_controller());
    clock.settle();
}

std::shared_ptr<controller::Process> World::make_process() {
    const auto told = controller::settings_from(
        flags, [](std::string_view) { return std::optional<std::string>{}; });
    if (!told) throw std::runtime_error(told.error().message);
    auto settings = *told;
    settings.drain_delay = options_.drain_delay;
    settings.min_interval = options_.min_interval;
    settings.leader_election = options_.leader_election;
    settings.leader_election_ns = "smm-system";
    settings.host = "flagger-0";
    settings.metrics_server = "http://prometheus:9090";
    return std::make_shared<controller::Process>(
        controller::Outside{.executor = context.get_executor(),
                            .clock = clock,
                            .random = random,
                            .api = api,
                            .http = neighbours,
                            .log = logger_,
                            .mesh = mesh,
                            .sent = &sent},
        kube::Connection{.origin = {.host = "api", .port = 443}},
        settings);
}

void World::kill_controller() {
    tasks_.cancel();
    process_.reset();
    clock.settle();
}

void World::kill_controller_soon() {
    tasks_.cancel();
    process_.reset();
    boost::asio::post(context, [this] { tasks_.spawn("controller", run_controller()); });
}

void World::stop_controller() {
    if (process_) process_->stop();
    clock.run_for(seconds{5});
}

Json World::get(const kube::Resource& resource, const std::string& name) const {
    const auto found = cluster.find(resource, {ns, name});
    return found ? *found : Json(nullptr);
}

void World::patch(const kube::Resource& resource, const std::string& name, const Json& patch) {
    const bool is_status = find(patch, {"status"}) != nullptr;
    const auto after = require(cluster.patch(
        resource,
        {ns, name},
        lab::PatchKind::merge,
        patch,
        {.subresource = is_status ? lab::Subresource::status : lab::Subresource::none}));
    by_hand_.emplace(kube::resource_version_of(*after));
}

bool World::is_by_hand(const lab::Change& change) const {
    return by_hand_.contains(kube::resource_version_of(*change.object));
}

void World::remove(const kube::Resource& resource, const std::string& name) {
    require(cluster.remove(resource, {ns, name}));
}

Task<> World::write_over(kube::Resource resource, std::string name, Json wanted) {
    co_await clock.sleep_for(std::chrono::milliseconds{5});
    const auto live = cluster.find(resource, {ns, name});
    if (!live) co_return;
    auto merged = *live;
    apply_merge_patch(merged, wanted);
    if (merged == *live) co_return;
    const auto after = require(cluster.patch(
        resource, {ns, name}, lab::PatchKind::merge, wanted, {.field_manager = "rival-operator"}));
    by_hand_.emplace(kube::resource_version_of(*after));
}

void World::add_rival(const kube::Resource& resource, const std::string& name, const Json& wanted) {
    rival_tasks_.spawn("rival", write_over(resource, name, wanted));
    rivals_.push_back(cluster.watch(resource, [this, resource, name, wanted](const auto& change) {
        if (change.kind == lab::ChangeKind::deleted || is_by_hand(change)) return;
        if (text_at(*change.object, {"metadata", "name"}) != name) return;
        rival_tasks_.spawn("rival", write_over(resource, name, wanted));
    }));
}

void World::drop_rivals() {
    rivals_.clear();
    rival_tasks_.cancel();
}

void World::set_image(const std::string& tag, const std::string& of) {
    const auto target = workload(of);
    auto containers = array_at(target, {"spec", "template", "spec", "containers"});
    containers.at(0).as_object()["image"] = "stefanprodan/podinfo:" + tag;
    Json change = JsonObject{};
    put(change, {"spec", "template", "spec", "containers"}, std::move(containers));
    require(cluster.patch(resource_of(target),
                          {ns, of},
                          lab::PatchKind::merge,
                          change,
                          {.field_manager = "kubectl-set"}));
}

void World::leave_to_the_peer() {
    auto status = controller::without_own_fields(*find(canary(), {"status"}));
    const std::string promoted(text_at(status, {"lastPromotedSpec"}));
    for (const std::string_view field : {"lastAppliedSpec", "lastPromotedSpec"}) {
        const bool same = text_at(status, {field}) == promoted;
        put(status, {field}, same ? "9bc949574" : "6fbc84d5b");
    }
    auto object = canary();
    put(object, {"status"}, std::move(status));
    require(cluster.update(resources::canaries, object, {.subresource = lab::Subresource::status}));
    const auto id = boost::json::parse(R"({"spec": {"template": {"metadata": {"annotations":
        {"flagger-id": "8a5e1cf1-6d40-4bd9-a1b4-0c2d7c7e1f00"}}}}})");
    patch(resource_of(workload("podinfo-primary")), "podinfo-primary", id);
    for (const auto& revision : cluster.list(resources::controller_revisions, ns)) {
        require(cluster.remove(resources::controller_revisions, kube::key_of(*revision)));
    }
    run_for(seconds{20});
}

Json World::workload(const std::string& name) const {
    auto found = get(resources::deployments, name);
    return found.is_object() ? found : get(resources::daemon_sets, name);
}

void World::label_namespace(const Json& labels) {
    const Json change = JsonObject{{"metadata", JsonObject{{"labels", labels}}}};
    require(cluster.patch(resources::namespaces, {"", ns}, lab::PatchKind::merge, change));
}

// These are asked at every turn of a story: without a copy of the whole Canary.
std::string World::phase() const {
    const auto found = cluster.find(resources::canaries, {ns, "podinfo"});
    return found ? std::string(text_at(*found, {"status", "phase"})) : "";
}

int World::status_weight() const {
    const auto found = cluster.find(resources::canaries, {ns, "podinfo"});
    return found ? static_cast<int>(integer_at(*found, {"status", "canaryWeight"}).value_or(0)) : 0;
}

namespace {

std::int64_t ingress_weight(const Json& ingress) {
    const auto annotation = [&](std::string_view end) {
        return text_at(
            ingress,
            {"metadata", "annotations", fmt::format("nginx.ingress.kubernetes.io/canary{}", end)});
    };
    if (!annotation("-by-header").empty() || !annotation("-by-cookie").empty()) return api::whole;
    return parse_integer(annotation("-weight")).value_or(0);
}

// The first sum of a route's weights that is not the whole.
std::optional<std::int64_t> odd_sum(const Json& service) {
    if (text_at(service, {"kind"}) == "Ingress") return std::nullopt;
    for (const auto& rule : array_at(service, {"spec", "rules"})) {
        std::int64_t sum = 0;
        for (const auto& backend : array_at(rule, {"backendRefs"})) {
            sum += integer_at(backend, {"weight"}).value_or(0);
        }
        if (sum != api::whole) return sum;
    }
    for (const auto& route : array_at(service, {"spec", "http"})) {
        std::int64_t sum = 0;
        const bool is_ours = std::ranges::any_of(array_at(route, {"route"}), [](const Json& each) {
            return text_at(each, {"destination", "host"}).starts_with("podinfo-");
        });
        if (!is_ours) continue;
        for (const auto& each : array_at(route, {"route"})) {
            sum += integer_at(each, {"weight"}).value_or(0);
        }
        if (sum != api::whole) return sum;
    }
    return std::nullopt;
}

}  // namespace

int canary_share(const Json& route) {
    if (text_at(route, {"kind"}) == "Ingress") return static_cast<int>(ingress_weight(route));
    int share = -1;
    for (const auto& rule : array_at(route, {"spec", "rules"})) {
        for (const auto& each : array_at(rule, {"backendRefs"})) {
            if (text_at(each, {"name"}) == "podinfo-canary") {
                share = static_cast<int>(integer_at(each, {"weight"}).value_or(0));
            }
        }
    }
    for (const auto& one : array_at(route, {"spec", "http"})) {
        for (const auto& each : array_at(one, {"route"})) {
            if (text_at(each, {"destination", "host"}) == "podinfo-canary") {
                share = static_cast<int>(integer_at(each, {"weight"}).value_or(0));
            }
        }
    }
    return share;
}

int World::route_weight() const {
    int share = -1;
    for (const auto& [kind, name] : {std::pair{&resources::http_routes, "podinfo"},
                                     std::pair{&resources::ingresses, "podinfo-canary"},
                                     std::pair{&resources::virtual_services, "podinfo"}}) {
        const auto route = cluster.find(*kind, {ns, name});
        if (route) share = std::max(share, canary_share(*route));
    }
    return share;
}

std::vector<std::string> World::events() const {
    std::vector<std::pair<std::int64_t, std::string>> found;
    for (const auto& event : cluster.list(resources::events, ns)) {
        if (text_at(*event, {"involvedObject", "kind"}) != "Canary") continue;
        found.emplace_back(*parse_integer(kube::resource_version_of(*event)),
                           text_at(*event, {"message"}));
    }
    std::ranges::sort(found);
    std::vector<std::string> messages;
    messages.reserve(found.size());
    for (auto& [version, message] : found) messages.push_back(std::move(message));
    return messages;
}

// --- the laws, watched from outside -------------------------------------------------------------

namespace {

canary::Kind kind_of(const Json& workload) {
    return canary::workload_kind(text_at(workload, {"kind"})).value_or(canary::Kind::deployment);
}

}  // namespace

std::int64_t World::available(const std::string& name) const {
    // A Service as target has no pods of its own.
    if (text_at(canary(), {"spec", "targetRef", "kind"}) == "Service") return 1;
    const auto found = workload(name);
    return canary::pods_available(kind_of(found), found);
}

std::int64_t World::wanted(const std::string& name) const {
    const auto found = workload(name);
    return found.is_object() ? canary::replicas_wanted(kind_of(found), found) : 0;
}

std::int64_t World::behind(const std::string& service) const {
    std::int64_t ready = 0;
    for (const auto& slice : cluster.list(resources::endpoint_slices, ns)) {
        if (text_at(*slice, {"metadata", "labels", "kubernetes.io/service-name"}) != service)
            continue;
        ready += std::ranges::count_if(array_at(*slice, {"endpoints"}), [](const Json& each) {
            return bool_at(each, {"conditions", "ready"}).value_or(true);
        });
    }
    return ready;
}

std::string World::target() const {
    const auto found = cluster.find(resources::canaries, {ns, "podinfo"});
    return found ? std::string(text_at(*found, {"spec", "targetRef", "name"})) : "podinfo";
}

void World::note_pods(const lab::Change& change) {
    const std::string name(text_at(*change.object, {"metadata", "name"}));
    const bool has_pods = change.kind != lab::ChangeKind::deleted &&
                          canary::pods_available(kind_of(*change.object), *change.object) > 0;
    if (has_pods) {
        without_pods_.erase(name);
    } else {
        without_pods_.emplace(name, clock.now());
    }
}

bool World::went_on_the_way(const std::string& workload) const {
    // The answer names one second, and two in a row are rare.
    constexpr auto way = seconds{3};
    const auto waits = api.told_to_wait();
    const auto gone = without_pods_.find(workload);
    if (!waits || gone == without_pods_.end()) return false;
    return *waits >= gone->second - way && clock.now() <= gone->second + way;
}

void World::watch_laws() {
    subscriptions_.push_back(cluster.watch(resources::virtual_services,
                                           [this](const auto& change) { check_routes(change); }));
    subscriptions_.push_back(cluster.watch(resources::http_routes,
                                           [this](const auto& change) { check_routes(change); }));
    subscriptions_.push_back(cluster.watch(resources::ingresses, [this](const auto& change) {
        if (text_at(*change.object, {"metadata", "name"}) == "podinfo-canary") check_routes(change);
    }));
    for (const auto* kind : {&resources::deployments, &resources::daemon_sets}) {
        subscriptions_.push_back(cluster.watch(*kind, [this](const auto& change) {
            note_pods(change);
            check_scale(change);
        }));
    }
    subscriptions_.push_back(
        cluster.watch(resources::services, [this](const auto& change) { check_apex(change); }));
}

// What the primary had goes to the target: it is ready, gone, or has had its deadline.
void World::check_return() {
    primary_left_ = clock.now();
    const auto since = parse_rfc3339(text_at(canary(), {"status", "unreadySince"}));
    const auto deadline =
        seconds(integer_at(canary(), {"spec", "progressDeadlineSeconds"}).value_or(600));
    const bool is_over = since && clock.now() >= *since + deadline;
    if (is_over || available(target()) > 0) return;
    if (!workload(target()).is_object()) return;
    violations.push_back("the target got all traffic without an available pod");
}

void World::check_apex(const lab::Change& change) {
    if (change.kind == lab::ChangeKind::deleted || !change.before || is_by_hand(change)) return;
    if (text_at(*change.object, {"metadata", "name"}) != "podinfo") return;
    const bool was_home = text_at(*change.before, {"spec", "selector", "app"}) == "podinfo-primary";
    const bool is_home = text_at(*change.object, {"spec", "selector", "app"}) == "podinfo-primary";
    if (was_home && !is_home && phase() == "Terminating") check_return();
}

void World::check_routes(const lab::Change& change) {
    if (is_by_hand(change)) return;
    if (phase() == "Terminating" && canary_share(*change.object) < 0) return check_return();
    if (change.kind == lab::ChangeKind::deleted) {
        if (phase() == "Terminating") check_return();
        return;
    }
    if (const auto sum = odd_sum(*change.object)) {
        violations.push_back(fmt::format("weights sum to {}", *sum));
    }
    // A user's own route that names neither version gives the canary nothing.
    const auto now = std::max(0, canary_share(*change.object));
    const auto before = change.before ? std::max(0, canary_share(*change.before)) : 0;
    const auto canary = target();
    const auto primary = canary + "-primary";
    if (now > before && available(canary) == 0 && !went_on_the_way(canary)) {
        violations.push_back(fmt::format("canary got {} without an available pod", now));
    }
    if (now < before && available(primary) == 0 && behind("podinfo-primary") == 0 &&
        available(canary) > 0 && !went_on_the_way(primary)) {
        violations.push_back(fmt::format("primary got {} without an available pod", 100 - now));
    }
    if (now == 0 && before > 0) canary_left_ = clock.now();
}

void World::check_scale(const lab::Change& change) {
    if (change.kind == lab::ChangeKind::deleted && primary_left_ &&
        text_at(*change.object, {"metadata", "name"}) == "podinfo-primary" &&
        clock.now() < *primary_left_ + options_.drain_delay) {
        violations.push_back("primary deleted before it was drained");
    }
    if (change.kind == lab::ChangeKind::deleted || !change.before || is_by_hand(change)) return;
    if (text_at(*change.object, {"metadata", "name"}) != target()) return;
    const auto kind = kind_of(*change.object);
    const auto before = canary::replicas_wanted(kind, *change.before);
    const auto now = canary::replicas_wanted(kind, *change.object);
    if (now != 0 || before == 0) return;
    if (route_weight() > 0) {
        violations.push_back(fmt::format("canary scaled to zero at weight {}", route_weight()));
    }
    if (canary_left_ && clock.now() < *canary_left_ + options_.drain_delay) {
        violations.push_back("canary scaled to zero before it was drained");
    }
}

}  // namespace sluice::scenario
