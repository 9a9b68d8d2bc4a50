// Writes: promote, abort, pause, resume and retry, as the person who asks.
#include "base/core/sha256.hpp"
#include "release/wish.hpp"
#include "web/answer.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

const std::string manager = "sluice-dashboard";
constexpr std::size_t reason_max = 500;

struct Wanted {
    std::string uid, revision, phase;  // as the person saw it
    std::string resource_version;
    std::string reason;
};

Result<Wanted> wanted_of(std::string_view body) {
    const auto json = parse_json(body, {.depth = 8, .bytes = std::size_t{16} * 1024});
    if (!json) return Error{ErrorKind::invalid, "the body is no JSON: " + json.error().message};
    if (!json->is_object()) return Error{ErrorKind::invalid, "the body is no object"};
    Wanted wanted;
    for (const auto& [name, member] : {std::pair("uid", &Wanted::uid),
                                       std::pair("revision", &Wanted::revision),
                                       std::pair("phase", &Wanted::phase)}) {
        const auto* value = find(*json, {"seen", name});
        if (value == nullptr || !value->is_string()) {
            return Error{ErrorKind::invalid, fmt::format("seen.{} is missing, or no text", name)};
        }
        wanted.*member = std::string_view(value->get_string());
    }
    wanted.resource_version = text_at(*json, {"resourceVersion"});
    wanted.reason = text_at(*json, {"reason"});
    if (wanted.reason.size() > reason_max) {
        return Error{ErrorKind::invalid, fmt::format("reason is longer than {} bytes", reason_max)};
    }
    return wanted;
}

std::optional<api::Verb> wish_of(std::string_view verb) {
    if (verb == "promote") return api::Verb::promote;
    if (verb == "abort") return api::Verb::abort;
    if (verb == "retry") return api::Verb::retry;
    return std::nullopt;
}

bool is_as_seen(const release::CanarySeen& now, const Wanted& wanted) {
    const auto& canary = now.canary;
    const std::string phase = canary.status.phase == api::Phase::none
                                  ? "Unknown"
                                  : std::string(to_string(canary.status.phase));
    return canary.uid == wanted.uid && canary.status.last_applied_spec == wanted.revision &&
           phase == wanted.phase;
}

// A wish is carried out at once, unless nobody leads or the Canary is paused: then who comes next
// is told of it for so long.
constexpr Duration wish_is_news = std::chrono::seconds{5};
constexpr int writes_max = 5;

// Another wish for this revision that nobody has carried out yet, asked for a moment ago.
bool is_overtaken(const api::Canary& canary, std::string_view verb, Time now) {
    const auto& wish = canary.wish;
    if (!wish || wish->text == canary.status.granted || to_string(wish->verb) == verb ||
        wish->revision != canary.status.last_applied_spec) {
        return false;
    }
    const std::string_view text = wish->text;
    const auto at = parse_rfc3339(text.substr(text.rfind(' ') + 1));
    return at && now < *at + wish_is_news;
}

std::string_view done_by(api::Verb verb) {
    switch (verb) {
        case api::Verb::promote:
            return "promoted";
        case api::Verb::abort:
            return "rolled back";
        case api::Verb::retry:
            return "judged again";
    }
    return {};
}

// What a person says of a Canary, and what another one may have said meanwhile.
std::pair<std::string, bool> wishes_of(const api::Canary& canary) {
    return {canary.wish ? canary.wish->text : std::string(), canary.suspended};
}

std::string past_of(std::string_view verb) {
    if (verb == "promote") return "Promotion";
    if (verb == "abort") return "Abort";
    if (verb == "retry") return "Retry";
    return verb == "pause" ? "Pause" : "Resumption";
}

}  // namespace

