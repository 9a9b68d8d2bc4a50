#include "cli/completion.hpp"

#include "base/core/text.hpp"
#include "cli/command.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace sluice::cli {
namespace {

// The names of the namespace's Canaries; $ns is "-n NAME" as far as it was typed.
constexpr std::string_view bash_frame =
    R"bash(# bash completion of sluice: source <(sluice completion bash)
_sluice_canaries() {
    local i ns=()
    for ((i = 1; i + 1 < ${#COMP_WORDS[@]}; i++)); do
        case ${COMP_WORDS[i]} in -n | --namespace) ns=(-n "${COMP_WORDS[i + 1]}") ;; esac
    done
    sluice get canaries "${ns[@]}" -o name 2>/dev/null | sed 's,.*/,,'
}
_sluice() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words="" verb=1
    while :; do
        case ${COMP_WORDS[verb]} in -n | --namespace | --kubeconfig | --context) verb=$((verb + 2)) ;; *) break ;; esac
    done
    [ "$COMP_CWORD" -ge "$verb" ] || return
    if [ "$COMP_CWORD" -eq "$verb" ]; then
        COMPREPLY=($(compgen -W "@VERBS@" -- "$cur"))
        return
    fi
    case "${COMP_WORDS[verb]} $prev" in
@VALUES@    esac
    if [ -z "$words" ]; then
        case "${COMP_WORDS[verb]}" in
@WORDS@        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _sluice sluice
)bash";

constexpr std::string_view zsh_frame = R"zsh(#compdef sluice
# zsh completion of sluice: source <(sluice completion zsh)
_sluice_canaries() {
    local at=${words[(I)(-n|--namespace)]}
    local -a ns names
    (( at )) && ns=(-n ${words[at + 1]})
    names=(${(f)"$(sluice get canaries $ns -o name 2>/dev/null)"})
    compadd -- ${names#*/}
}
_sluice() {
    local -a verbs
    verbs=(
@VERBS@    )
    local verb=2
    while [[ ${words[verb]} == (-n|--namespace|--kubeconfig|--context) ]]; do (( verb += 2 )); done
    (( CURRENT >= verb )) || return
    if (( CURRENT == verb )); then
        _describe command verbs
        return
    fi
    case "${words[verb]} ${words[CURRENT - 1]}" in
@VALUES@    esac
    case "${words[verb]}" in
@WORDS@    esac
}
if [ "$funcstack[1]" = _sluice ]; then _sluice "$@"; else compdef _sluice sluice; fi
)zsh";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    if (at != std::string::npos) text.replace(at, what.size(), with);
    return text;
}

std::string shell_quoted(std::string_view text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

std::string option_names(const CompletedCommand& command) {
    std::vector<std::string> names;
    for (const auto& option : command.options) {
        names.insert(names.end(), option.names.begin(), option.names.end());
    }
    return joined(names, " ");
}

// "get -o | get --output": the words after which a value comes.
std::string before_value(const CompletedCommand& command,
                         const CompletedOption& option,
                         std::string_view quote) {
    std::vector<std::string> patterns;
    patterns.reserve(option.names.size());
    for (const auto& name : option.names) {
        patterns.push_back(fmt::format("{}{} {}{}", quote, command.name, name, quote));
    }
    return joined(patterns, " | ");
}

CompletedOption option_of(const CLI::Option& option) {
    CompletedOption completed;
    for (const auto& name : option.get_snames()) completed.names.push_back("-" + name);
    for (const auto& name : option.get_lnames()) completed.names.push_back("--" + name);
    completed.description = option.get_description();
    completed.takes_value = option.get_type_size() != 0;
    // "{json,yaml}": how a check of few values describes itself.
    const auto type = option.get_type_name();
    const auto begin = type.find('{');
    const auto end = type.find('}');
    if (begin != std::string::npos && end != std::string::npos && begin < end) {
        completed.values = split_list(type.substr(begin + 1, end - begin - 1));
    }
    return completed;
}

std::vector<CompletedCommand> commands_of(CLI::App& app) {
    std::vector<CompletedCommand> commands;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        CompletedCommand completed{.name = command->get_name(),
                                   .description = command->get_description(),
                                   .words = {},
                                   .options = {}};
        for (const auto* below : command->get_subcommands([](const CLI::App*) { return true; })) {
            completed.words.push_back(below->get_name());
        }
        for (const auto* option : command->get_options()) {
            auto one = option_of(*option);
            if (!one.names.empty()) {
                completed.options.push_back(std::move(one));
            } else if (option->get_name() == "NAME") {
                completed.takes_canary = true;
            } else {
                completed.words.insert(completed.words.end(), one.values.begin(), one.values.end());
            }
        }
        commands.push_back(std::move(completed));
    }
    std::ranges::sort(commands, {}, &CompletedCommand::name);
    return commands;
}

}  // namespace

