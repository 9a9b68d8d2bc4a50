#include "scenario/script.hpp"

#include "api/canary.hpp"
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "controller/caches.hpp"
#include "lab/workloads/image_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace sluice::scenario {
namespace {

namespace resources = kube::resources;

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    for (const auto& word : split(line, ' ')) {
        if (!word.empty()) words.emplace_back(word);
    }
    return words;
}

const kube::Resource& resource_named(const std::string& name) {
    static const std::map<std::string, const kube::Resource*> known{
        {"deployment", &resources::deployments},
        {"daemonset", &resources::daemon_sets},
        {"scaledobject", &controller::scaled_objects},
        {"service", &resources::services},
        {"virtualservice", &resources::virtual_services},
        {"destinationrule", &resources::destination_rules},
        {"httproute", &resources::http_routes},
        {"ingress", &resources::ingresses},
        {"hpa", &resources::horizontal_pod_autoscalers},
        {"canary", &resources::canaries},
        {"controllerrevision", &resources::controller_revisions},
        {"configmap", &resources::config_maps},
        {"secret", &resources::secrets},
        {"alertprovider", &resources::alert_providers},
        {"metrictemplate", &resources::metric_templates}};
    return *known.at(name);
}

Duration duration_of(const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration) throw std::runtime_error("no duration: " + text);
    return *duration;
}

std::int64_t number_of(const std::string& text) {
    const auto number = parse_integer(text);
    if (!number) throw std::runtime_error("no number: " + text);
    return *number;
}

// The rest of a line from its n-th word on.
std::string from_word(const Line& line, std::size_t n) {
    std::string text;
    for (std::size_t i = n; i < line.words.size(); ++i) {
        if (!text.empty()) text += ' ';
        text += line.words[i];
    }
    return text;
}

bool matches(const std::string& wanted, const std::string& came) {
    return wanted == came ||
           (wanted.find('*') != std::string::npos && lab::glob_matches(wanted, came));
}

}  // namespace

std::vector<Line> parse_script(std::string_view text) {
    std::vector<Line> lines;
    int number = 0;
    for (const auto raw : split(text, '\n')) {
        ++number;
        const auto line = trimmed(raw);
        if (line.empty() || line.front() == '#') continue;
        if (raw.front() == ' ' && !lines.empty()) {
            lines.back().below.emplace_back(line);
            continue;
        }
        auto words = words_of(line);
        const auto rest = trimmed(line.substr(words.front().size()));
        lines.push_back({.number = number, .words = std::move(words), .rest = std::string(rest)});
    }
    return lines;
}

std::vector<std::string> Player::play(const std::vector<Line>& lines) {
    for (const auto& line : lines) {
        step(line);
        if (!wrong_.empty() && !lenient_) break;
    }
    for (const auto& violation : world_.violations) wrong_.push_back("law: " + violation);
    return wrong_;
}

