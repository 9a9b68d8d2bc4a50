#include "kubectl_lab.hpp"

#include "app/real_world.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/api_server.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/scripted_runtime.hpp"
#include "lab/workloads/workload_controllers.hpp"
#include "net/server.hpp"

#include <boost/asio.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace sluice::conformance {

namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> environment(const fs::path& home) {
    return {{"HOME", home.string()},
            {"PATH", "/usr/bin:/bin"},
            {"KUBE_EDITOR", "sed -i s/before/after/"},
            {"KUBECONFIG", (home / "config").string()}};
}

std::optional<Kubectl> asked_for_version(const std::string& path) {
    if (::access(path.c_str(), X_OK) != 0) return std::nullopt;
    const auto answer =
        run({.words = {path, "version", "--client", "-o", "json"},
             .environment = environment(fs::temp_directory_path() / "sluice-no-such-home")});
    const auto version = parse_json(answer.out);
    if (answer.code != 0 || !version) return std::nullopt;
    const auto text = text_at(*version, {"clientVersion", "gitVersion"});
    const auto parts = split(text, '.');
    const auto minor = parts.size() < 2 ? std::nullopt : parse_integer(parts[1]);
    if (!minor) return std::nullopt;
    return Kubectl{path, static_cast<int>(*minor), std::string(text)};
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool is_begun = false;
    for (const char c : text) {
        if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                word += c;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
            is_begun = true;
        } else if (c == ' ') {
            if (is_begun || !word.empty()) words.push_back(std::exchange(word, {}));
            is_begun = false;
        } else {
            word += c;
        }
    }
    if (is_begun || !word.empty()) words.push_back(std::move(word));
    return words;
}

void add_installed(std::vector<std::string>& paths) {
    const auto* search = std::getenv("PATH");
    for (const auto& folder : split_list(search == nullptr ? "/usr/bin" : search, ':')) {
        paths.push_back(folder + "/kubectl");
    }
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator("/usr/lib/google-cloud-sdk/bin", missing)) {
        if (entry.path().filename().string().starts_with("kubectl.")) {
            paths.push_back(entry.path().string());
        }
    }
}

}  // namespace

std::vector<Kubectl> kubectls() {
    std::vector<std::string> paths;
    const auto* listed = std::getenv("SLUICE_KUBECTLS");
    for (const auto& path : split_list(listed == nullptr ? "" : listed, ':')) {
        paths.push_back(path);
    }
    if (std::getenv("SLUICE_KUBECTLS_ONLY") == nullptr) add_installed(paths);
    std::map<std::pair<int, std::string>, Kubectl> found;
    for (const auto& path : paths) {
        auto kubectl = asked_for_version(path);
        if (kubectl) found.try_emplace({kubectl->minor, kubectl->version}, *kubectl);
    }
    std::vector<Kubectl> all;
    for (auto& [version, kubectl] : found) all.push_back(std::move(kubectl));
    return all;
}

namespace {

// Every container says one line when it begins.
class TalkingRuntime final : public lab::PodRuntime {
   public:
    explicit TalkingRuntime(Clock& clock) : script(clock) {
        script.listen({.exited =
                           [this](const lab::ContainerId& id, int code) {
                               if (listener_.exited) listener_.exited(id, code);
                           },
                       .changed =
                           [this](const lab::ContainerId& id) {
                               if (listener_.changed) listener_.changed(id);
                           }});
    }

    Result<std::string> give_address(const std::vector<std::uint16_t>& ports) override {
        return script.give_address(ports);
    }
    void take_back_address(const std::string& ip) override { script.take_back_address(ip); }
    Task<Result<lab::ContainerRun>> start(lab::ContainerStart start) override {
        start.log(fmt::format("{} begins for the {}. time", start.image, start.id.instance + 1));
        return script.start(std::move(start));
    }
    Task<> stop(lab::ContainerId id, Duration grace) override {
        return script.stop(std::move(id), grace);
    }
    Task<lab::ProbeOutcome> probe(lab::ProbeCall call) override {
        return script.probe(std::move(call));
    }
    std::optional<Time> steady_until(const lab::ContainerId& id) const override {
        return script.steady_until(id);
    }

    lab::ScriptedRuntime script;
};

}  // namespace

