#include "delivery/canary/decision.hpp"

#include "base/core/address.hpp"
#include "base/core/text.hpp"
#include "delivery/canary/judge.hpp"
#include "delivery/canary/outlook.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>

namespace sluice::canary {
namespace {

constexpr std::size_t text_max = 200;

// At most so many bytes, between two characters.
std::string cut(std::string_view text) {
    if (text.size() <= text_max) return std::string(text);
    auto end = text_max - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "...";
}

// Where a hook is, without who asks and with what key.
std::string shown(std::string_view url) {
    const auto bare = split_address(url).bare;
    return bare.substr(0, bare.find_first_of("?#"));
}

std::string range_of(const api::Metric& metric) {
    if (!metric.has_range) {
        return (metric.kind == api::MetricKind::request_success_rate ? "at least " : "at most ") +
               go_number(metric.threshold);
    }
    std::string text;
    if (metric.min) text = "at least " + go_number(*metric.min);
    if (metric.max) text += (text.empty() ? "at most " : ", at most ") + go_number(*metric.max);
    return text.empty() ? "any" : text;
}

std::string threshold_of(const api::Metric& metric) {
    auto text = range_of(metric);
    if (text == "any") return text;
    if (metric.kind == api::MetricKind::request_success_rate) return text + " (%)";
    if (metric.kind == api::MetricKind::request_duration) return text + " (ms)";
    return text;
}

std::string question_of(const api::Metric& metric) {
    switch (metric.kind) {
        case api::MetricKind::request_success_rate:
        case api::MetricKind::request_duration:
        case api::MetricKind::unusable:
            break;
        case api::MetricKind::inline_query:
            return fmt::format("query {} over {}", metric.name, metric.interval);
        case api::MetricKind::template_query:
            return fmt::format("MetricTemplate {} over {}",
                               metric.template_ref ? metric.template_ref->name : metric.name,
                               metric.interval);
    }
    return fmt::format("{} over {}", metric.name, metric.interval);
}

std::string answer_of(const Answer& answer) {
    if (answer.value && std::isfinite(*answer.value)) return go_number(*answer.value);
    return cut(answer.text);
}

std::string_view verdict_of(const api::Metric& metric, const World& world, const Answer& answer) {
    const Measure measure{.metric = metric, .ns = world.canary.ns, .canary = world.canary.name};
    if (has_no_data(answer)) return "no data";
    if (answer.outcome != Outcome::passed) return "error";
    return judge(measure, answer) ? "fail" : "pass";
}

std::string_view verdict_of(const api::Hook& hook, const Answer& answer) {
    if (answer.outcome == Outcome::error) return "error";
    const bool is_yes = answer.outcome == Outcome::passed;
    // Whoever says yes to it wants a rollback.
    return is_yes == (hook.type != api::HookType::rollback) ? "pass" : "fail";
}

Json check_of(const std::string& name,
              const std::string& question,
              const std::string& answer,
              std::string_view verdict) {
    JsonObject check{{"check", cut(name)}, {"question", cut(question)}};
    if (!answer.empty()) check["answer"] = Json(answer);
    check["verdict"] = verdict;
    return check;
}

JsonArray checks_of(const World& world, const Evidence& evidence) {
    JsonArray checks;
    if (const auto* answer = evidence.find("providers")) {
        checks.push_back(check_of("metrics server",
                                  shown(world.canary.metrics_server) + " is available",
                                  cut(answer->text),
                                  answer->outcome == Outcome::passed ? "pass" : "error"));
    }
    std::size_t index = 0;
    for (const auto& hook : world.canary.analysis.hooks) {
        const auto* answer = evidence.find(fmt::format("hook/{}/{}", index++, hook.name));
        if (answer == nullptr) continue;
        checks.push_back(check_of(hook.name,
                                  fmt::format("{} hook {}", to_string(hook.type), shown(hook.url)),
                                  cut(answer->text),
                                  verdict_of(hook, *answer)));
    }
    index = 0;
    for (const auto& metric : world.canary.analysis.metrics) {
        const auto* answer = evidence.find(fmt::format("metric/{}/{}", index++, metric.name));
        if (answer == nullptr) continue;
        auto check = check_of(metric.name,
                              question_of(metric),
                              answer_of(*answer),
                              verdict_of(metric, world, *answer));
        check.get_object()["threshold"] = threshold_of(metric);
        checks.push_back(std::move(check));
    }
    return checks;
}

Json next_of(const World& world, const Act& act) {
    auto canary = world.canary;
    if (act.status) canary.status = api::parse_status(*act.status);
    // A wish is about one revision: the next one is judged.
    if (canary.wish && canary.wish->text == canary.status.granted) canary.skip_analysis = false;
    const auto outlook = outlook_of(canary, {world.routes.can, world.settings.drain_delay});
    JsonObject next{{"what", outlook.next.empty() ? outlook.waits_for : outlook.next}};
    if (outlook.not_before) next["notBefore"] = rfc3339(*outlook.not_before);
    return next;
}

// Why the pods were not ready, with what was decided for it; and once more at the rollback's end,
// for what is between may be all that is kept.
std::string pods_of(const World& world, const Evidence& evidence, const Act& act) {
    if (const auto* answer = evidence.find(std::string(pods_question));
        answer != nullptr && answer->outcome == Outcome::passed) {
        return answer->text;
    }
    if (!act.status) return {};
    const auto& before = world.canary.status.rollback;
    const auto after = api::parse_status(*act.status).rollback;
    if (before.has_value() == after.has_value()) return {};
    return before ? before->pods : after->pods;
}

std::size_t size_of(const Json& value) {
    return to_text(value).size();
}

// A large one gives away its checks from the end, then what else can be missed.
Json within(Json decision, std::size_t bytes) {
    if (size_of(decision) <= bytes || !decision.is_object()) return decision;
    auto& fields = decision.get_object();
    for (const auto* name : {"checks", "wrote", "said"}) {
        auto* list = fields.if_contains(name);
        if (list == nullptr || !list->is_array()) continue;
        auto& entries = list->get_array();
        // Each entry is measured once.
        auto size = size_of(decision);
        while (size > bytes && !entries.empty()) {
            const auto freed = size_of(entries.back()) + 1;
            entries.pop_back();
            size -= std::min(size, freed);
        }
        if (entries.empty()) fields.erase(name);
        if (size_of(decision) <= bytes) break;
    }
    return decision;
}

}  // namespace

Json decision_of(const World& world, const Evidence& evidence, const Act& act) {
    JsonObject decision{{"at", rfc3339(world.now)}, {"what", act.why}};
    JsonArray said;
    // Which config has changed is told by a line alone, and is why a release began.
    for (const auto& line : act.lines) said.emplace_back(cut(line));
    for (const auto& event : act.events) said.emplace_back(cut(event.message));
    if (!said.empty()) decision["said"] = std::move(said);
    auto checks = checks_of(world, evidence);
    if (!checks.empty()) decision["checks"] = std::move(checks);
    JsonArray wrote;
    for (const auto& effect : act.effects) wrote.emplace_back(cut(to_string(effect)));
    if (!wrote.empty()) decision["wrote"] = std::move(wrote);
    if (auto pods = pods_of(world, evidence, act); !pods.empty()) decision["pods"] = cut(pods);
    decision["next"] = next_of(world, act);
    return decision;
}

bool is_bookkeeping(const World& world, const Evidence& evidence, const Act& act) {
    if (!act.events.empty() || !act.effects.empty() || !evidence.answers.empty()) return false;
    if (!act.status) return true;
    const auto after = api::parse_status(*act.status);
    const auto& before = world.canary.status;
    return after.phase == before.phase && after.canary_weight == before.canary_weight &&
           after.rollback == before.rollback;
}

void bound_decisions(Json& status, DecisionBounds bounds) {
    auto* list = find(status, {decisions_field});
    if (list == nullptr) return;
    if (!list->is_array()) {
        drop(status, {decisions_field});
        return;
    }
    auto& entries = list->get_array();
    // "[]" and a comma each.
    std::size_t bytes = 2;
    std::size_t kept = 0;
    for (auto entry = entries.rbegin(); entry != entries.rend() && kept < bounds.entries; ++entry) {
        if (kept == 0) *entry = within(std::move(*entry), bounds.bytes - 2);
        bytes += size_of(*entry) + (kept == 0 ? 0 : 1);
        if (bytes > bounds.bytes) break;
        ++kept;
    }
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(kept));
}

void put_decision(Json& status, const Json& decision, DecisionBounds bounds) {
    auto* list = find(status, {decisions_field});
    if (list == nullptr || !list->is_array()) {
        put(status, {decisions_field}, JsonArray{});
        list = find(status, {decisions_field});
    }
    list->get_array().push_back(decision);
    bound_decisions(status, bounds);
}

}  // namespace sluice::canary