void Player::step(const Line& line) {
    const auto& words = line.words;
    const auto& verb = words.at(0);
    if (verb == "canary") {
        make_canary(line);
    } else if (verb == "target") {
        make_target(line);
    } else if (verb == "scaler") {
        make_scaler(line);
    } else if (verb == "gateway-api") {
        if (words.at(1) == "gone") {
            world_.drop_http_routes();
        } else {
            world_.serve_http_routes();
        }
    } else if (verb == "peers-crd") {
        world_.use_peers_definition();
    } else if (verb == "left-by-peer") {
        world_.kill_controller();
        world_.leave_to_the_peer();
        skip();
    } else if (verb == "start") {
        world_.start_controller();
    } else if (verb == "kill") {
        world_.kill_controller();
    } else if (verb == "stop") {
        world_.stop_controller();
    } else if (verb == "image") {
        world_.set_image(words.at(1));
    } else if (verb == "metric") {
        world_.neighbours.metrics[words.at(1)] = words.at(2);
    } else if (verb == "hook") {
        world_.neighbours.hooks[words.at(1)] = from_word(line, 2);
    } else if (verb == "flags") {
        world_.flags.assign(words.begin() + 1, words.end());
    } else if (verb == "alerts") {
        compare_mail(line, world_.neighbours.alerts, seen_alerts_);
    } else if (verb == "told") {
        compare_mail(line, world_.neighbours.told, seen_told_);
    } else if (verb == "events") {
        const auto glob = from_word({.words = {words.begin(), words.end() - 1}}, 1);
        const auto all = world_.events();
        const auto count =
            std::ranges::count_if(all, [&](const auto& each) { return matches(glob, each); });
        expect(line, std::to_string(count), words.back());
    } else if (verb == "calls") {
        compare_calls(line);
    } else if (verb == "wish") {
        make_wish(words.at(1));
    } else if (verb == "prometheus") {
        world_.neighbours.prometheus_away = words.at(1) == "away";
    } else if (verb == "api") {
        if (words.at(1) == "slow") {
            world_.api.set_slow(*parse_duration(words.at(2)));
        } else if (words.at(1) == "forbids") {
            if (words.at(2) == "nothing") {
                world_.api.permit();
            } else {
                world_.api.forbid(words.at(2));
            }
        } else {
            world_.api.set_away(words.at(1) == "away");
        }
    } else if (verb == "weather") {
        make_weather(line);
    } else if (line.rest == "errors" && verb == "no") {
        for (const auto& message : world_.log) {
            if (message.level == "error") wrong(line, "error: " + message.text);
        }
    } else if (verb == "pods") {
        lab::ImageScript how;
        how.ready = words.at(2) != "unready";
        if (words.at(2) == "crash") how.exits_after = std::chrono::seconds{5};
        world_.pods.script(words.at(1), how);
    } else if (verb == "pods-of") {
        for (const auto& pod : pods_of(words.at(1))) {
            world_.pods.set_ready(kube::key_of(*pod), words.at(2) == "ready");
        }
    } else if (verb == "waits") {
        expect_waiting(line);
    } else if (verb == "reads") {
        expect(line, std::to_string(world_.api.reads()), words.at(1));
    } else if (verb == "edit") {
        world_.patch(resources::canaries, "podinfo", boost::json::parse(line.rest));
    } else if (verb == "patch") {
        world_.patch(
            resource_named(words.at(1)), words.at(2), boost::json::parse(from_word(line, 3)));
    } else if (verb == "rival") {
        if (words.at(1) == "gone") {
            world_.drop_rivals();
        } else {
            world_.add_rival(
                resource_named(words.at(1)), words.at(2), boost::json::parse(from_word(line, 3)));
        }
    } else if (verb == "object") {
        world_.apply(boost::json::parse(line.rest));
    } else if (verb == "label-namespace") {
        world_.label_namespace(boost::json::parse(line.rest));
    } else if (verb == "writes") {
        expect(line, std::to_string(world_.api.writes()), words.at(1));
    } else if (verb == "count-writes") {
        world_.api.count_from_zero();
    } else if (verb == "says") {
        const bool said = std::ranges::any_of(
            world_.log, [&](const Message& message) { return matches(line.rest, message.text); });
        expect(line, said ? "said" : "not said", "said");
    } else if (verb == "unsaid") {
        auto all = world_.events();
        for (const auto& message : world_.log) all.push_back(message.text);
        all.push_back(to_text(world_.canary()));
        const bool said = std::ranges::any_of(
            all, [&](const auto& each) { return each.find(line.rest) != std::string::npos; });
        expect(line, said ? "said" : "unsaid", "unsaid");
    } else if (verb == "delete") {
        world_.remove(resource_named(words.at(1)), words.at(2));
    } else if (verb == "run") {
        world_.run_for(duration_of(words.at(1)));
    } else if (verb == "until") {
        until(line);
    } else if (verb == "gone" || verb == "there") {
        expect(line, exists(words.at(1), words.at(2)) ? "there" : "gone", verb);
    } else if (verb == "field") {
        expect_field(line);
    } else if (verb == "skip") {
        skip();
    } else if (verb == "phase") {
        expect(line, world_.phase(), words.at(1));
    } else if (verb == "weight") {
        expect(line, std::to_string(world_.status_weight()), words.at(1));
    } else if (verb == "route") {
        expect(line, std::to_string(world_.route_weight()), words.at(1));
    } else if (verb == "failed") {
        expect(line,
               std::to_string(integer_at(world_.canary(), {"status", "failedChecks"}).value_or(0)),
               words.at(1));
    } else if (verb == "replicas") {
        const auto object = world_.get(resources::deployments, words.at(1));
        expect(line,
               std::to_string(integer_at(object, {"spec", "replicas"}).value_or(-1)),
               words.at(2));
    } else if (verb == "image-of") {
        const auto object = world_.workload(words.at(1));
        const auto& containers = array_at(object, {"spec", "template", "spec", "containers"});
        expect(line,
               containers.empty() ? "none" : std::string(text_at(containers[0], {"image"})),
               "stefanprodan/podinfo:" + words.at(2));
    } else if (verb == "status-of") {
        const auto object = world_.canary();
        const auto* field = find(object, {"status", words.at(1)});
        expect(line, field == nullptr ? "none" : to_text(*field), words.at(2));
    } else if (verb == "status-like") {
        const auto object = world_.canary();
        const auto* field = find(object, {"status", words.at(1)});
        const auto is = field == nullptr ? "none" : to_text(*field);
        if (!lab::glob_matches(words.at(2), is)) expect(line, is, words.at(2));
    } else if (verb == "max-of") {
        const auto object = world_.get(resources::horizontal_pod_autoscalers, words.at(1));
        expect(line,
               std::to_string(integer_at(object, {"spec", "maxReplicas"}).value_or(-1)),
               words.at(2));
    } else if (verb == "messages" || verb == "no") {
        compare_messages(line);
    } else {
        throw std::runtime_error(fmt::format("line {}: unknown verb {}", line.number, verb));
    }
}

