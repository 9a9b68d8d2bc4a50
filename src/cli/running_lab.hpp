// A whole lab in this process: cluster, pods, mesh, Prometheus and the controller, joined. Two
// threads: control (whoever runs the given io_context) and traffic (one of its own).
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "base/core/result.hpp"
#include "kube/client.hpp"
#include "lab/apiserver/cluster.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cli {

struct LabOptions {
    std::filesystem::path dir;  // empty: one under /tmp that is removed with the lab
    std::uint16_t port = 0;
    bool controller = true;
    std::vector<std::pair<std::string, std::string>> images;  // glob and app, or "bad"
    std::string control_plane = "cp-v112x";
    std::string split = "deck";
    std::string mirror_host = "plain";
    Duration min_interval = std::chrono::seconds{2};
    Duration drain_delay = std::chrono::seconds{10};
    bool allow_exec = false;
    bool dashboard = true;
    std::uint16_t ui_port = 0;
};

class RunningLab {
   public:
    // Returns when the API answers and Prometheus is ready. Everything given outlives the lab.
    static Task<Result<std::unique_ptr<RunningLab>>> start(boost::asio::io_context& control,
                                                           Clock& clock,
                                                           Random& random,
                                                           LabOptions options);
    ~RunningLab();

    // Ends pods, listeners, Prometheus and threads, and removes what was written. To be awaited
    // before the lab goes.
    Task<> stop();

    lab::Cluster& cluster();
    kube::Client& client();
    const std::filesystem::path& dir() const;
    std::filesystem::path kubeconfig() const;
    std::string api_url() const;
    std::string metrics_url() const;
    // "http://127.0.0.1:4680/ui/"; empty where there is no dashboard.
    std::string dashboard_url() const;
    // "http://127.112.0.1/" for test/test-imgw; nothing while that gateway does not listen.
    std::optional<std::string> gateway_url(const kube::ObjectKey& gateway) const;
    // Each line of the controller's log, as it is written.
    void on_log(std::function<void(std::string_view line)> callback);

   private:
    struct State;
    explicit RunningLab(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::cli
