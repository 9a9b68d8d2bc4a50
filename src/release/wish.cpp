#include "release/wish.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::release {
namespace {

using api::Verb;

kube::PatchOptions patch_options(const CanarySeen& seen, Writing writing) {
    return {.resource_version = std::move(writing.resource_version),
            .uid = std::string(kube::uid_of(seen.object)),
            .field_manager = std::move(writing.field_manager)};
}

Task<Result<Json>> write_wish(
    kube::Client& client, CanarySeen seen, Verb verb, Time now, Writing writing) {
    const kube::ObjectKey key{seen.canary.ns, seen.canary.name};
    Json patch;
    const auto& status = seen.canary.status;
    const auto place = verb == Verb::step ? " " + api::place_of(status) : std::string();
    put(patch,
        {"metadata", "annotations", api::wish_annotation},
        Json(fmt::format(
            "{} {}{} {}", to_string(verb), status.last_applied_spec, place, rfc3339(now))));
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

}  // namespace

Task<Result<Json>> write(
    kube::Client& client, CanarySeen seen, Action action, Time now, Writing writing) {
    if (const auto* verb = std::get_if<Verb>(&action)) {
        co_return co_await write_wish(client, std::move(seen), *verb, now, std::move(writing));
    }
    co_return co_await write_suspension(
        client, std::move(seen), std::get<Suspension>(action), std::move(writing));
}

Task<Result<std::string>> make_wish(kube::Client& client,
                                    kube::ObjectKey key,
                                    Verb verb,
                                    Time now) {
    const auto seen = co_await read_canary(client, key);
    if (!seen) co_return seen.error();
    const auto objection = objection_to(verb, seen->canary);
    if (!objection.empty()) co_return Error{ErrorKind::conflict, objection};
    const auto written = co_await write_wish(client, *seen, verb, now, {});
    if (!written) co_return written.error();
    co_return fmt::format("canary.flagger.app/{}: {}", key.name, deed_of(verb, seen->canary));
}

Task<Result<std::string>> suspend(kube::Client& client, kube::ObjectKey key, Suspension wanted) {
    auto object = co_await client.get(kube::resources::canaries, key);
    if (!object) co_return object.error().with("reading Canary " + to_string(key));
    const auto seen = seen_of(*std::move(object));
    const auto say = [&](std::string_view text) {
        return fmt::format("canary.flagger.app/{} {}", key.name, text);
    };
    const auto objection = objection_to(wanted, seen.canary);
    if (!objection.empty()) co_return Error{ErrorKind::conflict, objection};
    const auto done_before = already(wanted, seen.canary);
    if (!done_before.empty()) co_return say(done_before);
    const auto written = co_await write_suspension(client, seen, wanted, {});
    if (!written) co_return written.error();
    co_return say(deed_of(wanted, seen.canary));
}

}  // namespace sluice::release
