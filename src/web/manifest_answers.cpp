// A release as YAML, and what its new revision changes; and what routes to it.
#include "web/answer.hpp"
#include "web/manifest.hpp"
#include "web/nullable.hpp"
#include "web/state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

std::string_view to_string(DiffLine::Op op) {
    switch (op) {
        case DiffLine::Op::same:
            return "same";
        case DiffLine::Op::removed:
            return "removed";
        case DiffLine::Op::added:
            return "added";
    }
    return {};
}

std::string why_not_read(const kube::Resource& kind,
                         const kube::ObjectKey& key,
                         const Error& error) {
    if (error.kind == ErrorKind::denied || error.kind == ErrorKind::unauthorized) {
        return fmt::format("You may not get {} in namespace {}", kind.plural, key.ns);
    }
    if (error.kind == ErrorKind::not_found) {
        return fmt::format("{} {} does not exist", kind.kind, to_string(key));
    }
    return fmt::format("reading {} {}: {}", kind.kind, to_string(key), error.message);
}

}  // namespace

// As whoever asks: pod templates say more than a release does.
Task<net::Response> Dashboard::State::show_manifest(SharedCall call, kube::ObjectKey key) {
    const auto object = known->get(kube::resources::canaries, key);
    if (!object) co_return refused(gone(key), call->id);
    Json diff = nullptr;
    std::string reason;
    const auto primary = release::primary_of(*object);
    const auto& kind = primary.kind;
    const kube::ObjectKey target{key.ns,
                                 std::string(text_at(*object, {"spec", "targetRef", "name"}))};
    if (kind == kube::resources::services) {
        reason = "its target is a Service, which has no pods of its own";
    } else {
        auto& client = call->person->client;
        const auto before = co_await client.get(kind, primary.key);
        const auto after = before ? co_await client.get(kind, target) : before;
        if (!before) {
            reason = why_not_read(kind, primary.key, before.error());
        } else if (!after) {
            reason = why_not_read(kind, target, after.error());
        } else {
            const auto templates = templates_of(*before, *after);
            const auto lines = diff_of(templates.primary, templates.target);
            JsonArray told;
            for (const auto& line : lines) {
                told.push_back(JsonObject{{"op", to_string(line.op)}, {"text", line.text}});
            }
            diff = JsonObject{
                {"from", primary.key.name},
                {"to", target.name},
                {"changed",
                 std::ranges::count_if(
                     lines, [](const DiffLine& line) { return line.op != DiffLine::Op::same; })},
                {"lines", std::move(told)}};
        }
    }
    co_return told(call->request,
                   outside.clock.now(),
                   JsonObject{{"yaml", manifest_of(*object)},
                              {"diff", std::move(diff)},
                              {"reason", text_json(reason)}});
}

// Read as whoever asks, too: a list of routes says less than they do.
Task<net::Response> Dashboard::State::show_object(SharedCall call) {
    namespace resources = kube::resources;
    static const std::map<std::string_view, const kube::Resource*> kinds{
        {"virtualservice", &resources::virtual_services},
        {"destinationrule", &resources::destination_rules},
        {"gateway", &resources::gateways},
        {"istiomeshgateway", &resources::istio_mesh_gateways}};
    const auto& path = call->path;
    const auto kind = kinds.find(path[1]);
    const kube::ObjectKey key{path[2], path[3]};
    if (path[4] != "yaml" || key.ns.empty() || key.name.empty()) {
        co_return refused({.status = 404, .code = "not_found", .message = "no such path"},
                          call->id);
    }
    if (kind == kinds.end()) {
        co_return refused({.status = 404,
                           .code = "not_found",
                           .message = "objects are of kind virtualservice, destinationrule, "
                                      "gateway or istiomeshgateway"},
                          call->id);
    }
    if (!call->viewer.sees(key.ns)) {
        co_return refused({.status = 403,
                           .code = "forbidden",
                           .message = "You may not look into namespace " + key.ns},
                          call->id);
    }
    const auto object = co_await call->person->client.get(*kind->second, key);
    if (!object) {
        auto refusal = refusal_of(object.error());
        refusal.message = why_not_read(*kind->second, key, object.error());
        co_return refused(refusal, call->id);
    }
    co_return told(call->request, outside.clock.now(), JsonObject{{"yaml", manifest_of(*object)}});
}

}  // namespace sluice::web
