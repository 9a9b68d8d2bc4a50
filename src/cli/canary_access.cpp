#include "cli/canary_access.hpp"

#include "controller/state.hpp"
#include "routing/table.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <cstdio>

namespace sluice::cli {
namespace {

Task<Result<int>> heed(Session& session, std::function<Task<Result<int>>(Session&)> talk) {
    auto result = co_await talk(session);
    if (result) co_return result;
    const auto error = told(result.error());
    if (error.kind != ErrorKind::not_found) co_return error;
    fmt::print(stderr, "sluice: {}\n", error.message);
    co_return not_found;
}

canary::Surroundings surroundings_of(const Json& object, const api::Canary& canary) {
    static const routing::Table routers;
    canary::Surroundings around;
    if (const auto* router = routers.find(canary.provider)) {
        const auto can = router->capabilities(object);
        around.can = {.weights = can.weights,
                      .mirror = can.mirror,
                      .match = can.match,
                      .affinity = can.affinity};
    }
    return around;
}

}  // namespace

void add_namespace_option(CLI::App& command, std::string& ns) {
    command.add_option("-n,--namespace", ns, "Namespace; else the context's");
}

void add_canary_options(CLI::App& command, CanaryQuery& query) {
    command.add_option("NAME", query.name, "The Canary")->required();
    add_namespace_option(command, query.ns);
    add_cluster_options(command, query.cluster);
}

kube::ObjectKey key_of(const CanaryQuery& query, const kube::Config& config) {
    const auto& name = query.name;
    constexpr std::array<std::string_view, 4> kinds{
        "canary/", "canaries/", "canary.flagger.app/", "canaries.flagger.app/"};
    std::string_view bare = name;
    for (const auto kind : kinds) {
        if (name.starts_with(kind)) bare = std::string_view(name).substr(kind.size());
    }
    return {query.ns.empty() ? config.ns : query.ns, std::string(bare)};
}

CanarySeen seen_of(Json object, const Json* primary) {
    CanarySeen seen;
    seen.object = std::move(object);
    if (primary != nullptr) {
        const auto* status = find(seen.object, {"status"});
        auto whole = controller::status_seen(
            status == nullptr ? Json(JsonObject{}) : *status,
            text_at(*primary, {"metadata", "annotations", controller::state_annotation}),
            kube::uid_of(seen.object));
        if (status != nullptr) put(seen.object, {"status"}, std::move(whole.status));
    }
    // The plan as it is written; how short a controller lets it be is not known here.
    seen.canary = api::parse_canary(seen.object, {.min_interval = Duration{1}});
    seen.around = surroundings_of(seen.object, seen.canary);
    return seen;
}

Task<Result<CanarySeen>> read_canary(kube::Client& client, kube::ObjectKey key) {
    auto object = co_await client.get(kube::resources::canaries, key);
    if (!object) co_return object.error().with("reading Canary " + to_string(key));
    const auto* status = find(*object, {"status"});
    // What is ours stands at the primary where the peer's CRD would not keep it.
    const bool is_elsewhere =
        status != nullptr && controller::own_fields(*status).as_object().empty();
    if (is_elsewhere) {
        const kube::ObjectKey primary{
            key.ns, std::string(text_at(*object, {"spec", "targetRef", "name"})) + "-primary"};
        // Whoever may not read it sees the peer's fields.
        const auto deployment = co_await client.get(kube::resources::deployments, primary);
        if (deployment) co_return seen_of(*std::move(object), &*deployment);
    }
    co_return seen_of(*std::move(object));
}

Error told(const Error& error) {
    if (error.kind == ErrorKind::denied) {
        return {error.kind, "you may not do that: " + error.message};
    }
    return error;
}

int talk_with_cluster(Environment environment,
                      const kube::ConfigQuery& query,
                      const std::function<Task<Result<int>>(Session&)>& talk) {
    return with_cluster(
        environment, query, [talk](Session& session) { return heed(session, talk); });
}

TerminalStyle style_of(const Environment& environment) {
    return terminal_style(environment.terminal, kube::process_environment().variable);
}

}  // namespace sluice::cli
