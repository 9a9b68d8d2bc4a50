#include "fleet.hpp"

#include "base/core/text.hpp"
#include "cli/manifests.hpp"
#include "kube/yaml.hpp"
#include "lab/mesh/install.hpp"
#include "timing.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::bench {
namespace {

namespace resources = kube::resources;

std::string name_of(int number) {
    return fmt::format("app-{}", number);
}
std::string namespace_of(int number) {
    return fmt::format("team-{}", number / 50);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
    return text;
}

// The canary's share of the one route that each VirtualService has.
int canary_weight(const Json& service, const std::string& canary) {
    for (const auto& rule : array_at(service, {"spec", "http"})) {
        for (const auto& destination : array_at(rule, {"route"})) {
            if (text_at(destination, {"destination", "host"}) == canary)
                return static_cast<int>(integer_at(destination, {"weight"}).value_or(0));
        }
    }
    return 0;
}

}  // namespace

namespace {

// "PATCH canaries/status" of /apis/GROUP/VERSION/namespaces/NS/canaries/NAME/status.
std::string kind_of_write(const net::Request& request) {
    const auto path = request.target.substr(0, request.target.find('?'));
    const auto parts = split(path, '/');
    std::size_t at = path.starts_with("/apis/") ? 4 : 3;
    if (at + 2 < parts.size() && parts[at] == "namespaces") at += 2;
    if (at >= parts.size()) return request.method;
    auto kind = fmt::format("{} {}", request.method, parts[at]);
    if (at + 2 < parts.size()) kind += fmt::format("/{}", parts[at + 2]);
    return kind;
}

}  // namespace

Task<net::Response> CountingServer::handle(net::Request request) {
    const bool is_lease = request.target.find("/leases") != std::string::npos;
    if (request.method != "GET") {
        if (!is_lease) {
            ++writes;
            ++writes_by_kind[kind_of_write(request)];
        }
    } else if (!is_lease && request.target.find("watch=") == std::string::npos) {
        ++reads;
    }
    co_return co_await inner_.handle(std::move(request));
}

Task<net::Response> Verdicts::handle(net::Request request) {
    if (request.target == "/slow") {
        ++slow_calls;
        co_await clock_.sleep_for(seconds{10});
        co_return net::Response{};
    }
    constexpr std::string_view target_label = "destination_workload=~\"";
    const auto query = percent_decoded(request.target);
    std::string_view value = "100";
    if (query.find("histogram_quantile") != std::string::npos) value = "20";
    if (query.find("vector(1)") != std::string::npos) value = "1";
    if (const auto at = query.find(target_label); at != std::string::npos) {
        const auto begin = at + target_label.size();
        const auto target = query.substr(begin, query.find('"', begin) - begin);
        const auto weight = weight_of.find(target);
        if (fails && value == "100" && weight != weight_of.end() && weight->second > 0) {
            value = "50";
            failed_at[target] = clock_.now();
        } else {
            good_at[target] = clock_.now();
        }
    }
    net::Response response;
    response.body = fmt::format(
        R"({{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{}"]}}]}}}})",
        value);
    co_return response;
}

Fleet::Fleet(boost::asio::io_context& context, Clock& clock, Random& random, FleetOptions options)
    : clock_(clock),
      cluster_(clock, random),
      logs_(context.get_executor(), cluster_),
      server_(context.get_executor(), cluster_, &logs_),
      counted(server_),
      verdicts(clock),
      api_(context.get_executor(), clock, counted),
      prometheus_(context.get_executor(), clock, verdicts),
      pods_(clock),
      kubelet_(context.get_executor(), cluster_, pods_, logs_),
      workloads_(context.get_executor(), cluster_),
      options_(std::move(options)) {
    cluster_.deliver_by(
        [&context](std::function<void()> call) { boost::asio::post(context, std::move(call)); });
    const auto installed = mesh::install_mesh(cluster_);
    if (!installed) throw std::runtime_error(installed.error().message);
    for (const auto crd : cli::canary_crds()) {
        for (const auto& definition : must(kube::parse_yaml_documents(crd)))
            create(resources::custom_resource_definitions, definition);
    }
    kubelet_.start();
    workloads_.start();
    routes_ = cluster_.watch(resources::virtual_services,
                             [this](const lab::Change& change) { note_route(change); });
    canaries_ = cluster_.watch(resources::canaries,
                               [this](const lab::Change& change) { note_canary(change); });
    api_port = must(api_.listen("127.0.0.1", 0));
    prometheus_port = must(prometheus_.listen("127.0.0.1", 0));
}

void Fleet::create(const kube::Resource& resource, const Json& object) {
    must(cluster_.create(resource, object));
}

Task<> Fleet::add(int canaries) {
    for (int i = 0; i < canaries; ++i) {
        add_one(i);
        co_await clock_.sleep_for(milliseconds{1});
    }
}

