// What the dashboard of a running lab may see and turn.
#pragma once

#include "lab/mesh/mesh.hpp"
#include "lab/prometheus/prometheus_child.hpp"
#include "lab/workloads/kubelet.hpp"
#include "web/lab.hpp"

#include <string>
#include <string_view>

namespace sluice::cli {

// Of one process, as /proc/PID/stat tells; nothing where the text is none.
struct ProcessUse {
    double cpu_seconds = 0;
    std::uint64_t memory = 0;  // resident bytes
};
struct MachineUnits {
    long ticks_per_second = 100;
    long page_bytes = 4096;
};
std::optional<ProcessUse> process_use(std::string_view stat, const MachineUnits& units);

class LabKnobs final : public web::LabSource {
   public:
    struct World {
        lab::Cluster& cluster;
        lab::Kubelet& kubelet;
        mesh::Mesh& mesh;
        lab::PrometheusChild& prometheus;
    };
    // How its mesh sends, as it was started.
    struct Way {
        std::string split, mirror_host;
    };
    // On the control thread. All outlive this.
    LabKnobs(const World& world, Way way) : world_(world), way_(std::move(way)) {}

    std::vector<Pod> pods() const override;
    Result<void> set_fault(const kube::ObjectKey& pod, const std::optional<Fault>& fault) override;
    Result<void> crash(const kube::ObjectKey& pod) override;
    std::vector<Process> processes() const override;
    Proxy proxy() const override;
    std::vector<net::Origin> doors_of(const kube::ObjectKey& gateway) const override;

   private:
    World world_;
    Way way_;
};

}  // namespace sluice::cli
