#include "delivery/canary/evidence.hpp"

#include "base/core/address.hpp"
#include "delivery/canary/judge.hpp"

#include <boost/json.hpp>

namespace sluice::canary {

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::passed:
            return "passed";
        case Outcome::failed:
            return "failed";
        case Outcome::no_values:
            return "no values";
        case Outcome::error:
            return "error";
    }
    return {};
}

bool is_failure(const Question& question, const Answer& answer) {
    if (const auto* measure = std::get_if<Measure>(&question.what)) {
        return judge(*measure, answer).has_value();
    }
    return answer.outcome != Outcome::passed;
}

bool ends(const Batch& batch, const Question& question, const Answer& answer) {
    switch (batch.stop) {
        case Stop::all:
            return false;
        case Stop::until_first_failure:
            return is_failure(question, answer);
        case Stop::until_first_success:
            return !is_failure(question, answer);
    }
    return false;
}

void Evidence::keep_only(const std::string& of) {
    if (fingerprint == of) return;
    fingerprint = of;
    answers.clear();
}

void Evidence::add(const std::map<std::string, Answer>& more) {
    for (const auto& [id, answer] : more) answers[id] = answer;
}

const Answer* Evidence::find(const std::string& id) const {
    const auto found = answers.find(id);
    return found == answers.end() ? nullptr : &found->second;
}

Json to_json(const Question& question) {
    JsonObject written{{"id", question.id}};
    if (const auto* hook = std::get_if<CallHook>(&question.what)) {
        written["hook"] = hook->hook.name;
        written["url"] = split_address(hook->hook.url).bare;
        written["payload"] = hook->payload;
    } else if (const auto* measure = std::get_if<Measure>(&question.what)) {
        written["metric"] = measure->metric.name;
        written["interval"] = measure->metric.interval;
        if (!measure->metric.query.empty()) written["query"] = measure->metric.query;
    } else if (const auto* look = std::get_if<LookAtPods>(&question.what)) {
        written["pods"] = text_at(look->workload, {"metadata", "name"});
    }
    return written;
}

Json to_json(const Answer& answer) {
    JsonObject written{{"outcome", to_string(answer.outcome)}};
    if (!answer.text.empty()) written["text"] = answer.text;
    if (answer.value) written["value"] = *answer.value;
    if (!answer.asked.empty()) written["asked"] = answer.asked;
    return written;
}

Json to_json(const Evidence& evidence) {
    JsonObject answers;
    for (const auto& [id, answer] : evidence.answers) answers[id] = to_json(answer);
    return JsonObject{{"fingerprint", evidence.fingerprint}, {"answers", std::move(answers)}};
}

}  // namespace sluice::canary
