// What the commands about one Canary share: which one is meant, and what it says of itself whoever
// runs the controller.
#pragma once

#include "cli/session.hpp"
#include "cli/terminal.hpp"
#include "release/seen.hpp"

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

using release::CanarySeen;
using release::read_canary;
using release::seen_of;

// An error in the reader's words: a refusal says that it is one.
Error told(const Error& error);

// As with_cluster, and 3 when what was asked for does not exist.
int talk_with_cluster(Environment environment,
                      const kube::ConfigQuery& query,
                      const std::function<Task<Result<int>>(Session&)>& talk);

// What this process' standard output can show.
TerminalStyle style_of(const Environment& environment);

}  // namespace sluice::cli
