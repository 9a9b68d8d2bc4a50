// `sluice dashboard`: the dashboard of a cluster, as the person whose kubeconfig it is; and what
// every dashboard of ours is served by.
#pragma once

#include "cli/command.hpp"
#include "net/server.hpp"

namespace sluice::cli {

// Bodies are small, and a page keeps its stream open for as long as it is looked at.
inline constexpr net::ServerOptions dashboard_options{.body_limit = std::size_t{64} * 1024,
                                                      .head_timeout = std::chrono::seconds{5},
                                                      .idle_timeout = std::chrono::seconds{60},
                                                      .connections_max = 1000};

void add_dashboard(CLI::App& app, Environment environment, Run& run);

}  // namespace sluice::cli