// Everything of the server lives on its own thread. Pods run by a script: here it is the API that
// is looked at.
struct Lab::Server {
    static lab::ImageMap bad_images() {
        lab::ImageMap images;
        images.put("*:missing", std::string(lab::apps::bad));
        return images;
    }

    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    SeededRandom random{1};
    lab::Cluster cluster{*clock, random};
    lab::ContainerLogs logs{context.get_executor(), cluster};
    TalkingRuntime runtime{*clock};
    std::optional<lab::WorkloadControllers> controllers;
    std::optional<lab::Kubelet> kubelet;
    lab::ApiServer api{context.get_executor(), cluster, &logs};
    net::HttpServer http{context.get_executor(), *clock, api};
    std::uint16_t port = 0;
    std::thread thread;

    Server() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
        const auto soon = std::chrono::milliseconds{50};
        runtime.script.script("*", {.starts_after = soon});
        runtime.script.script("*:crash",
                              {.starts_after = soon, .exits_after = std::chrono::seconds{1}});
        controllers.emplace(context.get_executor(), cluster);
        kubelet.emplace(context.get_executor(), cluster, runtime, logs, bad_images());
        controllers->start();
        kubelet->start();
        const auto listening = http.listen("127.0.0.1", 0);
        if (!listening) throw std::runtime_error(listening.error().message);
        port = *listening;
        thread = std::thread([this] { context.run(); });
    }

    // The thread ends when nothing is left to do.
    Task<> stop() {
        api.end_streams();
        co_await kubelet->stop();
        co_await http.stop(std::chrono::milliseconds{100});
        kubelet.reset();
        controllers.reset();
    }

    ~Server() {
        boost::asio::co_spawn(context, stop(), [](std::exception_ptr) {});
        thread.join();
    }
};

Lab::Lab(Kubectl kubectl) : kubectl_(std::move(kubectl)), server_(std::make_unique<Server>()) {
    auto form = (fs::temp_directory_path() / "sluice-kubectl-XXXXXX").string();
    if (::mkdtemp(form.data()) == nullptr) throw std::runtime_error("mkdtemp");
    home_ = form;
    std::ofstream(home_ / "config") << fmt::format(
        R"({{"apiVersion":"v1","kind":"Config","current-context":"lab",
             "clusters":[{{"name":"lab","cluster":{{"server":"http://127.0.0.1:{}"}}}}],
             "contexts":[{{"name":"lab","context":{{"cluster":"lab","user":"lab"}}}}],
             "users":[{{"name":"lab","user":{{}}}}]}})",
        port());
}

Lab::~Lab() {
    server_.reset();
    std::error_code ignored;
    fs::remove_all(home_, ignored);
}

std::uint16_t Lab::port() const {
    return server_->port;
}

Command Lab::command(std::string_view arguments, std::string input) const {
    auto words = words_of(arguments);
    words.insert(words.begin(), kubectl_.path);
    return {.words = std::move(words),
            .environment = environment(home_),
            .directory = home_.string(),
            .input = std::move(input)};
}

Outcome Lab::kubectl(std::string_view arguments, std::string input) const {
    return run(command(arguments, std::move(input)));
}

std::unique_ptr<Process> Lab::start(std::string_view arguments) const {
    return std::make_unique<Process>(command(arguments, {}));
}

std::string Lab::ok(std::string_view arguments, std::string input) const {
    const auto outcome = kubectl(arguments, std::move(input));
    CHECK_MESSAGE(
        outcome.code == 0, kubectl_.version, ": kubectl ", arguments, "\n", outcome.all());
    return outcome.out;
}

std::string Lab::fails(std::string_view arguments, std::string input) const {
    const auto outcome = kubectl(arguments, std::move(input));
    CHECK_MESSAGE(
        outcome.code != 0, kubectl_.version, ": kubectl ", arguments, "\n", outcome.all());
    CHECK_FALSE(outcome.timed_out);
    return outcome.err;
}

bool Lab::eventually_empty(std::string_view arguments) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    for (;;) {
        const auto outcome = kubectl(arguments);
        if (outcome.code == 0 && outcome.out.empty()) return true;
        if (std::chrono::steady_clock::now() > until) return false;
    }
}

bool Lab::eventually(std::string_view arguments, std::string_view text) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    for (;;) {
        if (kubectl(arguments).out.find(text) != std::string::npos) return true;
        if (std::chrono::steady_clock::now() > until) return false;
    }
}

}  // namespace sluice::conformance
