// `sluice install`: prints the manifests, CRDs first, for `kubectl apply -f -`.
#include "cli/command.hpp"
#include "cli/manifests.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace sluice::cli {

void add_install(CLI::App& app, Environment /*environment*/, Run& run) {
    auto options = std::make_shared<InstallOptions>();
    auto* command =
        app.add_subcommand("install", "Print the manifests that install sluice in a cluster");
    command->footer("Example:\n  sluice install --namespace smm-system | kubectl apply -f -");
    command->add_option("-n,--namespace", options->ns, "Namespace of the controller; must exist")
        ->capture_default_str();
    command->add_option("--image", options->image, "Image of the controller")
        ->capture_default_str();
    command
        ->add_option(
            "--metrics-server", options->metrics_server, "Prometheus that judges the canaries")
        ->capture_default_str();
    command->add_flag("--crds-only", options->crds_only, "Only the CRDs");
    command->callback([options, &run] {
        run = [options] {
            std::fputs(install_manifests(*options).c_str(), stdout);
            return 0;
        };
    });
}

}  // namespace sluice::cli
