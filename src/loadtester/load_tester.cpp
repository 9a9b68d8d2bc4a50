#include "loadtester/load_tester.hpp"

#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sluice::loadtester {
namespace {

// Each holds a process, or many connections.
constexpr std::size_t running_max = 256;

net::Response answer(int status, std::string body = {}) {
    net::Response response;
    response.status = status;
    if (!body.empty()) response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(body);
    return response;
}

// The same time for a right beginning as for a wrong one.
bool are_same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
    }
    return difference == 0;
}

// "kubectl get pods" by blanks alone, as the peer splits it.
std::vector<std::string> split_on_blanks(const std::string& tool, std::string_view arguments) {
    std::vector<std::string> words{tool};
    for (auto& word : split_list(arguments, ' ')) words.push_back(std::move(word));
    return words;
}

LogFields about(const Payload& payload) {
    return {{"canary", payload.canary()}};
}

}  // namespace

LoadTester::LoadTester(Executor executor,
                       Clock& clock,
                       Logger& log,
                       TaskRunner& runner,
                       net::HttpClient& http,
                       Gates gates,
                       Options options)
    : log_(log),
      runner_(runner),
      concord_(http, clock, log),
      ngrinder_(http, clock),
      gates_(std::move(gates)),
      options_(std::move(options)),
      tasks_(std::move(executor)) {}

Task<net::Response> LoadTester::handle(net::Request request) {
    const auto path = request.target.substr(0, request.target.find('?'));
    if (path == "/healthz") co_return answer(200, "OK");
    if (path == "/metrics") {
        auto response = answer(200, metrics());
        response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        co_return response;
    }
    if (!is_known(request)) {
        auto response = answer(401, "Unauthorized");
        response.headers.set("WWW-Authenticate", "Bearer");
        co_return response;
    }
    if (path == "/gate" && request.method == "GET") co_return list_gates();
    if (path == "/gate/approve") co_return answer(200, "OK");
    if (path == "/gate/halt") co_return answer(403, "Forbidden");
    if (path.starts_with("/gate/") || path.starts_with("/rollback/")) {
        const auto what = path.substr(path.rfind('/') + 1);
        if (what == "check" || what == "open" || what == "close") {
            co_return answer_gate(path, request);
        }
    }
    auto payload = parse_payload(request.body);
    if (!payload) {
        log_.error("decoding the request body failed: " + payload.error().message);
        co_return answer(400);
    }
    co_return co_await start_task(std::move(*payload));
}

// A hook cannot set headers, but its address can carry a password.
bool LoadTester::is_known(const net::Request& request) const {
    if (options_.token.empty()) return true;
    const auto header = request.headers.get("Authorization").value_or("");
    const auto blank = header.find(' ');
    if (blank == std::string_view::npos) return false;
    const auto scheme = header.substr(0, blank);
    const auto credentials = trimmed(header.substr(blank));
    if (equals_ignoring_case(scheme, "Bearer")) return are_same(credentials, options_.token);
    if (!equals_ignoring_case(scheme, "Basic")) return false;
    const auto pair = from_base64(credentials);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    return colon != std::string::npos && are_same(pair->substr(colon + 1), options_.token);
}

// --- gates ------------------------------------------------------------------------------------

net::Response LoadTester::answer_gate(std::string_view path, const net::Request& request) {
    const auto payload = parse_payload(request.body);
    if (!payload) {
        log_.error("decoding the request body failed: " + payload.error().message);
        return answer(400);
    }
    if (options_.may_ask && !options_.may_ask(payload->ns)) return answer(403, "Forbidden");
    const bool is_rollback = path.starts_with("/rollback/");
    const std::string kind = is_rollback ? "rollback" : "gate";
    const auto canary = payload->canary();
    const auto gate = is_rollback ? "rollback." + canary : canary;
    const auto what = path.substr(path.rfind('/') + 1);
    if (what == "check") {
        const bool approved = gates_.is_open(gate);
        log_.info(fmt::format("{} {} check: approved {}", canary, kind, approved));
        return approved ? answer(200, "Approved") : answer(403, "Forbidden");
    }
    const bool open = what == "open";
    const auto set = gates_.set(gate, open);
    if (!set && set.error().kind == ErrorKind::too_many) return answer(429, set.error().message);
    if (!set) log_.error(set.error().message);
    log_.info(fmt::format("{} {} {}", canary, kind, open ? "opened" : "closed"));
    return answer(202);
}

net::Response LoadTester::list_gates() const {
    JsonArray all;
    for (const auto& [gate, open] : gates_.all()) {
        all.push_back(JsonObject{{"gate", gate}, {"open", open}});
    }
    auto response = answer(200, to_text(JsonObject{{"gates", std::move(all)}}) + "\n");
    response.headers.set("Content-Type", "application/json");
    return response;
}

// --- tasks ------------------------------------------------------------------------------------

