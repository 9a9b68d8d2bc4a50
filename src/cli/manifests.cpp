#include "cli/manifests.hpp"

#include "base/core/result.hpp"
#include "embedded/manifests.hpp"

namespace sluice::cli {
namespace {

std::string_view embedded_file(std::string_view name) {
    for (const auto& file : embedded::manifests()) {
        if (file.name == name) return file.text;
    }
    // A name that CMakeLists.txt does not list.
    SLUICE_ASSERT(false);
    return {};
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

}  // namespace

std::string install_manifests(const InstallOptions& options) {
    std::string text;
    for (const auto crd : canary_crds()) {
        text += "---\n";
        text += crd;
    }
    if (options.crds_only) return text;
    std::string controller(embedded_file("deploy/chart/sluice/files/controller.yaml"));
    replace_all(controller, "${namespace}", options.ns);
    replace_all(controller, "${image}", options.image);
    replace_all(controller, "${metrics-server}", options.metrics_server);
    return text + "---\n" + controller;
}

std::vector<std::string_view> canary_crds() {
    return {embedded_file("deploy/chart/sluice/crds/canaries.yaml"),
            embedded_file("deploy/chart/sluice/crds/metrictemplates.yaml"),
            embedded_file("deploy/chart/sluice/crds/alertproviders.yaml")};
}

std::vector<EmbeddedFile> podinfo_example() {
    std::vector<EmbeddedFile> files;
    for (const std::string_view name : {"examples/podinfo/01-namespace.yaml",
                                        "examples/podinfo/02-podinfo.yaml",
                                        "examples/podinfo/03-gateway.yaml",
                                        "examples/podinfo/04-canary.yaml"}) {
        files.push_back({name, embedded_file(name)});
    }
    return files;
}

}  // namespace sluice::cli
