// What the commands about one Canary share: which one is meant, and what it says of itself whoever
// runs the controller.
#pragma once

#include "api/canary.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"
#include "delivery/canary/outlook.hpp"

#include <boost/json/value.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

// Exit codes of the commands for people; each help names those that it uses.
inline constexpr int done = 0;
inline constexpr int not_done = 1;
inline constexpr int wrong_arguments = 2;
inline constexpr int not_found = 3;

struct CanaryQuery {
    std::string name;  // "podinfo" or "canary/podinfo"
    std::string ns;    // empty: the context's
    kube::ConfigQuery cluster;
};
// NAME, -n, --kubeconfig and --context.
void add_canary_options(CLI::App& command, CanaryQuery& query);
void add_namespace_option(CLI::App& command, std::string& ns);
kube::ObjectKey key_of(const CanaryQuery& query, const kube::Config& config);

struct CanarySeen {
    Json object;  // with the whole status, also on a cluster with the peer's CRD
    api::Canary canary;
    canary::Surroundings around;  // as far as the provider tells
};
// What `object` says of itself; `primary` is null when it is not known.
CanarySeen seen_of(Json object, const Json* primary = nullptr);
Task<Result<CanarySeen>> read_canary(kube::Client& client, kube::ObjectKey key);

// An error in the reader's words: a refusal says that it is one.
Error told(const Error& error);

// As with_cluster, and 3 when what was asked for does not exist.
int talk_with_cluster(Environment environment,
                      const kube::ConfigQuery& query,
                      const std::function<Task<Result<int>>(Session&)>& talk);

// What this process' standard output can show.
TerminalStyle style_of(const Environment& environment);

}  // namespace sluice::cli
