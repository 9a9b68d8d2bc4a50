#include "base/async/virtual_clock.hpp"
#include "base/core/json.hpp"
#include "lab/workloads/app.hpp"
#include "lab/workloads/image_map.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace sluice::lab {
namespace {

using std::chrono::milliseconds;

// Asks one app, in virtual time.
class Asked {
   public:
    explicit Asked(const std::string& image, std::string_view app = apps::podinfo)
        : clock_(context_, Time{}),
          app_(built_in_apps().make(app,
                                    {"podinfo-96c5c65f6-l7ngc",
                                     image,
                                     image_tag(image),
                                     {{"PODINFO_UI_COLOR", "#ff0000"}, {"X", "1"}},
                                     {"./podinfo", "--port=9898"},
                                     [this](std::string line) { log.push_back(std::move(line)); }},
                                    clock_)) {}

    struct Answer {
        net::Response response;
        Duration took{};
    };
    Answer ask(const std::string& method,
               const std::string& target,
               std::string body = {},
               const net::Headers& more = {}) {
        Answer answer;
        net::Request request;
        request.method = method;
        request.target = target;
        request.headers = {{"X-One", "a"}, {"X-One", "b"}};
        for (const auto& [name, value] : more) request.headers.add(name, value);
        request.body = std::move(body);
        const auto start = clock_.now();
        boost::asio::co_spawn(
            context_, keep(std::move(request), answer, start), [](const std::exception_ptr&) {});
        clock_.run_for(std::chrono::seconds{100});
        return answer;
    }
    Answer get(const std::string& target) { return ask("GET", target); }

    std::vector<std::string> log;

   private:
    Task<> keep(net::Request request, Answer& answer, Time start) {
        answer.response = co_await app_->handle(std::move(request));
        answer.took = clock_.now() - start;
    }

    boost::asio::io_context context_;
    VirtualClock clock_;
    std::unique_ptr<App> app_;
};

Json json_of(const net::Response& response) {
    const auto parsed = parse_json(response.body);
    REQUIRE(parsed.has_value());
    return *parsed;
}

}  // namespace

TEST_CASE("a fault's shares hold over every hundred answers") {
    AppFaults faults;
    faults.set({.p50 = milliseconds{100}, .p99 = milliseconds{1000}, .error_ratio = 0.05});
    std::vector<Duration> later;
    int failed = 0;
    for (int i = 0; i < 100; ++i) {
        const auto strike = faults.next({}, Time{});
        later.push_back(strike.later);
        failed += strike.fails ? 1 : 0;
    }
    std::ranges::sort(later);
    CHECK(failed == 5);
    CHECK(later.front() == milliseconds{100});
    CHECK(later[48] == milliseconds{100});
    CHECK(later[75] > milliseconds{500});
    CHECK(later[75] < milliseconds{620});
    CHECK(later[97] < milliseconds{1000});
    CHECK(later.back() == milliseconds{1000});
}

TEST_CASE("a fault spares what the kubelet and Prometheus ask, and ends when it is taken away") {
    AppFaults faults;
    faults.set({.p50 = milliseconds{100}, .p99 = milliseconds{100}, .error_ratio = 1});
    for (const auto* agent : {"kube-probe/1.32", "Prometheus/2.42.0"}) {
        net::Request request;
        request.headers.set("User-Agent", agent);
        const auto strike = faults.next(request, Time{});
        CHECK(strike.later == Duration{});
        CHECK_FALSE(strike.fails);
    }
    CHECK(faults.next({}, Time{}).fails);
    faults.set({});
    CHECK_FALSE(faults.next({}, Time{}).fails);
}

TEST_CASE("a pod that hangs answers nobody, its probes neither, until it no longer hangs") {
    net::Request probe;
    probe.headers.set("User-Agent", "kube-probe/1.32");
    const auto faults = std::make_shared<AppFaults>();
    faults->set({.hangs = true});
    boost::asio::io_context context;
    VirtualClock clock(context, Time{});
    std::optional<std::optional<net::Response>> came;
    const auto asks = [&](const net::Request& request) {
        came.reset();
        boost::asio::co_spawn(
            context,
            suffer(faults, faults->next(request, clock.now()), &clock),
            [&](const std::exception_ptr&, std::optional<net::Response> response) {
                came = std::move(response);
            });
        clock.run_for(std::chrono::seconds{30});
    };
    asks(probe);
    CHECK_FALSE(came);
    // It goes on where it was.
    faults->set({});
    clock.run_for(std::chrono::seconds{1});
    REQUIRE(came);
    CHECK_FALSE(*came);
    // How many are held has a bound.
    faults->set({.hangs = true});
    asks({});
    CHECK_FALSE(came);
    clock.run_for(std::chrono::seconds{31});
    REQUIRE(came);
    REQUIRE(*came);
    CHECK((*came)->status == 500);
}

