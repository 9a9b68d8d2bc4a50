#include "cli/loadtester_command.hpp"

#include "base/async/log.hpp"
#include "base/async/task_group.hpp"
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "loadtester/load_tester.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

namespace sluice::cli {
namespace {

constexpr Duration shutdown_grace = std::chrono::minutes{1};

constexpr std::string_view help =
    R"(sluice loadtester [flags]: gates and load tests for the hooks of Canaries

  --port N                     HTTP port (9090)
  --timeout DURATION           limit of every command (1h)
  --namespace-regexp REGEXP    whose hooks may ask; the whole name is matched (all)
  --token-file FILE            what callers must show, as a bearer token or as the password of the hook's address
  --allow LIST                 programs that may run (hey,curl,kubectl …; concord and ngrinder, too); then there is no shell
  --state-file FILE            keeps the gates over a restart
  --close-gates-after-rollout  close a Canary's gates when its post-rollout hook is called
  --log-level LEVEL            debug, info, warn, error (debug)
  --zap-encoding FORMAT        json or console (json)
  --zap-replace-globals        accepted

Example:
  sluice loadtester --port 8080 --allow hey,curl --state-file /data/gates.json
)";

struct Flags {
    std::uint16_t port = 9090;
    Duration timeout = std::chrono::hours{1};
    std::string namespace_regexp;
    std::string token_file;
    std::string state_file;
    std::set<std::string> programs;
    bool close_gates = false;
    LogLevel level = LogLevel::debug;
    LogFormat format = LogFormat::json;
};

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

// False when the text is no value of the flag.
bool take(Flags& flags, std::string_view name, const std::string& value) {
    if (name == "port") {
        const auto number = parse_integer(value);
        if (!number || *number < 0 || *number > 65535) return false;
        flags.port = static_cast<std::uint16_t>(*number);
    } else if (name == "timeout") {
        const auto duration = parse_duration(value);
        if (!duration || *duration <= Duration{}) return false;
        flags.timeout = *duration;
    } else if (name == "namespace-regexp") {
        flags.namespace_regexp = value;
        return RE2(value, RE2::Quiet).ok();
    } else if (name == "token-file") {
        flags.token_file = value;
    } else if (name == "state-file") {
        flags.state_file = value;
    } else if (name == "allow") {
        for (auto& program : split_list(value)) flags.programs.insert(std::move(program));
    } else if (name == "log-level") {
        flags.level = log_level_named(value);
    } else if (name == "zap-encoding") {
        if (value != "json" && value != "console") return false;
        flags.format = value == "json" ? LogFormat::json : LogFormat::text;
    } else {
        if (value != "true" && value != "false" && value != "1" && value != "0") return false;
        if (name == "close-gates-after-rollout") {
            flags.close_gates = value == "true" || value == "1";
        }
    }
    return true;
}

Result<Flags> flags_from(const std::vector<std::string>& arguments) {
    static const std::map<std::string_view, bool> known{{"port", false},
                                                        {"timeout", false},
                                                        {"namespace-regexp", false},
                                                        {"token-file", false},
                                                        {"allow", false},
                                                        {"state-file", false},
                                                        {"close-gates-after-rollout", true},
                                                        {"log-level", false},
                                                        {"zap-encoding", false},
                                                        {"zap-replace-globals", true}};
    Flags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string_view name = arguments[i];
        if (name.size() < 2 || name[0] != '-') {
            return wrong(fmt::format("unexpected argument {}", name));
        }
        name.remove_prefix(name.starts_with("--") ? 2 : 1);
        std::optional<std::string> value;
        if (const auto equals = name.find('='); equals != std::string_view::npos) {
            value = name.substr(equals + 1);
            name = name.substr(0, equals);
        }
        const auto found = known.find(name);
        if (found == known.end()) {
            return wrong(fmt::format("flag provided but not defined: -{}", name));
        }
        if (!value && found->second) value = "true";
        if (!value) {
            if (i + 1 == arguments.size()) {
                return wrong(fmt::format("flag needs an argument: -{}", name));
            }
            value = arguments[++i];
        }
        if (!take(flags, name, *value)) {
            return wrong(fmt::format("invalid value \"{}\" for flag -{}", *value, name));
        }
    }
    return flags;
}

