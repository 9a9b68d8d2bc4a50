// What a controller is told at its start: the peer's flags and environment, in Go's syntax, and
// ours (canary.md 5.1).
#pragma once

#include "base/async/log.hpp"
#include "base/core/result.hpp"
#include "controller/notifier.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::controller {

struct Settings {
    std::string version = SLUICE_VERSION;

    // Finding the cluster.
    std::string kubeconfig = {};
    std::string master = {};
    std::string mesh_kubeconfig = {};  // empty: the mesh's objects are in the same cluster
    double qps = 100;
    double burst = 250;

    // What is watched, and how.
    std::string ns = {};  // empty: all namespaces
    std::string mesh_provider = "istio";
    std::string metrics_server = "http://prometheus:9090";
    std::string ingress_annotations_prefix = "nginx.ingress.kubernetes.io";
    std::vector<std::string> selector_labels = {"app", "name", "app.kubernetes.io/name"};
    std::vector<std::string> include_label_prefixes = {};
    bool config_tracking = true;
    Duration min_interval = std::chrono::seconds{10};
    Duration drain_delay = std::chrono::seconds{10};
    bool revert_on_deletion = false;  // of Canaries that do not say it

    // One at a time.
    bool leader_election = true;
    std::string leader_election_ns = "kube-system";
    std::string identity = {};  // empty: "<host>_<uuid>"
    std::string host = {};
    bool ignore_running_peers = false;

    // Whom it tells.
    Notifications notifications = {};
    bool cross_namespace_refs = true;

    // What it shows.
    std::uint16_t port = 8080;
    std::optional<std::uint16_t> ui_port = {};  // nothing: no dashboard
    std::string ui_address = "127.0.0.1";
    std::string ui_base_path = {};
    std::vector<std::string> ui_hosts = {};
    std::string ui_token_file = {};
    bool ui_write = false;
    LogFormat log_format = LogFormat::json;
    LogLevel log_level = LogLevel::debug;

    // One line each: flags that ask for what is not built.
    std::vector<std::string> warnings = {};
    bool show_version = false;
};

using ReadVariable = std::function<std::optional<std::string>(std::string_view name)>;

// The arguments after the command's name. `invalid` names the flag in one line.
Result<Settings> settings_from(const std::vector<std::string>& arguments,
                               const ReadVariable& variable);

// What --help prints.
std::string settings_help();

}  // namespace sluice::controller
