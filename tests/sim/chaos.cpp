#include "sim/chaos.hpp"

#include "api/canary.hpp"
#include "scenario/script.hpp"
#include "sim/traffic.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace sluice::sim {
namespace {

namespace resources = kube::resources;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int odd_max_weight = 150;

Json spec(Json inner) {
    return JsonObject{{"spec", std::move(inner)}};
}

Json analysis(Json inner) {
    return spec(JsonObject{{"analysis", std::move(inner)}});
}

Json config(const std::string& level) {
    return JsonObject{
        {"apiVersion", "v1"},
        {"kind", "ConfigMap"},
        {"metadata", JsonObject{{"name", "settings"}, {"namespace", scenario::World::ns}}},
        {"data", JsonObject{{"level", level}}}};
}

// The user's own, by which NGINX leads to the apex Service.
Json ingress(const std::string& name, std::string_view host) {
    auto object = boost::json::parse(R"({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "test"},
        "spec": {"ingressClassName": "nginx", "rules": [{"http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "podinfo", "port": {"number": 9898}}}}]}}]}})");
    put(object, {"metadata", "name"}, Json(name));
    find(object, {"spec", "rules"})->as_array()[0].as_object()["host"] = host;
    return object;
}

// Another Deployment of the same users.
Json other_deployment() {
    return boost::json::parse(R"({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "other", "namespace": "test", "labels": {"app": "other"}},
        "spec": {"replicas": 1, "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "other"}},
            "template": {"metadata": {"labels": {"app": "other"}},
                "spec": {"containers": [{"name": "podinfod",
                    "image": "stefanprodan/podinfo:6.0.0",
                    "ports": [{"name": "http", "containerPort": 9898}]}]}}}})");
}

JsonArray match_of(std::string_view insider) {
    return {JsonObject{
        {"headers", JsonObject{{Traffic::insider_header, JsonObject{{"exact", insider}}}}}}};
}

}  // namespace

Chaos::Chaos(scenario::World& world, Kind kind, std::uint64_t seed)
    : world_(world), kind_(kind), dice_(seed) {}

bool Chaos::exists(const kube::Resource& resource, const std::string& name) const {
    return !world_.get(resource, name).is_null();
}

std::string Chaos::make_release() {
    const bool is_daemon_set = kind_.target == Target::daemon_set;
    std::string script;
    script = is_daemon_set ? "target daemonset\n" : fmt::format("target {}\n", 1 + below(3));
    has_config_ = one_in(3);
    if (has_config_) {
        // In front of the pods that use it, so that the first of them find it.
        script.insert(0, "object " + to_text(config("a")) + "\n");
        script += is_daemon_set ? "patch daemonset podinfo " : "patch deployment podinfo ";
        script += R"({"spec": {"template": {"spec": {"volumes": [)"
                  R"({"name": "settings", "configMap": {"name": "settings"}}]}}}})";
        script += "\nrun 10s\n";
    }
    if (kind_.door == Door::nginx) {
        script += "object " + to_text(ingress("podinfo", Traffic::host)) + "\n";
        script += "object " + to_text(ingress("other", Traffic::other_host)) + "\n";
    }
    has_scaler_ = !is_daemon_set && one_in(4);
    if (has_scaler_) script += "scaler 1 3\n";
    has_other_target_ = !is_daemon_set && !has_scaler_ && one_in(4);
    if (has_other_target_) script += "object " + to_text(other_deployment()) + "\n";
    script += fmt::format("canary threshold {} deadline {}", 1 + below(4), one_of<int>({60, 120}));
    if (kind_.has_weights()) {
        script += one_of<std::string>({" step 10 max 50",
                                       " step 25 max 50",
                                       " step 20 max 100",
                                       " steps 1,5,20,60 max 60",
                                       " step 40 max 50",
                                       " step 50 max 50 promotion-step 20",
                                       " step 10 max 30 promotion-step 50",
                                       " step 30 max 100 promotion-step 100"});
    }
    script += " metric request-success-rate 99 -";
    if (one_in(2)) script += " metric request-duration - 500";
    if (one_in(3)) script += " hook pre-rollout acceptance";
    if (one_in(3)) script += " hook rollout load";
    if (one_in(4)) script += " hook confirm-rollout approve";
    if (one_in(4)) script += " hook confirm-traffic-increase more";
    if (one_in(4)) script += " hook confirm-promotion ship";
    if (one_in(4)) script += " hook post-rollout report";
    if (one_in(10)) script += " skip-analysis";
    Json more = JsonObject{};
    const auto set = [&](std::string_view key, Json value) {
        put(more, {"spec", "analysis", key}, std::move(value));
    };
    put(more, {"spec", "provider"}, Json(provider_of(kind_.door)));
    put(more, {"spec", "service", "name"}, "podinfo");
    if (kind_.door == Door::gateway_api) {
        put(more,
            {"spec", "service", "gatewayRefs"},
            JsonArray{JsonObject{{"name", "gw"}, {"namespace", "infra"}}});
        put(more, {"spec", "service", "hosts"}, JsonArray{Traffic::host});
    }
    if (kind_.door == Door::nginx) {
        put(more,
            {"spec", "ingressRef"},
            JsonObject{
                {"apiVersion", "networking.k8s.io/v1"}, {"kind", "Ingress"}, {"name", "podinfo"}});
    }
    if (!kind_.has_weights()) set("iterations", 1 + below(4));
    if (kind_.plan == Plan::mirror_stage || kind_.plan == Plan::mirrored) set("mirror", true);
    if (kind_.plan == Plan::ab_testing) set("match", match_of(Traffic::insiders()[0]));
    if (kind_.plan == Plan::bound) {
        set("sessionAffinity",
            one_in(2) ? JsonObject{{"cookieName", "bound"}}
                      : JsonObject{{"cookieName", "bound"}, {"primaryCookieName", "stays"}});
    }
    script += " with " + to_text(more) + "\n";
    scenario::Player player(world_);
    for (const auto& wrong : player.play(scenario::parse_script(script))) {
        world_.violations.push_back(wrong);
    }
    return script;
}

Duration Chaos::pause() {
    switch (below(4)) {
        case 0:
            return milliseconds{below(1000)};
        case 1:
            return milliseconds{below(5000)};
        case 2:
            return milliseconds{below(20'000)};
        default:
            return seconds{below(60)};
    }
}

std::string Chaos::strike() {
    try {
        return strike_once();
    } catch (const std::runtime_error& refused) {
        return fmt::format("somebody is refused: {}", refused.what());
    }
}

std::string Chaos::strike_once() {
    if (away_) {
        // Long enough to be noticed, not so long that nothing else happens.
        away_ = false;
        world_.api.set_away(false);
        return "the API server is back";
    }
    switch (below(16)) {
        case 0:
        case 1:
            return strike_api();
        case 2:
            return strike_controller();
        case 3:
        case 4:
            return strike_prometheus();
        case 5:
            return strike_hooks();
        case 6:
            return strike_pods();
        case 7:
            return edit_canary();
        case 8:
        case 9:
            return edit_generated();
        case 10:
            return wish(one_of<std::string>({"promote", "abort", "retry"}));
        case 11:
            return has_config_ ? edit_config() : new_image();
        case 12:
            return kind_.plan == Plan::ab_testing ? edit_match() : new_image();
        case 13:
            return edit_reference();
        case 14:
            return kind_.door == Door::gateway_api ? strike_gateway() : new_image();
        default:
            return new_image();
    }
}

std::string Chaos::strike_api() {
    if (one_in(6)) {
        away_ = true;
        world_.api.set_away(true);
        return "the API server goes away";
    }
    if (one_in(4)) {
        world_.server.end_streams();
        return "every watch is cut";
    }
    if (one_in(3)) {
        world_.api.set_weather({});
        return "calm weather";
    }
    scenario::Weather weather{.seed = dice_.next()};
    const auto odds = [this] { return one_in(2) ? 0 : below(15); };
    weather.conflicts = odds();
    weather.gone = odds();
    weather.slow_down = odds();
    weather.broken = odds();
    weather.unreachable = odds();
    weather.timeouts = one_in(3) ? below(5) : 0;
    weather.lost_answers = odds();
    if (one_in(3)) weather.watches_last = seconds{1 + below(20)};
    world_.api.set_weather(weather);
    return fmt::format(
        "weather: conflicts {}, gone {}, slow-down {}, broken {}, unreachable {}, timeouts {}, "
        "lost-answers {}, watches last {} s",
        weather.conflicts,
        weather.gone,
        weather.slow_down,
        weather.broken,
        weather.unreachable,
        weather.timeouts,
        weather.lost_answers,
        std::chrono::duration_cast<seconds>(weather.watches_last).count());
}

std::string Chaos::strike_controller() {
    if (one_in(3)) {
        world_.kill_controller();
        if (one_in(2)) world_.run_for(seconds{below(90)});
        world_.start_controller();
        return "the controller is killed, and started again";
    }
    const int write = 1 + below(8);
    world_.api.die_after(write, [&world = world_] { world.kill_controller_soon(); });
    return fmt::format("the controller will die after write {}", write);
}

std::string Chaos::strike_prometheus() {
    if (one_in(4)) {
        world_.neighbours.prometheus_away = !world_.neighbours.prometheus_away;
        return world_.neighbours.prometheus_away ? "Prometheus goes away" : "Prometheus is back";
    }
    const auto value = one_of<std::string>(
        {"100", "100", "99.5", "98", "0", "none", "NaN", "+Inf", "garbage", "broken", "hang"});
    world_.neighbours.metrics["request-success-rate"] = value;
    if (one_in(4))
        world_.neighbours.metrics["request-duration"] = one_of<std::string>({"20", "900"});
    return "the success rate is " + value;
}

std::string Chaos::strike_hooks() {
    const auto name =
        one_of<std::string>({"acceptance", "load", "approve", "more", "ship", "report"});
    const auto how = one_of<std::string>({"200", "200", "403 no", "500 boom", "hang"});
    world_.neighbours.hooks[name] = how;
    return "hook " + name + " answers " + how;
}

std::string Chaos::strike_pods() {
    if (one_in(6)) return take_canary_pods();
    if (one_in(3)) {
        lab::ImageScript how;
        how.ready = !one_in(3);
        how.starts_after = seconds{1 + below(20)};
        if (one_in(4)) how.exits_after = seconds{5 + below(60)};
        world_.pods.script("*", how);
        return fmt::format("pods start after {} s, {}{}",
                           std::chrono::duration_cast<seconds>(how.starts_after).count(),
                           how.ready ? "ready" : "unready",
                           how.exits_after ? ", and crash" : "");
    }
    std::string told;
    for (const auto& pod : world_.cluster.list(resources::pods, scenario::World::ns)) {
        if (!one_in(2)) continue;
        const auto key = kube::key_of(*pod);
        if (one_in(4)) {
            world_.pods.crash(key);
            told += " " + key.name + " crashes";
        } else {
            const bool ready = one_in(2);
            world_.pods.set_ready(key, ready);
            told += " " + key.name + (ready ? " gets ready" : " gets unready");
        }
    }
    return "pods:" + told;
}

std::string Chaos::edit_canary() {
    Json patch;
    switch (below(10)) {
        case 0:
            patch = spec(JsonObject{{"suspend", one_in(2)}});
            break;
        case 1:
            patch = analysis(JsonObject{{"threshold", 1 + below(5)}});
            break;
        case 2:
            patch = analysis(JsonObject{{"interval", one_of<std::string>({"10s", "15s", "1m"})}});
            break;
        case 3:
            patch = kind_.has_weights()
                        ? analysis(JsonObject{{"stepWeights", nullptr},
                                              {"stepWeight", one_of<int>({5, 10, 35, 50})},
                                              {"maxWeight", one_of<int>({20, 50, 70, 100})}})
                        : analysis(JsonObject{{"iterations", 1 + below(5)}});
            break;
        case 4:
            patch = kind_.has_weights() ? analysis(JsonObject{{"stepWeights", JsonArray{3, 15, 40}},
                                                              {"stepWeight", nullptr},
                                                              {"maxWeight", 40}})
                                        : analysis(JsonObject{{"mirror", one_in(2)}});
            break;
        case 5:
            patch = spec(JsonObject{{"skipAnalysis", one_in(2)}});
            break;
        case 6:
            patch = spec(JsonObject{{"progressDeadlineSeconds", one_of<int>({30, 60, 300})}});
            break;
        case 7:
            // Makes no sense.
            patch = analysis(JsonObject{{"maxWeight", odd_max_weight}});
            break;
        case 8:
            // Istio does not carry it out.
            patch = spec(JsonObject{
                {"service", JsonObject{{"delegation", true}, {"hosts", JsonArray{"a.test"}}}}});
            break;
        default:
            patch = spec(JsonObject{
                {"service", JsonObject{{"timeout", one_of<std::string>({"5s", "15s"})}}}});
            break;
    }
    world_.patch(resources::canaries, "podinfo", patch);
    return "Canary " + to_text(patch);
}

// What it says of a route is about the route as it stands: the next one it has not seen yet.
std::string Chaos::strike_gateway() {
    const auto route = world_.get(resources::http_routes, "podinfo");
    const auto& parents = array_at(route, {"spec", "parentRefs"});
    if (parents.empty()) return "there is no route for a gateway to judge";
    const bool accepts = one_in(2);
    const Json accepted{
        {"type", "Accepted"},
        {"status", accepts ? "True" : "False"},
        {"reason", accepts ? "Accepted" : "NoMatchingParent"},
        {"message", ""},
        {"lastTransitionTime", rfc3339(world_.clock.now())},
        {"observedGeneration", integer_at(route, {"metadata", "generation"}).value_or(0)}};
    Json patch = JsonObject{};
    put(patch,
        {"status", "parents"},
        JsonArray{JsonObject{{"parentRef", parents[0]},
                             {"controllerName", "example.com/gateway"},
                             {"conditions", JsonArray{accepted}}}});
    world_.patch(resources::http_routes, "podinfo", patch);
    return accepts ? "the gateway accepts the route" : "the gateway does not accept the route";
}

// Those who take part change, or everybody does.
std::string Chaos::edit_match() {
    const auto& insiders = Traffic::insiders();
    const auto patch = one_in(4) ? analysis(JsonObject{{"match", nullptr}})
                                 : analysis(JsonObject{{"match", match_of(one_of(insiders))}});
    world_.patch(resources::canaries, "podinfo", patch);
    return "Canary " + to_text(patch);
}

// The Canary is about something else now, and perhaps soon again about this.
std::string Chaos::edit_reference() {
    Json patch;
    if (has_other_target_ && one_in(2)) {
        const bool is_home = world_.target() == "podinfo";
        patch =
            spec(JsonObject{{"targetRef", JsonObject{{"name", is_home ? "other" : "podinfo"}}}});
    } else if (kind_.door == Door::nginx && one_in(2)) {
        const bool is_home = text_at(world_.canary(), {"spec", "ingressRef", "name"}) == "podinfo";
        patch =
            spec(JsonObject{{"ingressRef", JsonObject{{"name", is_home ? "other" : "podinfo"}}}});
    } else {
        const auto own = provider_of(kind_.door);
        const bool is_home = text_at(world_.canary(), {"spec", "provider"}) == own;
        patch =
            spec(JsonObject{{"provider", is_home && one_in(2) ? provider_of(Door::no_mesh) : own}});
    }
    world_.patch(resources::canaries, "podinfo", patch);
    return "Canary " + to_text(patch);
}

std::string Chaos::edit_generated() {
    struct Thing {
        const kube::Resource& resource;
        std::string name;
    };
    const auto copy = text_at(world_.canary(), {"spec", "ingressRef", "name"}) == "other"
                          ? "other-canary"
                          : "podinfo-canary";
    std::vector<Thing> things{
        {resources::services, "podinfo"},
        {resources::services, "podinfo-canary"},
        {resources::services, "podinfo-primary"},
        {kind_.target == Target::daemon_set ? resources::daemon_sets : resources::deployments,
         world_.target() + "-primary"}};
    switch (kind_.door) {
        case Door::istio:
            things.push_back({resources::virtual_services, "podinfo"});
            things.push_back({resources::destination_rules, "podinfo-canary"});
            things.push_back({resources::destination_rules, "podinfo-primary"});
            break;
        case Door::gateway_api:
            things.push_back({resources::http_routes, "podinfo"});
            break;
        case Door::nginx:
            things.push_back({resources::ingresses, copy});
            break;
        case Door::no_mesh:
            break;
    }
    if (has_scaler_) things.push_back({resources::horizontal_pod_autoscalers, "podinfo-primary"});
    const auto& thing = things[dice_.below(things.size())];
    if (!exists(thing.resource, thing.name)) return thing.name + " is not there to be edited";
    const auto what = thing.resource.kind + " " + thing.name;
    if (one_in(2)) {
        if (const auto told = edit_weights(copy)) return *told;
    }
    if (one_in(2)) {
        world_.remove(thing.resource, thing.name);
        return what + " is deleted";
    }
    if (thing.resource == resources::services) {
        world_.patch(thing.resource,
                     thing.name,
                     spec(JsonObject{{"selector", JsonObject{{"app", "elsewhere"}}}}));
        return what + " selects other pods";
    }
    if (thing.resource == resources::deployments) {
        world_.patch(thing.resource, thing.name, spec(JsonObject{{"replicas", 1 + below(3)}}));
        return what + " is scaled";
    }
    world_.patch(thing.resource,
                 thing.name,
                 JsonObject{{"metadata", JsonObject{{"labels", JsonObject{{"by", "hand"}}}}}});
    return what + " gets a label";
}

// The weights of the routes as they stand, in other numbers. They need not add up.
std::optional<std::string> Chaos::edit_weights(const std::string& ingress_copy) {
    // A Canary that is somewhere else has left them to people, and has said so.
    const auto own = provider_of(kind_.door);
    const auto canary_object = world_.canary();
    if (text_at(canary_object, {"spec", "provider"}) != own ||
        text_at(canary_object, {"status", "routedBy", "provider"}) != own) {
        return std::nullopt;
    }
    const int canary = one_of<int>({0, 5, 10, 50, 100});
    const int primary = one_in(3) ? 1 + below(120) : 100 - canary;
    auto told = fmt::format("somebody sets the weights to {}/{}", primary, canary);
    if (kind_.door == Door::nginx) {
        if (!exists(resources::ingresses, ingress_copy)) return std::nullopt;
        Json patch = JsonObject{};
        put(patch,
            {"metadata", "annotations", "nginx.ingress.kubernetes.io/canary-weight"},
            Json(std::to_string(canary)));
        world_.patch(resources::ingresses, ingress_copy, patch);
        return told;
    }
    const bool is_istio = kind_.door == Door::istio;
    const auto& kind = is_istio ? resources::virtual_services : resources::http_routes;
    const auto routes = world_.get(kind, "podinfo");
    if (routes.is_null()) return std::nullopt;
    const std::string_view list = is_istio ? "http" : "rules";
    auto rules = array_at(routes, {"spec", list});
    for (auto& rule : rules) {
        auto* backends = find(rule, {is_istio ? "route" : "backendRefs"});
        if (backends == nullptr) continue;
        for (auto& each : backends->as_array()) {
            const auto name =
                is_istio ? text_at(each, {"destination", "host"}) : text_at(each, {"name"});
            put(each, {"weight"}, name == "podinfo-canary" ? canary : primary);
        }
    }
    world_.patch(kind, "podinfo", spec(JsonObject{{list, std::move(rules)}}));
    return told;
}

std::string Chaos::edit_config() {
    if (one_in(4) && exists(resources::config_maps, "settings-primary")) {
        world_.remove(resources::config_maps, "settings-primary");
        return "the primary's ConfigMap is deleted";
    }
    // Sometimes an older one again.
    const auto level = one_of<std::string>({"a", "b", "c", "d"});
    world_.patch(
        resources::config_maps, "settings", JsonObject{{"data", JsonObject{{"level", level}}}});
    return "ConfigMap settings says " + level;
}

std::string Chaos::new_image() {
    // Sometimes an older one again.
    const int tag = one_in(4) ? below(next_tag_) : next_tag_++;
    const auto image = fmt::format("6.{}.0", tag);
    const auto target = world_.target();
    world_.set_image(image, target);
    return fmt::format("image {} of {}", image, target);
}

std::string Chaos::wish(const std::string& verb) {
    const std::string revision(text_at(world_.canary(), {"status", "lastAppliedSpec"}));
    const auto text = fmt::format("{} {} {}", verb, revision, rfc3339(world_.clock.now()));
    Json patch = JsonObject{};
    put(patch, {"metadata", "annotations", api::wish_annotation}, Json(text));
    world_.patch(resources::canaries, "podinfo", patch);
    return "wish " + text;
}

std::string Chaos::take_canary_pods() {
    for (const auto& pod : world_.cluster.list(resources::pods, scenario::World::ns)) {
        const auto key = kube::key_of(*pod);
        const auto target = world_.target() + "-";
        // Not "podinfo-primary-…".
        if (key.name.starts_with(target) && !key.name.starts_with(target + "primary-")) {
            world_.pods.set_ready(key, false);
        }
    }
    return "the canary's pods get unready";
}

void Chaos::calm() {
    away_ = false;
    world_.api.die_after(0, {});
    world_.api.set_weather({});
    world_.api.set_away(false);
    world_.patch(resources::canaries, "podinfo", spec(JsonObject{{"suspend", false}}));
}

void Chaos::heal() {
    calm();
    if (integer_at(world_.canary(), {"spec", "analysis", "maxWeight"}) == odd_max_weight) {
        world_.patch(resources::canaries, "podinfo", analysis(JsonObject{{"maxWeight", 50}}));
    }
    const auto hosts =
        kind_.door == Door::gateway_api ? Json(JsonArray{Traffic::host}) : Json(nullptr);
    world_.patch(resources::canaries,
                 "podinfo",
                 spec(JsonObject{{"service", JsonObject{{"delegation", nullptr}, {"hosts", hosts}}},
                                 {"provider", provider_of(kind_.door)}}));
    if (exists(resources::http_routes, "podinfo")) {
        Json patch = JsonObject{};
        put(patch, {"status", "parents"}, JsonArray{});
        world_.patch(resources::http_routes, "podinfo", patch);
    }
    world_.neighbours.prometheus_away = false;
    world_.neighbours.metrics = {{"request-success-rate", "100"}, {"request-duration", "20"}};
    world_.neighbours.hooks = {};
    world_.pods.script("*", {});
    for (const auto& pod : world_.cluster.list(resources::pods, scenario::World::ns)) {
        world_.pods.set_ready(kube::key_of(*pod), true);
        // What crashes by its old script starts anew by the new one.
        world_.pods.crash(kube::key_of(*pod));
    }
}

}  // namespace sluice::sim
