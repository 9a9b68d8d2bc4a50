// `sluice completion bash|zsh|fish`: made from the commands themselves, so that it never lags
// behind them.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

struct CompletedOption {
    std::vector<std::string> names;  // "-n", "--namespace"
    std::string description;
    bool takes_value = false;
    std::vector<std::string> values;  // what it may be, where that is known
};
struct CompletedCommand {
    std::string name;
    std::string description;
    bool takes_canary = false;       // a positional NAME
    std::vector<std::string> words;  // a positional of few words: "bash", "zsh"; or subcommands
    std::vector<CompletedOption> options;
};

std::string bash_completion(const std::vector<CompletedCommand>& commands);
std::string zsh_completion(const std::vector<CompletedCommand>& commands);
std::string fish_completion(const std::vector<CompletedCommand>& commands);

}  // namespace sluice::cli