std::vector<lab::ObjectPtr> Player::pods_of(const std::string& deployment) const {
    auto all = world_.cluster.list(resources::pods, World::ns);
    std::erase_if(all, [prefix = deployment + "-"](const auto& pod) {
        // DEPLOYMENT-HASH-RANDOM, and not those of DEPLOYMENT-primary.
        const auto name = kube::key_of(*pod).name;
        return !name.starts_with(prefix) ||
               std::ranges::count(name.substr(prefix.size()), '-') != 1;
    });
    return all;
}

void Player::expect_waiting(const Line& line) {
    const auto wanted = from_word(line, 2);
    const auto pods = pods_of(line.words.at(1));
    if (pods.empty()) wrong(line, "there is no pod");
    for (const auto& pod : pods) {
        for (const auto& status : array_at(*pod, {"status", "containerStatuses"})) {
            const auto* waiting = find(status, {"state", "waiting"});
            const auto is = waiting == nullptr ? std::string("it does not wait")
                                               : fmt::format("{}: {}",
                                                             text_at(*waiting, {"reason"}),
                                                             text_at(*waiting, {"message"}));
            if (!matches(wanted, is)) expect(line, is, wanted);
        }
    }
}

void Player::skip() {
    seen_ = world_.log.size();
    seen_alerts_ = world_.neighbours.alerts.size();
    seen_told_ = world_.neighbours.told.size();
}

void Player::make_target(const Line& line) {
    auto object = boost::json::parse(R"({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "podinfo", "namespace": "test", "labels": {"app": "podinfo"}},
        "spec": {"progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {"metadata": {"labels": {"app": "podinfo"}},
                "spec": {"containers": [{"name": "podinfod",
                    "image": "stefanprodan/podinfo:6.0.0",
                    "ports": [{"name": "http", "containerPort": 9898}],
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": 9898},
                        "periodSeconds": 2}}]}}}})");
    if (line.words.at(1) == "daemonset") {
        target_kind_ = "DaemonSet";
        put(object, {"kind"}, Json(target_kind_));
        drop(object, {"spec", "progressDeadlineSeconds"});
    } else {
        put(object, {"spec", "replicas"}, number_of(line.words.at(1)));
    }
    world_.apply(object);
    world_.run_for(std::chrono::seconds{10});
}

void Player::make_scaler(const Line& line) {
    auto object = boost::json::parse(R"({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                "name": "podinfo"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 99}}}]}})");
    put(object, {"spec", "minReplicas"}, number_of(line.words.at(1)));
    put(object, {"spec", "maxReplicas"}, number_of(line.words.at(2)));
    world_.apply(object);
    scaler_ = "podinfo";
    world_.run_for(std::chrono::seconds{5});
}