Task<net::Response> Dashboard::State::act(SharedCall call, kube::ObjectKey key, std::string verb) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    if (std::ranges::find(all_verbs, verb) == all_verbs.end()) {
        co_return refuse(
            {.status = 404, .code = "not_found", .message = "no such action: " + verb});
    }
    const auto wanted = wanted_of(call->request.body);
    if (!wanted) co_return refuse(bad_request(wanted.error()));
    if (call->viewer.verbs(key.ns).empty()) {
        co_return refuse({.status = 403,
                          .code = "forbidden",
                          .message = "You may not patch canaries in namespace " + key.ns});
    }

    auto& client = call->person->client;
    auto seen = co_await release::read_canary(client, key);
    const auto changed_meanwhile = [&](std::string message) {
        Refusal refusal{.status = 409, .code = "changed", .message = std::move(message)};
        if (auto* now = releases.find(key)) {
            auto json = now->json;
            keep_verbs(json, call->viewer.verbs(key.ns));
            refusal.more["release"] = std::move(json);
        }
        return refuse(refusal);
    };
    std::string text;
    Result<Json> written = Error{ErrorKind::conflict, "not written yet"};
    std::optional<std::pair<std::string, bool>> wishes;
    // Written over what was decided on, and decided again where that has changed: a weight that
    // went on is no reason to say no, another person's button is.
    for (int attempt = 0; attempt < writes_max; ++attempt) {
        if (attempt > 0) seen = co_await release::read_canary(client, key);
        if (!seen && seen.error().kind == ErrorKind::not_found) co_return refuse(gone(key));
        if (!seen) co_return refuse(refusal_of(seen.error()));
        if (known) known->note(resources::canaries, seen->object);
        const auto& canary = seen->canary;
        const bool is_old = !wanted->resource_version.empty() &&
                            wanted->resource_version != canary.resource_version;
        if (!wishes) wishes = wishes_of(canary);
        if (is_old || !is_as_seen(*seen, *wanted) || *wishes != wishes_of(canary)) {
            co_return changed_meanwhile(canary.dotted() + " has changed since it was looked at");
        }
        if (is_overtaken(canary, verb, outside.clock.now())) {
            co_return changed_meanwhile(fmt::format(
                "{} was asked to be {} a moment ago", canary.dotted(), done_by(canary.wish->verb)));
        }
        const release::Writing writing{.field_manager = manager,
                                       .resource_version = canary.resource_version};
        written = seen->object;
        if (const auto wish = wish_of(verb)) {
            const auto objection = release::objection_to(*wish, canary);
            if (!objection.empty()) {
                co_return refuse({.status = 422, .code = "not_allowed_now", .message = objection});
            }
            text = release::deed_of(*wish, canary);
            written =
                co_await release::write_wish(client, *seen, *wish, outside.clock.now(), writing);
        } else {
            const bool pause = verb == "pause";
            text = pause ? "paused" : "resumed";
            if (canary.deleting) {
                co_return refuse({.status = 422,
                                  .code = "not_allowed_now",
                                  .message = canary.dotted() + " is being deleted"});
            }
            if (canary.suspended == pause) {
                text = pause ? "is paused already" : "is not paused";
            } else {
                written = co_await release::write_suspension(
                    client,
                    *seen,
                    pause ? release::Suspension::pause : release::Suspension::resume,
                    writing);
            }
        }
        if (written || written.error().kind != ErrorKind::conflict) break;
    }
    if (!written && written.error().kind == ErrorKind::conflict) {
        co_return changed_meanwhile(key.name + "." + key.ns + " changes all the time");
    }
    if (!written && written.error().kind == ErrorKind::not_found) co_return refuse(gone(key));
    if (!written) co_return refuse(refusal_of(written.error()));
    if (known) known->note(resources::canaries, *written);
    const bool is_new =
        kube::resource_version_of(*written) != kube::resource_version_of(seen->object);
    if (is_new) {
        spawn("telling of an action", tell_event(*seen, verb, call->person->name, wanted->reason));
    }
    auto response = told(call->request,
                         outside.clock.now(),
                         JsonObject{{"accepted", true},
                                    {"text", fmt::format("{}: {}", seen->canary.dotted(), text)},
                                    {"resourceVersion", kube::resource_version_of(*written)}});
    response.status = 202;
    response.headers.erase("ETag");
    co_return response;
}

// For the record: who asked, and why. Nothing depends on it.
Task<> Dashboard::State::tell_event(release::CanarySeen seen,
                                    std::string verb,
                                    std::string who,
                                    std::string why) {
    const auto& canary = seen.canary;
    const auto now = outside.clock.now();
    auto message = fmt::format("{} of {} asked for over the dashboard{}{}",
                               past_of(verb),
                               canary.dotted(),
                               who.empty() ? std::string() : " by " + who,
                               why.empty() ? std::string() : ": " + why);
    const auto digest = sha256_hex(fmt::format("{} {}", message, rfc3339_micros(now)));
    const auto at = rfc3339(now);
    Json event =
        JsonObject{{"apiVersion", "v1"},
                   {"kind", "Event"},
                   {"metadata",
                    JsonObject{{"name", fmt::format("{}.{}", canary.name, digest.substr(0, 16))},
                               {"namespace", canary.ns}}},
                   {"involvedObject",
                    JsonObject{{"apiVersion", "flagger.app/v1beta1"},
                               {"kind", "Canary"},
                               {"namespace", canary.ns},
                               {"name", canary.name},
                               {"uid", canary.uid},
                               {"resourceVersion", canary.resource_version}}},
                   {"reason", "Dashboard"},
                   {"message", std::move(message)},
                   {"type", "Normal"},
                   {"count", 1},
                   {"firstTimestamp", at},
                   {"lastTimestamp", at},
                   {"source", JsonObject{{"component", manager}}},
                   {"reportingComponent", manager},
                   {"reportingInstance", manager}};
    const auto made = co_await people.process()->client.create(resources::events, std::move(event));
    if (!made) {
        outside.log.warn(fmt::format(
            "dashboard: writing an Event of {}: {}", canary.dotted(), made.error().message));
    }
}

}  // namespace sluice::web