std::string bash_completion(const std::vector<CompletedCommand>& commands) {
    std::vector<std::string> verbs;
    std::string values;
    std::string words;
    for (const auto& command : commands) {
        verbs.push_back(command.name);
        for (const auto& option : command.options) {
            if (!option.takes_value) continue;
            const auto pattern = before_value(command, option, "\"");
            values += option.values.empty() ? fmt::format("        {}) return ;;\n", pattern)
                                            : fmt::format("        {}) words={} ;;\n",
                                                          pattern,
                                                          shell_quoted(joined(option.values, " ")));
        }
        auto offered = joined(command.words, " ");
        if (command.takes_canary)
            offered += (offered.empty() ? "" : " ") + std::string("$(_sluice_canaries)");
        words += fmt::format(
            "            {})\n"
            "                case $cur in\n"
            "                    -*) words=\"{}\" ;;\n"
            "                    *) words=\"{}\" ;;\n"
            "                esac ;;\n",
            command.name,
            option_names(command),
            offered);
    }
    auto text = replaced(std::string(bash_frame), "@VERBS@", joined(verbs, " "));
    text = replaced(std::move(text), "@VALUES@", values);
    return replaced(std::move(text), "@WORDS@", words);
}

std::string zsh_completion(const std::vector<CompletedCommand>& commands) {
    std::string verbs;
    std::string values;
    std::string words;
    for (const auto& command : commands) {
        verbs += fmt::format("        {}\n",
                             shell_quoted(fmt::format("{}:{}", command.name, command.description)));
        for (const auto& option : command.options) {
            if (!option.takes_value) continue;
            const auto pattern = before_value(command, option, "\"");
            values += option.values.empty()
                          ? fmt::format("        {}) _files; return ;;\n", pattern)
                          : fmt::format("        {}) compadd -- {}; return ;;\n",
                                        pattern,
                                        joined(option.values, " "));
        }
        words +=
            fmt::format("        {})\n            if [[ $PREFIX == -* ]]; then compadd -- {}\n",
                        command.name,
                        option_names(command));
        if (command.takes_canary || !command.words.empty()) {
            words += "            else\n";
            if (!command.words.empty()) {
                words += fmt::format("                compadd -- {}\n", joined(command.words, " "));
            }
            if (command.takes_canary) words += "                _sluice_canaries\n";
        }
        words += "            fi ;;\n";
    }
    auto text = replaced(std::string(zsh_frame), "@VERBS@", verbs);
    text = replaced(std::move(text), "@VALUES@", values);
    return replaced(std::move(text), "@WORDS@", words);
}

std::string fish_completion(const std::vector<CompletedCommand>& commands) {
    std::string text =
        "# fish completion of sluice: sluice completion fish | source\n"
        "function __sluice_canaries\n"
        "    set -l words (commandline -opc)\n"
        "    set -l ns\n"
        "    for i in (seq 1 (math (count $words) - 1))\n"
        "        contains -- $words[$i] -n --namespace; and set ns -n $words[(math $i + 1)]\n"
        "    end\n"
        "    sluice get canaries $ns -o name 2>/dev/null | string replace -r '.*/' ''\n"
        "end\n"
        "complete -c sluice -n __fish_use_subcommand -f\n";
    for (const auto& command : commands) {
        text += fmt::format("complete -c sluice -n __fish_use_subcommand -a {} -d {}\n",
                            command.name,
                            shell_quoted(command.description));
        const auto under = fmt::format("'__fish_seen_subcommand_from {}'", command.name);
        if (!command.words.empty()) {
            text += fmt::format("complete -c sluice -n {} -f -a {}\n",
                                under,
                                shell_quoted(joined(command.words, " ")));
        }
        if (command.takes_canary) {
            text += fmt::format("complete -c sluice -n {} -f -a '(__sluice_canaries)'\n", under);
        }
        for (const auto& option : command.options) {
            text += fmt::format("complete -c sluice -n {}", under);
            for (const auto& name : option.names) {
                text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (option.takes_value) text += " -r";
            if (!option.values.empty()) {
                text += " -f -a " + shell_quoted(joined(option.values, " "));
            }
            text += fmt::format(" -d {}\n", shell_quoted(option.description));
        }
    }
    return text;
}

// After all other commands: it tells of them.
void add_completion(CLI::App& app, Environment /*environment*/, Run& run) {
    auto shell = std::make_shared<std::string>();
    auto* command =
        app.add_subcommand("completion", "Print a shell's completion of these commands");
    command->footer(
        "Exit code: 0 printed, 2 wrong arguments.\n"
        "Example:\n  source <(sluice completion bash)");
    command->add_option("SHELL", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command->callback([shell, &app, &run] {
        run = [shell, &app] {
            const auto commands = commands_of(app);
            const auto text = *shell == "bash"  ? bash_completion(commands)
                              : *shell == "zsh" ? zsh_completion(commands)
                                                : fish_completion(commands);
            std::fputs(text.c_str(), stdout);
            return 0;
        };
    });
}

}  // namespace sluice::cli
