#include "release/wish.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::release {
namespace {

using api::Phase;
using api::Verb;

std::string objection_to_retry(const api::Canary& canary) {
    if (canary.status.phase == Phase::failed) return {};
    return fmt::format("{} is {}: only what has Failed can be judged again",
                       canary.dotted(),
                       to_string(canary.status.phase));
}

std::string_view done_to_it(Verb verb) {
    switch (verb) {
        case Verb::promote:
            return "is promoted without further checks";
        case Verb::abort:
            return "is asked to be rolled back";
        case Verb::retry:
            return "is judged again";
    }
    return {};
}

kube::PatchOptions patch_options(const CanarySeen& seen, Writing writing) {
    return {.resource_version = std::move(writing.resource_version),
            .uid = std::string(kube::uid_of(seen.object)),
            .field_manager = std::move(writing.field_manager)};
}

}  // namespace

// The same as the controller asks (delivery/canary/seen.cpp), with the reason.
std::string objection_to(Verb verb, const api::Canary& canary) {
    const auto& status = canary.status;
    const auto name = canary.dotted();
    if (canary.deleting) return name + " is being deleted";
    if (status.last_applied_spec.empty()) return name + " has not been seen by a controller yet";
    if (status.rollback) return name + " is being rolled back already";
    if (verb == Verb::retry) return objection_to_retry(canary);
    switch (status.phase) {
        case Phase::waiting:
        case Phase::progressing:
        case Phase::waiting_promotion:
            return {};
        case Phase::failed:
            return fmt::format("{} has Failed: `sluice retry` has the revision judged again", name);
        case Phase::promoting:
        case Phase::finalising:
            return fmt::format("{} is {} already", name, to_string(status.phase));
        case Phase::none:
        case Phase::initializing:
        case Phase::initialized:
        case Phase::succeeded:
        case Phase::terminating:
        case Phase::terminated:
            break;
    }
    return fmt::format("{} is {}: no release is under way", name, to_string(status.phase));
}

std::string deed_of(Verb verb, const api::Canary& canary) {
    return fmt::format("revision {} {}{}",
                       canary.status.last_applied_spec,
                       done_to_it(verb),
                       canary.suspended ? ", when it is resumed (it is paused)" : "");
}

Task<Result<Json>> write_wish(
    kube::Client& client, CanarySeen seen, Verb verb, Time now, Writing writing) {
    const kube::ObjectKey key{seen.canary.ns, seen.canary.name};
    Json patch;
    put(patch,
        {"metadata", "annotations", api::wish_annotation},
        Json(fmt::format(
            "{} {} {}", to_string(verb), seen.canary.status.last_applied_spec, rfc3339(now))));
    auto written = co_await client.merge_patch(
        kube::resources::canaries, key, std::move(patch), patch_options(seen, std::move(writing)));
    if (!written) co_return written.error().with("annotating Canary " + to_string(key));
    co_return written;
}

Task<Result<Json>> write_suspension(kube::Client& client,
                                    CanarySeen seen,
                                    Suspension wanted,
                                    Writing writing) {
    const kube::ObjectKey key{seen.canary.ns, seen.canary.name};
    const bool pause = wanted == Suspension::pause;
    Json patch;
    put(patch, {"spec", "suspend"}, Json(pause));
    auto written = co_await client.merge_patch(
        kube::resources::canaries, key, std::move(patch), patch_options(seen, std::move(writing)));
    if (!written) {
        co_return written.error().with(
            fmt::format("{} Canary {}", pause ? "pausing" : "resuming", to_string(key)));
    }
    co_return written;
}

Task<Result<std::string>> make_wish(kube::Client& client,
                                    kube::ObjectKey key,
                                    Verb verb,
                                    Time now) {
    const auto seen = co_await read_canary(client, key);
    if (!seen) co_return seen.error();
    const auto objection = objection_to(verb, seen->canary);
    if (!objection.empty()) co_return Error{ErrorKind::conflict, objection};
    const auto written = co_await write_wish(client, *seen, verb, now);
    if (!written) co_return written.error();
    co_return fmt::format("canary.flagger.app/{}: {}", key.name, deed_of(verb, seen->canary));
}

Task<Result<std::string>> suspend(kube::Client& client, kube::ObjectKey key, Suspension wanted) {
    auto object = co_await client.get(kube::resources::canaries, key);
    if (!object) co_return object.error().with("reading Canary " + to_string(key));
    const auto seen = seen_of(*std::move(object));
    const bool pause = wanted == Suspension::pause;
    if (seen.canary.suspended == pause) {
        co_return fmt::format(
            "canary.flagger.app/{} {}", key.name, pause ? "is paused already" : "is not paused");
    }
    const auto written = co_await write_suspension(client, seen, wanted);
    if (!written) co_return written.error();
    co_return fmt::format("canary.flagger.app/{} {}", key.name, pause ? "paused" : "resumed");
}

}  // namespace sluice::release
