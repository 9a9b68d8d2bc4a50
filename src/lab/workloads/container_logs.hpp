// Keeps what containers have said: the present life of each and the one before, bounded. Answers
// `kubectl logs`.
#pragma once

#include "lab/apiserver/pod_logs.hpp"
#include "lab/workloads/pod_runtime.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace sluice::lab {

class ContainerLogs final : public PodLogs {
   public:
    // On the control thread, whose executor this is; the cluster outlives this.
    ContainerLogs(Executor executor, Cluster& cluster);
    ~ContainerLogs() override;

    // A new life of the container begins; the log of the last one becomes the previous. The
    // returned writer takes lines from any thread, also when the logs are gone.
    std::function<void(std::string line)> begin(const ContainerId& id);
    // On the control thread.
    void append(const ContainerId& id, std::string line);
    // Ends those who follow.
    void end(const ContainerId& id);
    void forget(const std::string& pod_uid);

    Answer<std::unique_ptr<net::BodyReader>> open(const ObjectKey& pod,
                                                  const LogQuery& query) override;

   private:
    struct Log;
    class Reader;
    struct Container {
        int instance = 0;
        std::shared_ptr<Log> current;
        std::shared_ptr<Log> previous;
    };
    struct State {
        std::map<std::pair<std::string, std::string>, Container> containers;  // uid, name
    };
    static void append_to(State& state, const ContainerId& id, std::string line, Time now);

    Executor executor_;
    Cluster& cluster_;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::lab
