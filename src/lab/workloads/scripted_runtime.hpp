// Runs pods by a script, for virtual time: no socket is opened, and a pod that is settled needs no
// timer.
#pragma once

#include "lab/workloads/pod_runtime.hpp"

#include <map>

namespace sluice::lab {

// How the containers of an image behave.
struct ImageScript {
    Duration starts_after = std::chrono::seconds{1};
    // After the start; probes fail before.
    Duration ready_after = Duration{0};
    bool ready = true;
    std::optional<Duration> exits_after = std::nullopt;
    int exit_code = 1;
};

class ScriptedRuntime final : public PodRuntime {
   public:
    // The clock outlives this.
    explicit ScriptedRuntime(Clock& clock, int block = 0);

    // For images that match the glob, from their next start on; later entries win. Tags that end in
    // -crash or -unready behave so without an entry.
    void script(std::string image_glob, ImageScript how);
    // For the containers that run now, and later ones of the same pod.
    void set_ready(const ObjectKey& pod, bool ready);
    // Ends the first container of the pod now.
    void crash(const ObjectKey& pod, int exit_code = 1);

    Result<std::string> give_address(const std::vector<std::uint16_t>& ports) override;
    void take_back_address(const std::string& ip) override;
    Task<Result<ContainerRun>> start(ContainerStart start) override;
    Task<> stop(ContainerId id, Duration grace) override;
    Task<ProbeOutcome> probe(ProbeCall call) override;
    std::optional<Time> steady_until(const ContainerId& id) const override;

   private:
    struct Running {
        ObjectKey pod;
        ImageScript how;
        Time started;
    };
    ImageScript script_of(const std::string& image) const;

    Clock& clock_;
    PodAddresses addresses_;
    std::vector<std::pair<std::string, ImageScript>> scripts_;
    std::map<ContainerId, Running> running_;
    std::map<ObjectKey, bool> ready_of_pod_;
};

}  // namespace sluice::lab
