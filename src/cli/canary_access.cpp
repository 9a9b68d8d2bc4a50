#include "cli/canary_access.hpp"

#include <CLI/CLI.hpp>
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