void Player::make_weather(const Line& line) {
    Weather weather;
    const std::map<std::string, int*> odds{{"conflict-every", &weather.conflict_every},
                                           {"conflicts", &weather.conflicts},
                                           {"gone", &weather.gone},
                                           {"slow-down", &weather.slow_down},
                                           {"broken", &weather.broken},
                                           {"unreachable", &weather.unreachable},
                                           {"timeouts", &weather.timeouts},
                                           {"lost-answers", &weather.lost_answers}};
    for (std::size_t i = 1; i + 1 < line.words.size(); i += 2) {
        const auto& value = line.words[i + 1];
        if (line.words[i] == "cut") {
            weather.watches_last = duration_of(value);
        } else {
            *odds.at(line.words[i]) = static_cast<int>(number_of(value));
        }
    }
    world_.api.set_weather(weather);
}

void Player::make_canary(const Line& line) {
    auto object = boost::json::parse(R"({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "progressDeadlineSeconds": 60,
            "service": {"port": 9898},
            "analysis": {"interval": "10s", "threshold": 2}}})");
    put(object, {"spec", "targetRef", "kind"}, Json(target_kind_));
    if (!scaler_.empty()) {
        put(object,
            {"spec", "autoscalerRef"},
            boost::json::parse(R"({"apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler", "name": "podinfo"})"));
    }
    const auto set = [&](std::string_view key, Json value) {
        put(object, {"spec", "analysis", key}, std::move(value));
    };
    JsonArray metrics;
    JsonArray hooks;
    const auto& words = line.words;
    for (std::size_t i = 1; i < words.size();) {
        const auto& key = words[i];
        const auto next = [&] { return words.at(++i); };
        if (key == "step") {
            set("stepWeight", number_of(next()));
        } else if (key == "steps") {
            JsonArray steps;
            for (const auto& step : split_list(next())) steps.push_back(number_of(step));
            set("stepWeights", std::move(steps));
        } else if (key == "max") {
            set("maxWeight", number_of(next()));
        } else if (key == "threshold") {
            set("threshold", number_of(next()));
        } else if (key == "interval") {
            set("interval", Json(next()));
        } else if (key == "promotion-step") {
            set("stepWeightPromotion", number_of(next()));
        } else if (key == "deadline") {
            put(object, {"spec", "progressDeadlineSeconds"}, number_of(next()));
        } else if (key == "with") {
            apply_merge_patch(object, boost::json::parse(from_word(line, i + 1)));
            i = words.size();
        } else if (key == "skip-analysis") {
            put(object, {"spec", "skipAnalysis"}, true);
        } else if (key == "metric") {
            Json metric = JsonObject{{"name", next()}, {"interval", "1m"}};
            const auto min = next();
            const auto max = next();
            Json range = JsonObject{};
            if (min != "-") put(range, {"min"}, *parse_number(min));
            if (max != "-") put(range, {"max"}, *parse_number(max));
            put(metric, {"thresholdRange"}, range);
            metrics.push_back(std::move(metric));
        } else if (key == "query") {
            Json metric = JsonObject{{"name", next()}, {"interval", "1m"}};
            put(metric, {"query"}, Json(next()));
            put(metric, {"thresholdRange", "max"}, *parse_number(next()));
            metrics.push_back(std::move(metric));
        } else if (key == "hook") {
            const auto type = next();
            const auto name = next();
            hooks.push_back(JsonObject{
                {"name", name}, {"type", type}, {"url", "http://tester.test/hooks/" + name}});
        } else {
            throw std::runtime_error(fmt::format("line {}: unknown key {}", line.number, key));
        }
        ++i;
    }
    if (!metrics.empty()) put(object, {"spec", "analysis", "metrics"}, std::move(metrics));
    if (!hooks.empty()) put(object, {"spec", "analysis", "webhooks"}, std::move(hooks));
    world_.apply(object);
}

bool Player::exists(const std::string& resource, const std::string& name) const {
    return world_.get(resource_named(resource), name).is_object();
}

void Player::expect_field(const Line& line) {
    const auto object = world_.get(resource_named(line.words.at(1)), line.words.at(2));
    boost::system::error_code unknown;
    const auto* field = object.find_pointer(line.words.at(3), unknown);
    const auto is = field == nullptr ? std::string("none") : to_text(*field);
    const auto should = from_word(line, 4);
    if (!lab::glob_matches(should, is)) expect(line, is, should);
}

