// Puts the mesh into a cluster: its kinds (Istio's, the Gateway API's, and KEDA's ScaledObject,
// which nobody acts on), its control plane, its admission checks and the injection of sidecars.
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <string>

namespace sluice::mesh {

struct InstallOptions {
    // The IstioControlPlane in istio-system.
    std::string control_plane = "cp-v112x";
};

// Before any other object is made, and once. The error names what could not be created.
Result<void> install_mesh(lab::Cluster& cluster, const InstallOptions& options = {});

}  // namespace sluice::mesh
