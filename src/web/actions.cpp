// Writes: promote, step, abort, pause, resume, retry and a new image, as the person who asks.
#include "base/core/sha256.hpp"
#include "release/image.hpp"
#include "release/wish.hpp"
#include "web/answer.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <optional>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

const std::string manager = "sluice-dashboard";
constexpr std::size_t reason_max = 500;

constexpr int writes_max = 5;

struct Wanted {
    release::Shown shown;  // as the person saw it
    std::string reason;
    release::ContainerImage image;  // of a new image alone
};

Result<Wanted> wanted_of(std::string_view body) {
    const auto json = parse_json(body, {.depth = 8, .bytes = std::size_t{16} * 1024});
    if (!json) return Error{ErrorKind::invalid, "the body is no JSON: " + json.error().message};
    if (!json->is_object()) return Error{ErrorKind::invalid, "the body is no object"};
    Wanted wanted;
    for (const auto& [name, member] : {std::pair("uid", &release::Shown::uid),
                                       std::pair("revision", &release::Shown::revision),
                                       std::pair("phase", &release::Shown::phase)}) {
        const auto* value = find(*json, {"seen", name});
        if (value == nullptr || !value->is_string()) {
            return Error{ErrorKind::invalid, fmt::format("seen.{} is missing, or no text", name)};
        }
        wanted.shown.*member = std::string_view(value->get_string());
    }
    wanted.shown.resource_version = text_at(*json, {"resourceVersion"});
    wanted.reason = text_at(*json, {"reason"});
    wanted.image = {std::string(text_at(*json, {"args", "container"})),
                    std::string(text_at(*json, {"args", "image"}))};
    if (wanted.reason.size() > reason_max) {
        return Error{ErrorKind::invalid, fmt::format("reason is longer than {} bytes", reason_max)};
    }
    return wanted;
}

std::optional<Refusal> refusal_to_write(const Viewer& viewer, const std::string& ns) {
    if (!viewer.verbs(ns).empty()) return std::nullopt;
    return Refusal{.status = 403,
                   .code = "forbidden",
                   .message = "You may not patch canaries in namespace " + ns};
}

// Its Deployment or DaemonSet; nothing for a Service, which has no pods of its own.
std::optional<kube::Resource> target_kind(const api::Canary& canary) {
    if (canary.target.kind == "DaemonSet") return resources::daemon_sets;
    if (canary.target.kind == "Service") return std::nullopt;
    return resources::deployments;
}

}  // namespace

net::Response Dashboard::State::changed_meanwhile(const Call& call,
                                                  const kube::ObjectKey& key,
                                                  std::string message) {
    Refusal refusal{.status = 409, .code = "changed", .message = std::move(message)};
    if (auto* now = releases.find(key)) {
        auto json = now->json;
        keep_verbs(json, call.viewer.verbs(key.ns));
        refusal.more["release"] = std::move(json);
    }
    return refused(refusal, call.id);
}