void Player::until(const Line& line) {
    const auto& words = line.words;
    const bool is_gone = words.at(1) == "gone";
    const std::size_t limited = is_gone ? 5 : 4;
    const auto limit =
        words.size() > limited ? duration_of(words.at(limited)) : std::chrono::minutes{10};
    const auto end = world_.clock.now() + limit;
    const auto is = [&] {
        if (is_gone) return std::string(exists(words.at(2), words.at(3)) ? "there" : "gone");
        if (words.at(1) == "weight") return std::to_string(world_.status_weight());
        return world_.phase();
    };
    const auto wanted = is_gone ? words.at(1) : words.at(2);
    while (is() != wanted && world_.clock.now() < end) {
        world_.run_for(std::chrono::milliseconds{200});
    }
    expect(line, is(), wanted);
}

void Player::compare_messages(const Line& line) {
    std::vector<std::string> came;
    for (; seen_ < world_.log.size(); ++seen_) {
        const auto& message = world_.log[seen_];
        if (message.canary.empty()) continue;
        came.push_back(message.level == "info" ? message.text
                                               : message.level + ": " + message.text);
    }
    if (lenient_) return;
    // Lines after "· " may come anywhere, or not at all.
    constexpr std::string_view optional = "· ";
    std::vector<std::string> wanted;
    std::vector<std::string> allowed;
    for (const auto& each : line.below) {
        if (each.starts_with(optional)) {
            allowed.push_back(each.substr(optional.size()));
        } else {
            wanted.push_back(each);
        }
    }
    std::vector<std::string> counted;
    for (const auto& each : came) {
        const bool is_next =
            counted.size() < wanted.size() && matches(wanted[counted.size()], each);
        const bool may_be = std::ranges::any_of(
            allowed, [&](const std::string& glob) { return lab::glob_matches(glob, each); });
        if (is_next || !may_be) counted.push_back(each);
    }
    if (std::ranges::equal(wanted, counted, matches)) return;
    const auto at = static_cast<std::size_t>(std::ranges::mismatch(wanted, counted, matches).in1 -
                                             wanted.begin());
    wrong(line,
          fmt::format("wanted {}, came {}; all that came:\n    {}",
                      at < wanted.size() ? wanted[at] : "nothing more",
                      at < counted.size() ? counted[at] : "nothing",
                      joined(came, "\n    ")));
}

void Player::compare_mail(const Line& line,
                          const std::vector<std::string>& mail,
                          std::size_t& seen) {
    const std::vector<std::string> came(mail.begin() + static_cast<std::ptrdiff_t>(seen),
                                        mail.end());
    seen = mail.size();
    if (lenient_ || std::ranges::equal(line.below, came, matches)) return;
    wrong(line,
          fmt::format("wanted\n    {}\n  came\n    {}",
                      joined(line.below, "\n    "),
                      joined(came, "\n    ")));
}

void Player::compare_calls(const Line& line) {
    auto calls = std::exchange(world_.neighbours.hook_calls, {});
    const auto repeated = std::ranges::unique(calls);
    calls.erase(repeated.begin(), repeated.end());
    if (lenient_ || calls == line.below) return;
    wrong(line, "the hooks that were called:\n    " + joined(calls, "\n    "));
}

void Player::make_wish(const std::string& verb) {
    const auto status = api::parse_status(*find(world_.canary(), {"status"}));
    auto revision = status.last_applied_spec;
    if (verb == to_string(api::Verb::step)) revision += " " + api::place_of(status);
    Json patch = JsonObject{};
    put(patch,
        {"metadata", "annotations", api::wish_annotation},
        Json(fmt::format("{} {} {}", verb, revision, rfc3339(world_.clock.now()))));
    world_.patch(resources::canaries, "podinfo", patch);
}

void Player::expect(const Line& line, const std::string& is, const std::string& should) {
    if (is == should || lenient_) return;
    std::string last;
    for (auto message = world_.log.rbegin(); message != world_.log.rend(); ++message) {
        if (last.size() > 3000) break;
        last.insert(0, fmt::format("\n    {} {}", message->level, message->text));
    }
    wrong(line, fmt::format("{} is {}, not {}; the log:{}", from_word(line, 0), is, should, last));
}

void Player::wrong(const Line& line, const std::string& what) {
    wrong_.push_back(fmt::format("line {}: {}", line.number, what));
}

}  // namespace sluice::scenario
