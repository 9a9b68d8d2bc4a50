// A kubeconfig, as the file that KUBECONFIG names.
#include "fuzz/fuzz.hpp"
#include "kube/config.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const kube::Environment environment{
        .variable = [](std::string_view name) -> std::optional<std::string> {
            if (name == "KUBECONFIG") return "/config";
            return std::nullopt;
        },
        .read_file = [input](const std::string& path) -> Result<std::string> {
            if (path == "/config") return std::string(input);
            return Error{ErrorKind::not_found, "no file " + path};
        }};
    const auto config = kube::find_config({}, environment);
    if (!config) {
        const auto& why = config.error().message;
        if (why.find('\n') != std::string::npos) std::fprintf(stderr, "%s\n", why.c_str());
        must(!why.empty() && why.find('\n') == std::string::npos, "a refusal is one line");
        return;
    }
    must(!config->connection.origin.host.empty(), "a cluster that was found has a host");
}

}  // namespace sluice::fuzz