void Fleet::add_one(int number) {
    const auto ns = namespace_of(number);
    const auto name = name_of(number);
    if (number % 50 == 0) {
        create(resources::namespaces,
               {{"metadata", {{"name", ns}, {"labels", {{"istio-injection", "enabled"}}}}}});
    }
    const auto example = cli::podinfo_example();
    const auto named = [&](std::string_view manifest) {
        const auto text = replaced(replaced(std::string(manifest), "podinfo", name),
                                   "namespace: test",
                                   "namespace: " + ns);
        return must(kube::parse_yaml_documents(text));
    };
    const auto workload = named(example.at(1).text);
    create(resources::deployments, workload.at(0));
    create(resources::horizontal_pod_autoscalers, workload.at(1));
    auto release = named(example.at(3).text).at(0);
    put(release, {"spec", "service", "hosts"}, JsonArray{Json(name + ".example.com")});
    put(release, {"spec", "analysis", "interval"}, Json(options_.interval));
    put(release, {"spec", "analysis", "threshold"}, Json(options_.threshold));
    create(resources::canaries, release);
}

std::unique_ptr<Child> Fleet::start_controller(const std::string& sluice,
                                               ControllerStart start) const {
    const auto numbers = start.prometheus_port == 0 ? prometheus_port : start.prometheus_port;
    std::vector<std::string> arguments{"controller",
                                       fmt::format("--master=http://127.0.0.1:{}", api_port),
                                       fmt::format("--metrics-server=http://127.0.0.1:{}", numbers),
                                       fmt::format("--port={}", start.own_port)};
    for (auto& flag : start.flags) arguments.push_back(std::move(flag));
    return std::make_unique<Child>(sluice, std::move(arguments), start.log);
}

void Fleet::set_image(int number, const std::string& tag) {
    verdicts.good_at.erase(name_of(number));
    const kube::ObjectKey key{namespace_of(number), name_of(number)};
    began_at_[key] = clock_.now();
    const Json patch = JsonArray{JsonObject{{"op", "replace"},
                                            {"path", "/spec/template/spec/containers/0/image"},
                                            {"value", "stefanprodan/podinfo:" + tag}}};
    must(cluster_.patch(resources::deployments, key, lab::PatchKind::json, patch));
}

void Fleet::slow_down(int number) {
    const Json hook = JsonObject{{"name", "slow"},
                                 {"type", "rollout"},
                                 {"timeout", "30s"},
                                 {"url", fmt::format("http://127.0.0.1:{}/slow", prometheus_port)}};
    put_hooks(number, {hook});
}

void Fleet::speed_up(int number) {
    put_hooks(number, {});
}

void Fleet::put_hooks(int number, JsonArray hooks) {
    Json patch = JsonObject{};
    put(patch, {"spec", "analysis", "webhooks"}, std::move(hooks));
    must(cluster_.patch(resources::canaries,
                        {namespace_of(number), name_of(number)},
                        lab::PatchKind::merge,
                        patch));
}

std::vector<double> Fleet::promotion_ms_of_others() const {
    std::vector<double> times;
    for (const auto& [key, promoted] : promoted_at_) {
        if (key.name == name_of(0)) continue;
        times.push_back(milliseconds_between(began_at_.at(key), promoted));
    }
    std::ranges::sort(times);
    return times;
}

std::size_t Fleet::bytes_of_decisions() const {
    std::size_t bytes = 0;
    for (const auto& canary : cluster_.list(resources::canaries, "")) {
        const auto* decisions = find(*canary, {"status", "decisions"});
        if (decisions != nullptr) bytes += to_text(*decisions).size();
    }
    return bytes;
}

bool Fleet::is_promoted(int number, int revisions) const {
    const auto found = promotions_.find({namespace_of(number), name_of(number)});
    return found != promotions_.end() && found->second >= revisions;
}

int Fleet::count_promoted(int revisions) const {
    return static_cast<int>(std::ranges::count_if(
        promotions_, [&](const auto& each) { return each.second >= revisions; }));
}

void Fleet::note_canary(const lab::Change& change) {
    const auto key = kube::key_of(*change.object);
    const std::string phase(text_at(*change.object, {"status", "phase"}));
    auto& before = phases_[key];
    if (phase == before) return;
    if (phase == "Succeeded") {
        ++promotions_[key];
        promoted_at_[key] = clock_.now();
    }
    before = phase;
}

int Fleet::count_in_phase(std::string_view phase) const {
    return static_cast<int>(
        std::ranges::count_if(phases_, [&](const auto& each) { return each.second == phase; }));
}

void Fleet::note_route(const lab::Change& change) {
    const auto name = kube::key_of(*change.object).name;
    const auto weight = canary_weight(*change.object, name + "-canary");
    const auto before = std::exchange(verdicts.weight_of[name], weight);
    if (const auto good = verdicts.good_at.find(name);
        weight > before && good != verdicts.good_at.end()) {
        to_step_ms.push_back(milliseconds_between(good->second, clock_.now()));
        verdicts.good_at.erase(good);
    }
    const auto failed = verdicts.failed_at.find(name);
    if (weight > 0 || failed == verdicts.failed_at.end()) return;
    to_zero_ms.push_back(milliseconds_between(failed->second, clock_.now()));
    verdicts.failed_at.erase(failed);
}

}  // namespace sluice::bench
