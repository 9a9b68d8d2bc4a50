// `sluice install`: prints the manifests, CRDs first, for `kubectl apply -f -`.
#include "cli/command.hpp"
#include "cli/manifests.hpp"
#include "net/http.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <cstdio>
#include <memory>

namespace sluice::cli {
namespace {

// What would not be taken by a cluster, or would be read as other YAML than it is.
std::string mistake_in(const InstallOptions& options) {
    static const re2::RE2 name("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");
    static const re2::RE2 image("[A-Za-z0-9][-A-Za-z0-9._/:@]*");
    if (!re2::RE2::FullMatch(options.ns, name))
        return fmt::format("--namespace {}: not a namespace's name", options.ns);
    if (!re2::RE2::FullMatch(options.image, image))
        return fmt::format("--image {}: not an image's name", options.image);
    const auto url = net::request_for(options.metrics_server);
    if (!url || options.metrics_server.find_first_of("\"'\n ") != std::string::npos)
        return fmt::format("--metrics-server {}: not a URL (such as http://prometheus:9090)",
                           options.metrics_server);
    return "";
}

}  // namespace

void add_install(CLI::App& app, Environment /*environment*/, Run& run) {
    auto options = std::make_shared<InstallOptions>();
    auto* command =
        app.add_subcommand("install", "Print the manifests that install sluice in a cluster");
    command->footer(
        "The Helm chart is deploy/chart/sluice of the source.\n"
        "Exit code: 0 printed, 2 wrong arguments.\n"
        "Example:\n  sluice install --namespace smm-system | kubectl apply -f -");
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
            const auto mistake = mistake_in(*options);
            if (!mistake.empty()) {
                fmt::print(stderr, "sluice install: {}\n", mistake);
                return 2;
            }
            std::fputs(install_manifests(*options).c_str(), stdout);
            return 0;
        };
    });
}

}  // namespace sluice::cli
