// What stands before the verb: `sluice -n test status podinfo` means what `sluice status podinfo -n
// test` does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// The arguments after the program's name, with the options of the cluster that stand before the
// verb put behind all others. Anything else stays where it is.
std::vector<std::string> verb_first(std::vector<std::string> arguments);

// -n, --namespace, --kubeconfig or --context, with its value or without.
bool is_cluster_option(std::string_view argument);

}  // namespace sluice::cli