Result<std::string> token_in(const std::string& path) {
    if (path.empty()) return std::string{};
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto token = std::string(trimmed(text));
    if (!token.empty()) return token;
    return wrong(fmt::format("there is no token in {}", path));
}

void print_line(std::FILE* to, std::string_view line) {
    std::fputs(fmt::format("{}\n", line).c_str(), to);
    std::fflush(to);
}

struct Running {
    Running(boost::asio::io_context& io,
            Clock& clock,
            Logger& log,
            loadtester::TaskRunner& runner,
            loadtester::Gates gates,
            loadtester::Options options)
        : context(io),
          http(io.get_executor(), clock),
          tester(io.get_executor(), clock, log, runner, http, std::move(gates), std::move(options)),
          server(io.get_executor(), clock, tester),
          signals(io, SIGINT, SIGTERM),
          tasks(io.get_executor()) {}

    Task<> end() {
        co_await server.stop(shutdown_grace);
        tester.cancel();
        co_await tester.wait();
        context.stop();
    }

    boost::asio::io_context& context;
    net::SocketClient http;
    loadtester::LoadTester tester;
    net::HttpServer server;
    boost::asio::signal_set signals;
    TaskGroup tasks;
};

// The first signal ends in order, the second at once.
void wait_for_signals(Running& running) {
    running.signals.async_wait([&running](const auto& error, int /*signal*/) {
        if (error) return;
        running.tasks.spawn("end", running.end());
        running.signals.async_wait([](const auto& second_error, int /*signal*/) {
            if (!second_error) std::_Exit(1);
        });
    });
}

int run(const Flags& flags, Clock& clock, loadtester::TaskRunner& runner) {
    const auto token = token_in(flags.token_file);
    auto gates = loadtester::Gates::open(flags.state_file);
    if (!token || !gates) {
        const auto& why = token ? gates.error() : token.error();
        print_line(stderr, "sluice loadtester: " + why.message);
        return 1;
    }
    Logger log(clock, {.format = flags.format, .level = flags.level}, [](std::string_view line) {
        print_line(stderr, line);
    });
    loadtester::Options options{.timeout = flags.timeout,
                                .token = *token,
                                .programs = flags.programs,
                                .close_gates_after_rollout = flags.close_gates};
    if (!flags.namespace_regexp.empty()) {
        const auto pattern = std::make_shared<const RE2>(flags.namespace_regexp);
        options.may_ask = [pattern](const std::string& ns) { return RE2::FullMatch(ns, *pattern); };
    }
    if (options.token.empty() && options.programs.empty()) {
        log.warn("Whoever reaches this port may run any command: see --token-file and --allow");
    }
    boost::asio::io_context context;
    Running running(context, clock, log, runner, std::move(*gates), std::move(options));
    const auto port = running.server.listen("0.0.0.0", flags.port);
    if (!port) {
        print_line(stderr, "sluice loadtester: " + port.error().message);
        return 1;
    }
    log.info(fmt::format("Starting load tester v{} API on port {}", SLUICE_VERSION, *port));
    wait_for_signals(running);
    context.run();
    log.info("HTTP server stopped");
    return 0;
}

}  // namespace

int loadtester_command(const std::vector<std::string>& arguments,
                       Clock& clock,
                       loadtester::TaskRunner& runner) {
    for (const auto& argument : arguments) {
        if (argument == "-h" || argument == "-help" || argument == "--help") {
            print_line(stdout, help);
            return 0;
        }
    }
    const auto flags = flags_from(arguments);
    if (!flags) {
        print_line(stderr, "sluice loadtester: " + flags.error().message);
        return 2;
    }
    return run(*flags, clock, runner);
}

}  // namespace sluice::cli