Task<net::Response> LoadTester::start_task(Payload payload) {
    if (options_.may_ask && !options_.may_ask(payload.ns)) co_return answer(403, "Forbidden");
    if (options_.close_gates_after_rollout && payload.type == "post-rollout") {
        for (const auto& gate : {payload.canary(), "rollback." + payload.canary()}) {
            const auto closed = gates_.set(gate, false);
            if (!closed) log_.error(closed.error().message);
        }
        log_.info(payload.canary() + " gate closed");
    }
    if (payload.metadata.empty()) co_return answer(400, "metadata not found in payload");
    const auto type = payload.metadata.contains("type") ? payload.meta("type") : "cmd";
    if (type == "concord") {
        const auto allowed = allow({type});
        if (!allowed) co_return answer(400, allowed.error().message);
        const auto order = concord_order(payload.metadata);
        if (!order) co_return answer(400, order.error().message);
        const auto done = co_await concord_.run(*order);
        co_return done ? answer(200) : answer(500, done.error().message);
    }
    if (type == "ngrinder") {
        const auto allowed = allow({type});
        if (!allowed) co_return answer(400, allowed.error().message);
        const auto order = ngrinder_order(payload.metadata);
        if (!order) co_return answer(400, order.error().message);
        const TaskKey key{payload.canary(), "ngrinder " + order->clone};
        co_return queue(key, run_ngrinder(std::move(payload), *order));
    }
    const bool is_sync = type == "bash" || type == "helm" || type == "helmv3" || type == "kubectl";
    if (!is_sync && type != "cmd") co_return answer(400, "unknown task type " + type);
    if (payload.meta("cmd").empty()) co_return answer(400, "cmd not found in metadata");
    auto command = command_of(payload);
    if (!command) co_return answer(400, command.error().message);
    if (is_sync) co_return co_await run_and_answer(std::move(payload), std::move(*command));
    const TaskKey key{payload.canary(), payload.meta("cmd")};
    co_return queue(key, run_command(std::move(payload), std::move(*command)));
}

// A task that is not started is destroyed with its arguments; nothing has begun.
net::Response LoadTester::queue(const TaskKey& key, Task<> task) {
    if (running_.contains(key)) {
        log_.info(fmt::format("command skipped {} is already running", key.second),
                  {{"canary", key.first}});
        return answer(202);
    }
    if (running_.size() >= running_max) return answer(429, "too many tasks are running");
    running_.insert(key);
    ++started_;
    log_.info("task starting " + key.second, {{"canary", key.first}});
    tasks_.spawn("task of " + key.first,
                 run_queued(options_.hold ? options_.hold() : nullptr, key, std::move(task)));
    return answer(202);
}

Task<> LoadTester::run_queued(std::shared_ptr<const void> /*hold*/, TaskKey key, Task<> task) {
    co_await std::move(task);
    running_.erase(key);
}

Task<> LoadTester::run_command(Payload payload, Command command) {
    const auto shown = payload.meta("cmd");
    const auto ended = co_await runner_.run(std::move(command));
    if (!ended.well) {
        log_.error(fmt::format("command failed {} {} {}", shown, ended.cause, ended.output),
                   about(payload));
        co_return;
    }
    if (payload.flag("logCmdOutput")) log_.info(ended.output, about(payload));
    log_.info("command finished " + shown, about(payload));
}

Task<net::Response> LoadTester::run_and_answer(Payload payload, Command command) {
    const auto shown = payload.meta("cmd");
    const auto type = payload.meta("type");
    log_.info(type == "bash" ? "bash command " + shown
                             : fmt::format("running command {} {}", command.words.front(), shown),
              about(payload));
    ++started_;
    const auto ended = co_await runner_.run(std::move(command));
    if (!ended.well) {
        log_.error(fmt::format("command failed {} {} {}", shown, ended.cause, ended.output),
                   about(payload));
        co_return answer(
            500, fmt::format("command {} failed: {}: {}", shown, ended.output, ended.cause));
    }
    log_.info(ended.output, about(payload));
    log_.info("command finished " + shown, about(payload));
    co_return answer(200, payload.flag("returnCmdOutput") ? ended.output : std::string{});
}

Task<> LoadTester::run_ngrinder(Payload payload, NGrinderOrder order) {
    const auto done = co_await ngrinder_.run(order, options_.timeout);
    if (done) {
        log_.info("command finished ngrinder " + order.clone, about(payload));
    } else {
        log_.error(done.error().message, about(payload));
    }
}

Result<Command> LoadTester::command_of(const Payload& payload) const {
    const auto type = payload.meta("type");
    const auto line = payload.meta("cmd");
    Command command{.limit = options_.timeout};
    if (type == "helm" || type == "helmv3" || type == "kubectl") {
        command.words = split_on_blanks(type == "kubectl" ? "kubectl" : "helm", line);
        const auto allowed = allow(command.words);
        if (!allowed) return allowed.error();
        return command;
    }
    if (options_.programs.empty()) {
        command.words = {type == "bash" ? "bash" : "sh", "-c", line};
        return command;
    }
    auto words = split_command(line);
    if (!words) return words.error().with("command not allowed");
    const auto allowed = allow(*words);
    if (!allowed) return allowed.error();
    command.words = std::move(*words);
    return command;
}

Result<void> LoadTester::allow(const std::vector<std::string>& words) const {
    if (options_.programs.empty()) return {};
    if (!words.empty() && options_.programs.contains(words.front())) return {};
    return Error{ErrorKind::denied,
                 fmt::format("command not allowed: {} is none of {}",
                             words.empty() ? "" : words.front(),
                             fmt::join(options_.programs, ", "))};
}

std::string LoadTester::metrics() const {
    const auto open =
        std::ranges::count_if(gates_.all(), [](const auto& gate) { return gate.second; });
    return fmt::format(
        "# HELP loadtester_tasks_started_total Tasks started since the start.\n"
        "# TYPE loadtester_tasks_started_total counter\n"
        "loadtester_tasks_started_total {}\n"
        "# HELP loadtester_tasks_running Queued tasks that run now.\n"
        "# TYPE loadtester_tasks_running gauge\n"
        "loadtester_tasks_running {}\n"
        "# HELP loadtester_gates_open Gates that are open.\n"
        "# TYPE loadtester_gates_open gauge\n"
        "loadtester_gates_open {}\n",
        started_,
        running_.size(),
        open);
}

}  // namespace sluice::loadtester
