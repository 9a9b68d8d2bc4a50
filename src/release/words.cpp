#include "release/words.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::release {
namespace {

struct Wording {
    std::string_view what;
    std::string_view words;
};
constexpr std::array wordings{
    Wording{"begin", "The controller saw the Canary for the first time"},
    Wording{"initialized", "The primary serves: initialization is done"},
    Wording{"start", "A new revision was found: the canary is scaled up"},
    Wording{"restart", "Another revision came in between: the analysis begins again"},
    Wording{"advance", "All checks passed: the next step"},
    Wording{"hold round", "All checks passed, and the plan has no further step"},
    Wording{"catch up", "A step was live already: the status catches up with it"},
    Wording{"count failure", "A check failed: nothing moves, and it is counted"},
    Wording{"gate closed", "A gate is closed: nothing moves"},
    Wording{"wait for approval", "A gate is closed: it waits for approval"},
    Wording{"roll back", "It is rolled back"},
    Wording{"route home", "All traffic goes to the primary"},
    Wording{"scale down", "The canary is scaled down"},
    Wording{"failed", "The canary is scaled down: the revision has failed"},
    Wording{"cancelled", "The target was put back to what is promoted: nothing is left to judge"},
    Wording{"promote", "The plan is done: the primary gets the new revision"},
    Wording{"all home", "The primary is ready: all traffic goes to it"},
    Wording{"promoted", "Promotion is completed: the canary is scaled down"},
    Wording{"promotion failed", "The primary did not get ready with the new revision"},
    Wording{"restore primary", "The primary gets the revision back that was proven"},
    Wording{"come home", "The primary is ready again: traffic goes back to it"},
    Wording{"leave", "The canary's last requests have run out: it is scaled down"},
    Wording{"leave without pods", "The canary lost its last pod: all traffic goes to the primary"},
    Wording{"mend weights", "The traffic was not as decided: it is written again"},
    Wording{"step back", "Traffic goes back to the primary by a step"},
    Wording{"take over", "Taken over from another controller"},
    Wording{"edited", "The Canary was edited"},
    Wording{"wait", "Pods are not ready"},
    Wording{"providers", "The metrics server was asked whether it is there"},
    Wording{"primary", "The primary is made"},
    Wording{"services", "The Services are put as they should be"},
    Wording{"apex", "The Service is pointed at the primary"},
    Wording{"routes", "The routes are put as they should be"},
    Wording{"another template", "The primary gets another template before its first release"},
    Wording{"configs again", "Copies of ConfigMaps or Secrets that were lost are made again"},
    Wording{"primary again", "The primary is made again"},
    Wording{"primary ready again", "The primary has all its pods again: steps go on"},
    Wording{"ready again", "The pods are ready again"},
    Wording{"wake primary", "The primary had been scaled to zero: it is scaled up"},
    Wording{"old scaler", "An autoscaler of the primary that has no use any more is removed"},
    Wording{"admit", "The first checks passed: what it is sent already is judged from now on"},
    Wording{"leave unjudged",
            "The primary has its pods again: nobody stays with what was not judged"},
    Wording{"bind users", "The cookie that keeps a user on one version is noted"},
    Wording{"drain", "The canary was scaled up at rest: its requests run out first"},
    Wording{"drain again", "Traffic came back: its requests run out anew"},
    Wording{"back to rest", "The canary was scaled up at rest: it is scaled down again"},
    Wording{"note replicas", "The number of the canary's pods is noted"},
    Wording{"step home", "The primary is ready: traffic goes to it by a step"},
    Wording{"promotion fails", "The primary does not get ready with the new revision"},
    Wording{"settle", "Nothing is under way"},
    Wording{"hold", "Something is in the way"},
    Wording{"goes on", "Nothing is in the way any more"},
    Wording{"clock", "The clock went back: waits begin again"},
    Wording{"report", "It still waits for approval"},
    Wording{"hold finalizer", "Its deletion will give back what it took"},
    Wording{"let go", "It is let go of"},
    Wording{"terminate", "It is being deleted"},
    Wording{"scale up", "It is being deleted: the target is scaled up"},
    Wording{"give back",
            "It is being deleted: the Service and the routes lead to the target again"},
    Wording{"terminated", "It is deleted, and the target serves"},
    Wording{"scaler", "The primary's autoscaler is put as it should be"},
};

}  // namespace

std::string_view words_for(std::string_view what) {
    const auto* known = std::ranges::find(wordings, what, &Wording::what);
    return known == wordings.end() ? what : known->words;
}

bool begins_a_run(std::string_view what) {
    constexpr std::array<std::string_view, 4> beginnings{"start", "restart", "take over", "begin"};
    return std::ranges::find(beginnings, what) != beginnings.end();
}

std::string_view words_for(api::Phase phase) {
    return phase == api::Phase::none ? "Unknown" : to_string(phase);
}

std::string answer_text(const Json& check) {
    const auto answer = text_at(check, {"answer"});
    // Hooks have no threshold, and what they say is no number of ours.
    const bool is_metric = find(check, {"threshold"}) != nullptr;
    const auto value = is_metric ? parse_number(answer) : std::nullopt;
    if (!value || !std::isfinite(*value)) return std::string(answer);
    auto shorter =
        std::abs(*value) < 1 ? fmt::format("{:.4g}", *value) : fmt::format("{:.2f}", *value);
    return shorter.size() < answer.size() ? shorter : std::string(answer);
}

std::string_view event_time(const Json& event) {
    for (const auto* field : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
        const auto time = text_at(event, {field});
        if (!time.empty()) return time;
    }
    return text_at(event, {"metadata", "creationTimestamp"});
}

}  // namespace sluice::release
