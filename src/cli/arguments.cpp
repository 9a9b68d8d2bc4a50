#include "cli/arguments.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::cli {
namespace {

constexpr std::array<std::string_view, 4> names{"-n", "--namespace", "--kubeconfig", "--context"};

bool is_name(std::string_view argument) {
    return std::ranges::find(names, argument) != names.end();
}

// "--namespace=test", "-ntest".
bool is_name_with_value(std::string_view argument) {
    const auto name = argument.substr(0, argument.find('='));
    if (name.size() < argument.size() && is_name(name)) return true;
    return argument.size() > 2 && argument.starts_with("-n") && argument[2] != '-';
}

}  // namespace

bool is_cluster_option(std::string_view argument) {
    return is_name(argument) || is_name_with_value(argument);
}

std::vector<std::string> verb_first(std::vector<std::string> arguments) {
    auto verb = arguments.begin();
    while (verb != arguments.end()) {
        if (is_name_with_value(*verb)) {
            ++verb;
        } else if (is_name(*verb) && arguments.end() - verb > 1) {
            verb += 2;
        } else {
            break;
        }
    }
    if (verb == arguments.end() || verb->starts_with("-")) return arguments;
    std::rotate(arguments.begin(), verb, arguments.end());
    return arguments;
}

}  // namespace sluice::cli
