#include "kubectl_lab.hpp"

#include "app/real_world.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/api_server.hpp"
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

}  // namespace

std::vector<Kubectl> kubectls() {
    std::vector<std::string> paths;
    const auto* listed = std::getenv("SLUICE_KUBECTLS");
    for (const auto& path : split_list(listed == nullptr ? "" : listed, ':')) {
        paths.push_back(path);
    }
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
    std::map<std::pair<int, std::string>, Kubectl> found;
    for (const auto& path : paths) {
        auto kubectl = asked_for_version(path);
        if (kubectl) found.try_emplace({kubectl->minor, kubectl->version}, *kubectl);
    }
    std::vector<Kubectl> all;
    for (auto& [version, kubectl] : found) all.push_back(std::move(kubectl));
    return all;
}

// Everything of the server lives on its own thread.
struct Lab::Server {
    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    SeededRandom random{1};
    lab::Cluster cluster{*clock, random};
    lab::ApiServer api{context.get_executor(), cluster, nullptr};
    net::HttpServer http{context.get_executor(), *clock, api};
    std::uint16_t port = 0;
    std::thread thread;

    Server() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
        const auto listening = http.listen("127.0.0.1", 0);
        if (!listening) throw std::runtime_error(listening.error().message);
        port = *listening;
        thread = std::thread([this] { context.run(); });
    }

    ~Server() {
        boost::asio::post(context, [this] {
            api.end_streams();
            boost::asio::co_spawn(context,
                                  http.stop(std::chrono::seconds{1}),
                                  [this](std::exception_ptr) { context.stop(); });
        });
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

bool Lab::eventually(std::string_view arguments, std::string_view text) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    for (;;) {
        if (kubectl(arguments).out.find(text) != std::string::npos) return true;
        if (std::chrono::steady_clock::now() > until) return false;
    }
}

}  // namespace sluice::conformance
