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
#include <array>
#include <map>
#include <utility>

namespace sluice::lab {
namespace {

constexpr Duration slow_answer = std::chrono::milliseconds{1200};
// Every 20th of a fixed pattern is 5 %.
constexpr std::uint64_t fault_every = 20;
constexpr std::int64_t delay_max_seconds = 3600;
// Seconds: the bounds that Go's Prometheus library takes when nobody names others.
constexpr std::array<double, 11> duration_bounds{
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
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

// What callers can make up without end is counted as one.
std::string_view one_of(std::initializer_list<std::string_view> known, std::string_view word) {
    const auto* const at = std::ranges::find(known, word);
    return at == known.end() ? "other" : *at;
}

std::string_view route_of(std::string_view path) {
    if (path == "/") return "root";
    return one_of({"version", "env", "headers", "echo", "api", "delay", "status"},
                  path.substr(1, path.find('/', 1) - 1));
}

std::string_view method_of(std::string_view method) {
    return one_of({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method);
}

// What is told of the requests of one method, route and status.
struct Answered {
    std::array<std::uint64_t, duration_bounds.size() + 1> counts{};
    std::uint64_t requests = 0;
    double seconds = 0;
    // Prometheus takes the first sample it sees as the base line, so the first one is 0: a canary's
    // first errors would be lost.
    bool announced = false;

    void add(double took) {
        const auto* const bound = std::ranges::lower_bound(duration_bounds, took);
        ++counts[static_cast<std::size_t>(bound - duration_bounds.begin())];
        ++requests;
        seconds += took;
    }
};

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
        const auto began = clock_.now();
        const auto method = method_of(request.method);
        const auto route = route_of(path);
        const bool probe = path == "/healthz" || path == "/readyz" || path == "/metrics" ||
                           path.starts_with("/readyz/");
        // Probes and scrapes don't count: the pattern is one of users' requests.
        bool faulty = false;
        if (!probe) faulty = ++asked_ % fault_every == 0;
        const auto strike = context_.faults->next(request, clock_.now());
        auto struck = co_await suffer(context_.faults, strike, &clock_);
        if (faulty && behaviour_.slow) co_await clock_.sleep_for(slow_answer);
        auto response =
            struck ? *std::move(struck)
            : faulty && behaviour_.broken
                ? json_response("{\n  \"code\": 500,\n  \"message\": \"broken by its tag\"\n}\n",
                                500)
                : co_await answer(std::move(request));
        if (!probe) {
            answered_[{method, route, response.status}].add(
                std::chrono::duration<double>(clock_.now() - began).count());
        }
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
        if (path == "/metrics") {
            co_return metrics(
                request.headers.get("user-agent").value_or("").starts_with("Prometheus/"));
        }
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

    // The series that Flagger's built-in checks of apps without a mesh ask for.
    net::Response metrics(bool is_scrape) {
        std::map<int, std::uint64_t> by_status;
        std::string text =
            "# HELP http_request_duration_seconds Seconds spent serving HTTP requests.\n"
            "# TYPE http_request_duration_seconds histogram\n";
        for (auto& [of, answered] : answered_) {
            const bool as_zero = is_scrape && !std::exchange(answered.announced, true);
            append_histogram(text, of, as_zero ? Answered{} : answered);
            by_status[of.status] += as_zero ? 0 : answered.requests;
        }
        text +=
            "# HELP http_requests_total The total number of HTTP requests.\n"
            "# TYPE http_requests_total counter\n";
        for (const auto& [status, sum] : by_status) {
            text += fmt::format("http_requests_total{{status=\"{}\"}} {}\n", status, sum);
        }
        net::Response response;
        response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        response.body = std::move(text);
        return response;
    }

    struct Series {
        std::string_view method, route;  // of the program's own words
        int status = 0;
        auto operator<=>(const Series&) const = default;
    };

    static void append_histogram(std::string& text, const Series& of, const Answered& answered) {
        const auto labels =
            fmt::format(R"(method="{}",path="{}",status="{}")", of.method, of.route, of.status);
        constexpr std::string_view name = "http_request_duration_seconds";
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < answered.counts.size(); ++i) {
            below += answered.counts[i];
            const auto bound =
                i < duration_bounds.size() ? fmt::format("{}", duration_bounds[i]) : "+Inf";
            text += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bound, below);
        }
        text += fmt::format("{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n",
                            name,
                            labels,
                            answered.seconds,
                            answered.requests);
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
    std::map<Series, Answered> answered_;
};

}  // namespace

std::unique_ptr<App> make_podinfo(AppContext context, Clock& clock) {
    return std::make_unique<Podinfo>(std::move(context), clock);
}

}  // namespace sluice::lab
