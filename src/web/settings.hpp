// What the dashboard is told at its start.
#pragma once

#include "base/core/time.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::web {

struct Settings {
    std::string base_path = {};  // "/sluice": what stands before /ui and /api/ui; empty: nothing
    // Whoever sends it may read, and write as the process does. Empty: none is asked for on
    // loopback, and off loopback only people's own tokens count.
    std::string token = {};
    bool off_loopback = false;  // it listens where others reach it
    bool writes = true;         // off loopback only when somebody says so
    // What the process may do is what whoever looks may do: a lab, a person's own kubeconfig. A
    // controller may do more: it changes what runs only for people whom the cluster knows.
    bool rights_are_the_persons = true;
    // Names beside the loopback's that a request's Host may have; with or without a port.
    std::vector<std::string> hosts = {};
    bool lab = false;
    std::string ns = {};  // all that is read; empty: every namespace
    // Prometheus; a user and password in it are sent, and never shown. Empty: none.
    std::string metrics_server = {};
    Duration scrape_interval = std::chrono::seconds{15};  // as far as it is known
    // What a controller in this process raises shorter intervals to; beside another one its
    // default.
    Duration min_interval = std::chrono::seconds{10};

    std::string version = SLUICE_VERSION;
    std::string controller = "sluice";                  // who runs the releases
    std::function<std::optional<bool>()> leading = {};  // whether it does so now
    // What is read stays known so long after the last look.
    Duration memory = std::chrono::minutes{3};
};

// How often something new can be measured, and at least which window.
inline Duration refresh_of(const Settings& settings) {
    return settings.lab ? std::chrono::seconds{2} : std::chrono::seconds{5};
}
inline Duration window_min(const Settings& settings) {
    return settings.lab ? std::chrono::seconds{10} : std::chrono::seconds{30};
}

}  // namespace sluice::web
