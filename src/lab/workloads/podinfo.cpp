// A work-alike of podinfo, the web app of the peers' tutorials: same paths, same JSON. The ending
// of its tag decides how well it does (image_map.hpp).
#include "base/core/json.hpp"
#include "base/core/text.hpp"
#include "lab/workloads/app.hpp"
#include "lab/workloads/image_map.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr Duration slow_answer = std::chrono::milliseconds{1200};
// Every 20th of a fixed pattern is 5 %.
constexpr std::uint64_t fault_every = 20;
constexpr std::int64_t delay_max_seconds = 3600;
constexpr std::string_view logo =
    "https://raw.githubusercontent.com/stefanprodan/podinfo/gh-pages/cuddle_clap.gif";

net::Response json_response(std::string text, int status = 200) {
    net::Response response;
    response.status = status;
    response.headers.set("Content-Type", "application/json; charset=utf-8");
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.body = std::move(text);
    return response;
}

net::Response ok() {
    return json_response("{\n  \"status\": \"OK\"\n}\n");
}

std::string indented(const JsonObject& object) {
    std::string text = "{";
    std::string_view comma = "\n";
    for (const auto& field : object) {
        text +=
            fmt::format("{}  {}: {}", comma, to_text(Json(field.key())), to_text(field.value()));
        comma = ",\n";
    }
    return text + "\n}\n";
}

// The number behind "/delay/"; nothing for anything else.
std::optional<std::int64_t> number_behind(std::string_view path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return std::nullopt;
    return parse_integer(path.substr(prefix.size()));
}

class Podinfo final : public App {
   public:
    Podinfo(AppContext context, Clock& clock)
        : context_(std::move(context)),
          clock_(clock),
          behaviour_(behaviour_of(context_.tag)),
          ready_(!behaviour_.unready),
          home_(indented(home())) {
        say_started();
    }

    std::vector<std::uint16_t> default_ports() const override { return {9898}; }

    Task<net::Response> handle(net::Request request) override {
        const auto path = target_of(request.target).path;
        const bool probe = path == "/healthz" || path == "/readyz" || path == "/metrics" ||
                           path.starts_with("/readyz/");
        // Probes and scrapes don't count: the pattern is one of users' requests.
        bool faulty = false;
        if (!probe) faulty = ++asked_ % fault_every == 0;
        if (faulty && behaviour_.slow) co_await clock_.sleep_for(slow_answer);
        auto response =
            faulty && behaviour_.broken
                ? json_response("{\n  \"code\": 500,\n  \"message\": \"broken by its tag\"\n}\n",
                                500)
                : co_await answer(std::move(request));
        count(response.status, probe);
        co_return response;
    }

   private:
    Task<net::Response> answer(net::Request request) {
        const auto path = target_of(request.target).path;
        if (path == "/") co_return json_response(home_);
        if (path == "/healthz") co_return ok();
        if (path == "/readyz") {
            co_return ready_ ? ok()
                             : json_response("{\n  \"code\": 503,\n  \"message\": \"\"\n}\n", 503);
        }
        if (path == "/readyz/enable" || path == "/readyz/disable") co_return turn(request, path);
        if (path == "/version") {
            co_return json_response(indented({{"commit", ""}, {"version", context_.tag}}));
        }
        if (path == "/env") co_return environment();
        if (path == "/headers") co_return headers(request);
        if (path == "/echo" || path == "/api/echo") {
            auto response = json_response(std::move(request.body), 202);
            co_return response;
        }
        if (path == "/metrics") co_return metrics();
        if (const auto seconds = number_behind(path, "/delay/")) {
            const auto wait = std::clamp<std::int64_t>(*seconds, 0, delay_max_seconds);
            co_await clock_.sleep_for(std::chrono::seconds{wait});
            co_return json_response(indented({{"delay", *seconds}}));
        }
        if (const auto code = number_behind(path, "/status/")) {
            const bool known = *code >= 100 && *code <= 599;
            co_return json_response(indented({{"status", *code}}),
                                    known ? static_cast<int>(*code) : 400);
        }
        net::Response missing;
        missing.status = 404;
        missing.headers.set("Content-Type", "text/plain; charset=utf-8");
        missing.body = "404 page not found\n";
        co_return missing;
    }

    net::Response turn(const net::Request& request, std::string_view path) {
        if (request.method != "POST") {
            net::Response refused;
            refused.status = 405;
            return refused;
        }
        ready_ = path == "/readyz/enable" && !behaviour_.unready;
        return json_response({}, 202);
    }

    net::Response environment() const {
        JsonArray all;
        for (const auto& [name, value] : context_.env) {
            all.push_back(Json(fmt::format("{}={}", name, value)));
        }
        return json_response(to_pretty_text(all) + "\n");
    }

    static net::Response headers(const net::Request& request) {
        // Go's http.Header: each name with all of its values.
        JsonObject all;
        for (const auto& [name, value] : request.headers) {
            auto& values = all[name];
            if (!values.is_array()) values = JsonArray{};
            values.get_array().push_back(Json(value));
        }
        return json_response(to_pretty_text(all) + "\n");
    }

    net::Response metrics() const {
        std::string text =
            "# HELP http_requests_total The total number of HTTP requests.\n"
            "# TYPE http_requests_total counter\n";
        for (const auto& [status, sum] : answered_) {
            text += fmt::format("http_requests_total{{status=\"{}\"}} {}\n", status, sum);
        }
        net::Response response;
        response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        response.body = std::move(text);
        return response;
    }

    void count(int status, bool probe) {
        if (!probe) ++answered_[status];
    }

    JsonObject home() const {
        const auto variable = [this](const std::string& name, const std::string& otherwise) {
            const auto found = context_.env.find(name);
            return found == context_.env.end() ? otherwise : found->second;
        };
        return {{"hostname", context_.hostname},
                {"version", context_.tag},
                {"revision", ""},
                {"color", variable("PODINFO_UI_COLOR", "#34577c")},
                {"logo", variable("PODINFO_UI_LOGO", std::string(logo))},
                {"message",
                 variable("PODINFO_UI_MESSAGE",
                          fmt::format("greetings from podinfo v{}", context_.tag))},
                {"goos", "linux"},
                {"goarch", "amd64"},
                {"runtime", "sluice"},
                {"num_goroutine", "8"},
                {"num_cpu", "4"}};
    }

    void say_started() const {
        if (!context_.log) return;
        std::string port = "9898";
        for (const auto& word : context_.command) {
            if (word.starts_with("--port=")) port = word.substr(std::string("--port=").size());
        }
        context_.log(to_text({{"level", "info"},
                              {"ts", rfc3339_millis(clock_.now())},
                              {"caller", "podinfo/main.go:153"},
                              {"msg", "Starting podinfo"},
                              {"version", context_.tag},
                              {"revision", ""},
                              {"port", port}}));
    }

    AppContext context_;
    Clock& clock_;
    TagBehaviour behaviour_;
    bool ready_;
    std::string home_;  // the same for every request
    std::uint64_t asked_ = 0;
    std::map<int, std::uint64_t> answered_;
};

}  // namespace

std::unique_ptr<App> make_podinfo(AppContext context, Clock& clock) {
    return std::make_unique<Podinfo>(std::move(context), clock);
}

}  // namespace sluice::lab