TEST_CASE("a pod that starts slowly refuses everybody for so long after each start") {
    net::Request probe;
    probe.headers.set("User-Agent", "kube-probe/1.32");
    const Time start{std::chrono::seconds{1000}};
    const PodFault slow{.slow_start = std::chrono::seconds{20}};
    AppFaults faults;
    // It runs already.
    faults.begin({}, start);
    faults.set(slow);
    CHECK_FALSE(faults.next(probe, start).starts);
    faults.begin(slow, start);
    CHECK(faults.next(probe, start + std::chrono::seconds{19}).starts);
    CHECK(faults.next({}, start + std::chrono::seconds{19}).starts);
    CHECK_FALSE(faults.next({}, start + std::chrono::seconds{20}).starts);
    faults.begin(slow, start);
    faults.set({});
    CHECK_FALSE(faults.next({}, start).starts);
}

TEST_CASE("podinfo's front page has the keys of the real one, in its order") {
    Asked podinfo("stefanprodan/podinfo:6.0.0");
    const auto answer = podinfo.get("/?x=1").response;
    CHECK(answer.status == 200);
    CHECK(answer.body ==
          "{\n"
          "  \"hostname\": \"podinfo-96c5c65f6-l7ngc\",\n"
          "  \"version\": \"6.0.0\",\n"
          "  \"revision\": \"\",\n"
          "  \"color\": \"#ff0000\",\n"
          "  \"logo\": "
          "\"https://raw.githubusercontent.com/stefanprodan/podinfo/gh-pages/cuddle_clap.gif\",\n"
          "  \"message\": \"greetings from podinfo v6.0.0\",\n"
          "  \"goos\": \"linux\",\n"
          "  \"goarch\": \"amd64\",\n"
          "  \"runtime\": \"sluice\",\n"
          "  \"num_goroutine\": \"8\",\n"
          "  \"num_cpu\": \"4\"\n"
          "}\n");
    REQUIRE(podinfo.log.size() == 1);
    CHECK(podinfo.log.front().find(R"("msg":"Starting podinfo","version":"6.0.0")") !=
          std::string::npos);
}

TEST_CASE("podinfo delays and fails as it is asked to") {
    Asked podinfo("stefanprodan/podinfo:6.0.0");
    const auto delayed = podinfo.get("/delay/3");
    CHECK(delayed.response.status == 200);
    CHECK(delayed.took == std::chrono::seconds{3});
    CHECK(podinfo.get("/status/500").response.status == 500);
    CHECK(podinfo.get("/status/1000").response.status == 400);
    CHECK(podinfo.get("/status/x").response.status == 404);
    CHECK(podinfo.get("/nowhere").response.status == 404);
}

TEST_CASE("podinfo can be told to be unready") {
    Asked podinfo("stefanprodan/podinfo:6.0.0");
    CHECK(podinfo.get("/readyz").response.status == 200);
    CHECK(podinfo.get("/readyz/disable").response.status == 405);
    CHECK(podinfo.ask("POST", "/readyz/disable").response.status == 202);
    CHECK(podinfo.get("/readyz").response.status == 503);
    CHECK(podinfo.get("/healthz").response.status == 200);
    CHECK(podinfo.ask("POST", "/readyz/enable").response.status == 202);
    CHECK(podinfo.get("/readyz").response.status == 200);
}