Task<net::Response> Dashboard::State::act(SharedCall call, kube::ObjectKey key, std::string verb) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    if (verb == "image") co_return co_await set_image(call, key);
    const auto action = release::action_of(verb);
    if (!action) {
        co_return refuse(
            {.status = 404, .code = "not_found", .message = "no such action: " + verb});
    }
    const auto wanted = wanted_of(call->request.body);
    if (!wanted) co_return refuse(bad_request(wanted.error()));
    if (const auto refusal = refusal_to_write(call->viewer, key.ns)) co_return refuse(*refusal);

    auto& client = call->person->client;
    auto seen = co_await release::read_canary(client, key);
    const auto overtaken = [&](std::string message) {
        return changed_meanwhile(*call, key, std::move(message));
    };
    std::string text;
    Result<Json> written = Error{ErrorKind::conflict, "not written yet"};
    std::optional<release::Said> said;
    // Written over what was decided on, and decided again where that has changed: a weight that
    // went on is no reason to say no, another person's button is.
    for (int attempt = 0; attempt < writes_max; ++attempt) {
        if (attempt > 0) seen = co_await release::read_canary(client, key);
        if (!seen && seen.error().kind == ErrorKind::not_found) co_return refuse(gone(key));
        if (!seen) co_return refuse(refusal_of(seen.error()));
        if (known) known->note(resources::canaries, seen->object);
        const auto& canary = seen->canary;
        if (!said) said = release::said_of(canary);
        const auto now = outside.clock.now();
        const auto ruling = release::ruling_on(
            {.action = *action, .shown = wanted->shown, .said = *said}, canary, now);
        if (ruling.answer == release::Answer::changed) co_return overtaken(ruling.text);
        if (ruling.answer == release::Answer::refused) {
            co_return refuse({.status = 422, .code = "not_allowed_now", .message = ruling.text});
        }
        text = ruling.text;
        written = seen->object;
        if (ruling.answer == release::Answer::so_already) break;
        const release::Writing writing{.field_manager = manager,
                                       .resource_version = canary.resource_version};
        written = co_await release::write(client, *seen, *action, now, writing);
        if (written || written.error().kind != ErrorKind::conflict) break;
    }
    if (!written && written.error().kind == ErrorKind::conflict) {
        co_return overtaken(key.name + "." + key.ns + " changes all the time");
    }
    if (!written && written.error().kind == ErrorKind::not_found) co_return refuse(gone(key));
    if (!written) co_return refuse(refusal_of(written.error()));
    if (known) known->note(resources::canaries, *written);
    const bool is_new =
        kube::resource_version_of(*written) != kube::resource_version_of(seen->object);
    if (is_new) {
        spawn("telling of an action",
              tell_event(*seen,
                         fmt::format("{} of {}", release::noun_of(*action), seen->canary.dotted()),
                         call->person->name,
                         wanted->reason));
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

// Read-only, or not among what the person may do, and it is not offered.
Task<bool> Dashboard::State::may_set_image(SharedCall call,
                                           kube::ObjectKey key,
                                           kube::Resource kind) {
    if (call->viewer.verbs(key.ns).empty() || !acts_for(*call)) co_return false;
    const auto may = co_await call->person->ask(
        {.verb = "patch", .group = kind.group, .plural = kind.plural, .ns = key.ns});
    co_return may && *may;
}

Task<net::Response> Dashboard::State::show_images(SharedCall call, kube::ObjectKey key) {
    const auto* release = releases.find(key);
    const auto object = known->get(resources::canaries, key);
    if (release == nullptr || !object) co_return refused(gone(key), call->id);
    const auto canary = release::seen_of(*object).canary;
    const auto kind = target_kind(canary);
    JsonArray containers;
    std::string consequence;
    if (kind && co_await may_set_image(call, key, *kind)) {
        const auto target = co_await call->person->client.get(*kind, {key.ns, canary.target.name});
        if (!target) co_return refused(refusal_of(target.error()), call->id);
        for (const auto& [container, image] : release::container_images(*target)) {
            containers.push_back(JsonObject{{"container", container}, {"image", image}});
        }
        consequence = release::consequence_of_image(canary);
    }
    co_return told(call->request,
                   outside.clock.now(),
                   JsonObject{{"containers", std::move(containers)}, {"consequence", consequence}});
}

Task<net::Response> Dashboard::State::set_image(SharedCall call, kube::ObjectKey key) {
    const auto refuse = [&](const Refusal& refusal) { return refused(refusal, call->id); };
    const auto not_now = [&](std::string why) {
        return refuse({.status = 422, .code = "not_allowed_now", .message = std::move(why)});
    };
    const auto wanted = wanted_of(call->request.body);
    if (!wanted) co_return refuse(bad_request(wanted.error()));
    if (const auto refusal = refusal_to_write(call->viewer, key.ns)) co_return refuse(*refusal);
    if (!acts_for(*call)) {
        co_return refuse({.status = 403,
                          .code = "forbidden",
                          .message = "The controller may set images, and does so only for whom the "
                                     "cluster knows: send a token of yours, or use sluice "
                                     "dashboard"});
    }
    auto& client = call->person->client;
    const auto seen = co_await release::read_canary(client, key);
    if (!seen && seen.error().kind == ErrorKind::not_found) co_return refuse(gone(key));
    if (!seen) co_return refuse(refusal_of(seen.error()));
    const auto& canary = seen->canary;
    if (!release::is_as_shown(wanted->shown, canary)) {
        co_return changed_meanwhile(
            *call, key, canary.dotted() + " has changed since it was looked at");
    }
    const auto kind = target_kind(canary);
    if (!kind) co_return not_now("its target is a Service, which has no pods of its own");
    const kube::ObjectKey of{key.ns, canary.target.name};
    const auto target = co_await client.get(*kind, of);
    if (!target && target.error().kind == ErrorKind::not_found) {
        co_return not_now(fmt::format("{} {} is not there", kind->kind, to_string(of)));
    }
    if (!target) co_return refuse(refusal_of(target.error()));
    if (auto why = release::objection_to_image(wanted->image, *target, canary); !why.empty()) {
        co_return not_now(std::move(why));
    }
    const auto written = co_await client.json_patch(
        *kind,
        of,
        release::image_patch(wanted->image, *target),
        {.uid = std::string(kube::uid_of(*target)), .field_manager = manager});
    // As a patch whose tests fail is answered: somebody else was first.
    if (!written && written.error().kind == ErrorKind::invalid) {
        const auto now = co_await client.get(*kind, of);
        if (now && release::container_images(*now) != release::container_images(*target)) {
            co_return changed_meanwhile(
                *call,
                key,
                fmt::format("{} {} has other images by now", kind->kind, to_string(of)));
        }
    }
    if (!written) co_return refuse(refusal_of(written.error()));
    if (known) known->note(*kind, *written);
    const auto& [container, image] = wanted->image;
    spawn("telling of an action",
          tell_event(*seen,
                     fmt::format("Image {} in container {} of {}",
                                 image,
                                 container,
                                 canary.dotted(canary.target.name)),
                     call->person->name,
                     wanted->reason));
    auto response =
        told(call->request,
             outside.clock.now(),
             JsonObject{
                 {"accepted", true},
                 {"text",
                  fmt::format(
                      "{}: {} {}", canary.dotted(), image, release::consequence_of_image(canary))},
                 {"resourceVersion", canary.resource_version}});
    response.status = 202;
    response.headers.erase("ETag");
    co_return response;
}

// For the record: who asked, and why. Nothing depends on it.
Task<> Dashboard::State::tell_event(release::CanarySeen seen,
                                    std::string what,
                                    std::string who,
                                    std::string why) {
    const auto& canary = seen.canary;
    const auto now = outside.clock.now();
    auto message = fmt::format("{} asked for over the dashboard{}{}",
                               what,
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
