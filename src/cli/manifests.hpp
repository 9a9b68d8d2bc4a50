// The manifests that are part of the binary: sluice's own, the lab's, and the article's example.
#pragma once

#include "base/core/embedded.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct InstallOptions {
    std::string ns = "smm-system";
    std::string image = "sluice:" SLUICE_VERSION;
    std::string metrics_server = "http://prometheus:9090";
    bool crds_only = false;
};

// YAML documents, CRDs first.
std::string install_manifests(const InstallOptions& options);

// The CRDs of the Canary API, as YAML.
std::vector<std::string_view> canary_crds();

// The files of examples/podinfo in the order in which the article applies them.
std::vector<EmbeddedFile> podinfo_example();

}  // namespace sluice::cli
