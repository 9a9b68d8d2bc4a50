// Finding the cluster: a kubeconfig, or the pod that we run in (kubernetes.md A.1).
#pragma once

#include "kube/client.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::kube {

// What is read of the world, so that tests can hand in their own.
struct Environment {
    std::function<std::optional<std::string>(std::string_view name)> variable;
    // not_found when there is none.
    std::function<Result<std::string>(const std::string& path)> read_file;
};
Environment process_environment();

struct ConfigQuery {
    std::string kubeconfig = {};  // flag --kubeconfig: this file and no other
    std::string master = {};      // flag --master: wins over the file's server
    std::string context = {};     // instead of current-context
};

struct Config {
    Connection connection;
    std::string ns = "default";
    std::string context = {};  // empty in a cluster
    std::string source = {};   // the file, or "in-cluster"
    // The lab's proxy, through which lab names are reached (design.md section 5).
    std::optional<net::Origin> lab_proxy = std::nullopt;
    // What people should know, one line each.
    std::vector<std::string> warnings = {};
};

// --kubeconfig or --master, then KUBECONFIG, then in-cluster, then $HOME/.kube/config. The error is
// one line that names file and field. Client rate limits are off against loopback.
Result<Config> find_config(const ConfigQuery& query, const Environment& environment);

}  // namespace sluice::kube