TEST_CASE("podinfo shows what it was asked with and what it runs with") {
    Asked podinfo("stefanprodan/podinfo:6.0.0");
    CHECK(canonical_text(json_of(podinfo.get("/version").response)) ==
          R"({"commit":"","version":"6.0.0"})");
    CHECK(canonical_text(json_of(podinfo.get("/headers").response)) == R"({"X-One":["a","b"]})");
    CHECK(canonical_text(json_of(podinfo.get("/env").response)) ==
          R"(["PODINFO_UI_COLOR=#ff0000","X=1"])");
    CHECK(podinfo.ask("POST", "/echo", "hi").response.body == "hi");
    CHECK(podinfo.get("/metrics").response.body.find("http_requests_total{status=\"200\"} 3") !=
          std::string::npos);
}

TEST_CASE("podinfo tells how long it took to answer users, by method, route and status") {
    Asked podinfo("stefanprodan/podinfo:6.0.0");
    podinfo.get("/");
    podinfo.get("/");
    podinfo.get("/delay/2");
    podinfo.get("/status/500");
    podinfo.ask("BREW\"", "/made/up/17");
    // Probes and scrapes are nobody's requests.
    podinfo.get("/readyz");
    podinfo.get("/metrics");
    const auto text = podinfo.get("/metrics").response.body;
    for (
        const auto* line :
        {R"(http_request_duration_seconds_count{method="GET",path="root",status="200"} 2)",
         R"(http_request_duration_seconds_bucket{method="GET",path="root",status="200",le="0.005"} 2)",
         R"(http_request_duration_seconds_bucket{method="GET",path="delay",status="200",le="1"} 0)",
         R"(http_request_duration_seconds_bucket{method="GET",path="delay",status="200",le="2.5"} 1)",
         R"(http_request_duration_seconds_bucket{method="GET",path="delay",status="200",le="+Inf"} 1)",
         R"(http_request_duration_seconds_sum{method="GET",path="delay",status="200"} 2)",
         R"(http_request_duration_seconds_count{method="GET",path="status",status="500"} 1)",
         R"(http_request_duration_seconds_count{method="other",path="other",status="404"} 1)",
         R"(http_requests_total{status="200"} 3)"})
        CHECK_MESSAGE(text.find(std::string(line) + "\n") != std::string::npos, line);
    CHECK(text.find("metrics\"") == std::string::npos);
    CHECK(text.find("readyz") == std::string::npos);
}

TEST_CASE(
    "what podinfo tells Prometheus of a status begins at nothing, so that no first error is lost") {
    Asked podinfo("stefanprodan/podinfo:6.0.0");
    podinfo.get("/status/500");
    const auto count = [&](const std::string& user_agent) {
        const auto text =
            podinfo.ask("GET", "/metrics", {}, {{"User-Agent", user_agent}}).response.body;
        const std::string name =
            R"(http_request_duration_seconds_count{method="GET",path="status",status="500"} )";
        const auto at = text.find(name);
        REQUIRE(at != std::string::npos);
        return text.substr(at + name.size(), 1);
    };
    CHECK(count("curl/7.88.1") == "1");
    CHECK(count("Prometheus/2.42.0") == "0");
    CHECK(count("Prometheus/2.42.0") == "1");
}

TEST_CASE("a tag that ends in -slow answers every 20th request late, one in -broken with a 500") {
    Asked slow("podinfo:6.1.1-slow");
    Asked broken("podinfo:6.1.1-broken");
    int late = 0;
    int failed = 0;
    for (int i = 0; i < 100; ++i) {
        const auto answer = slow.get("/");
        CHECK(answer.response.status == 200);
        if (answer.took == std::chrono::milliseconds{1200}) ++late;
        if (broken.get("/").response.status == 500) ++failed;
        // Probes never meet the fault.
        CHECK(slow.get("/readyz").took == Duration{0});
        CHECK(broken.get("/readyz").response.status == 200);
    }
    CHECK(late == 5);
    CHECK(failed == 5);
}

TEST_CASE("a tag that ends in -unready stays so") {
    Asked podinfo("podinfo:6.1.0-unready");
    CHECK(podinfo.get("/readyz").response.status == 503);
    podinfo.ask("POST", "/readyz/enable");
    CHECK(podinfo.get("/readyz").response.status == 503);
}

TEST_CASE("the echo app answers what it was asked") {
    Asked echo("nginx:1.25", apps::echo);
    const auto answer = json_of(echo.ask("PUT", "/a?b=c", "body").response);
    CHECK(text_at(answer, {"method"}) == "PUT");
    CHECK(text_at(answer, {"path"}) == "/a?b=c");
    CHECK(text_at(answer, {"body"}) == "body");
    CHECK(text_at(answer, {"image"}) == "nginx:1.25");
}

TEST_CASE("images find their apps, and later entries win") {
    ImageMap images;
    CHECK(images.app_of("stefanprodan/podinfo:6.0.0") == apps::podinfo);
    CHECK(images.app_of("ghcr.io:5000/stefanprodan/podinfo") == apps::podinfo);
    CHECK(images.app_of("nginx:1.25") == apps::echo);
    images.put("*:gone", std::string(apps::bad));
    CHECK(images.app_of("stefanprodan/podinfo:gone") == apps::bad);
}

TEST_CASE("a reference is taken apart as registries do") {
    CHECK(image_tag("ghcr.io:5000/x/podinfo") == "latest");
    CHECK(image_tag("ghcr.io:5000/x/podinfo:6.1.0@sha256:ab") == "6.1.0");
    CHECK(is_image_reference("ghcr.io:5000/x/podinfo:6.1.0"));
    CHECK_FALSE(is_image_reference("podinfo:"));
    CHECK_FALSE(is_image_reference("Podinfo:1"));
    CHECK_FALSE(is_image_reference("pod info"));
    CHECK_FALSE(is_image_reference(""));
}

TEST_CASE("a glob's star stands for anything") {
    CHECK(glob_matches("*/podinfo:*", "a/b/podinfo:1"));
    CHECK_FALSE(glob_matches("*/podinfo:*", "podinfo:1"));
    CHECK(glob_matches("a*b*c", "aXbYbZc"));
    CHECK_FALSE(glob_matches("a*b", "acd"));
    CHECK(glob_matches("*", ""));
}

}  // namespace sluice::lab
