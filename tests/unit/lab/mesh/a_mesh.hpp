// The proxy in virtual time: pods are scripts, and nothing listens.
#pragma once

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "lab/mesh/proxy.hpp"
#include "unit/lab/mesh/objects.hpp"

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <optional>

namespace sluice::mesh::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Scripted {
    int status = 200;
    Duration delay{};
    std::optional<Error> error = std::nullopt;
    bool reads = true;  // takes the body of a request that streams it
};

// A body of some parts, one each 10 ms.
class PartsOverTime final : public net::BodyReader {
   public:
    PartsOverTime(Clock& clock, std::vector<std::string> parts)
        : clock_(clock), parts_(std::move(parts)) {}
    Task<Result<std::string>> next() override {
        co_await clock_.sleep_for(milliseconds{10});
        if (at_ == parts_.size()) co_return std::string();
        co_return parts_[at_++];
    }

   private:
    Clock& clock_;
    std::vector<std::string> parts_;
    std::size_t at_ = 0;
};

// Answers by address, one script after the other; the last one stays.
class ScriptedPods final : public net::HttpClient {
   public:
    explicit ScriptedPods(Clock& clock) : clock_(clock) {}

    Task<Result<net::Response>> send(net::Request request) override {
        return open(std::move(request));
    }
    Task<Result<net::Response>> open(net::Request request) override {
        auto& script = scripts[request.origin.host];
        const auto now = script.empty() ? Scripted{} : script.front();
        if (script.size() > 1) script.erase(script.begin());
        if (request.stream != nullptr && now.reads) {
            while (true) {
                auto part = co_await request.stream->next();
                if (!part) co_return part.error();
                if (part->empty()) break;
                request.body += *part;
            }
        }
        const auto stream = std::exchange(request.stream, nullptr);
        asked.push_back(request);
        // Who asks ends first when both are due at once, as a proxy's timer does.
        if (now.delay >= request.timeout) {
            co_await clock_.sleep_for(request.timeout);
            co_return Error{ErrorKind::timed_out, "timed out"};
        }
        co_await clock_.sleep_for(now.delay);
        if (now.error) co_return *now.error;
        net::Response response{.status = now.status};
        response.body = "from " + request.origin.host;
        co_return response;
    }

    std::map<std::string, std::vector<Scripted>> scripts;
    std::vector<net::Request> asked;

   private:
    Clock& clock_;
};

struct AMesh {
    boost::asio::io_context context;
    VirtualClock clock{context, parse_rfc3339("2026-01-25T20:00:00Z").value()};
    SeededRandom random{7};
    ScriptedPods pods{clock};
    IstioMetrics metrics{{}};
    MeshProxy proxy;
    TableBuilder builder;
    DoorPtr gateway, sidecar, from_outside;

    explicit AMesh(const std::string& yaml, ProxyOptions options = {})
        : proxy(clock, random, pods, metrics, options) {
        add(builder, yaml);
        use();
        gateway = std::make_shared<Door>(Door{Door::Kind::gateway, "test/test-imgw:80"});
        auto web = workload_named("web", "test", {{"app", "web"}});
        web.in_mesh = true;
        sidecar = std::make_shared<Door>(
            Door{Door::Kind::sidecar, {}, std::make_shared<const Workload>(web)});
        from_outside = std::make_shared<Door>();
    }
    void use() { proxy.use(builder.build()); }

    net::Response ask(const DoorPtr& door,
                      const std::string& authority,
                      const std::string& target = "/",
                      net::Headers headers = {}) {
        headers.add("Host", authority);
        return ask(door,
                   {.target = target, .headers = std::move(headers), .peer = "127.0.0.1:5000"});
    }
    net::Response ask(const DoorPtr& door, net::Request request) {
        std::optional<net::Response> answer;
        TaskGroup group(context.get_executor());
        group.spawn("ask", run(door, std::move(request), answer));
        for (int i = 0; i < 1000 && !answer; ++i) clock.run_for(milliseconds{100});
        REQUIRE(answer.has_value());
        return std::move(*answer);
    }
    Task<> run(DoorPtr door, net::Request request, std::optional<net::Response>& answer) {
        answer = co_await proxy.serve(door, std::move(request));
    }

    ~AMesh() {
        TaskGroup group(context.get_executor());
        group.spawn("stop", proxy.stop());
        clock.run_for(milliseconds{1});
    }
    AMesh(const AMesh&) = delete;
    AMesh& operator=(const AMesh&) = delete;

    // "source 200 - podinfo podinfo-canary 3" for each series that is there.
    std::vector<std::string> counted() {
        std::vector<std::string> lines;
        for (const auto line : split(metrics.exposition(IstioMetrics::Reading::look), '\n')) {
            if (!line.starts_with("istio_requests_total{")) continue;
            const auto label = [&](const std::string& name) {
                const auto at = line.find("," + name + "=\"");
                const auto begin = line.find('"', at) + 1;
                return std::string(line.substr(begin, line.find('"', begin) - begin));
            };
            const auto reporter =
                line.find("reporter=\"source\"") != std::string::npos ? "source" : "destination";
            lines.push_back(fmt::format("{} {} {} {}->{} {} {}",
                                        reporter,
                                        label("response_code"),
                                        label("response_flags"),
                                        label("source_workload"),
                                        label("destination_workload"),
                                        label("destination_service_name"),
                                        line.substr(line.rfind(' ') + 1)));
        }
        return lines;
    }
};

using Lines = std::vector<std::string>;

inline const std::string two_versions =
    article_gateway +
    service("test", "podinfo-primary", {{.workload = "podinfo-primary", .address = "127.64.0.1"}}) +
    service("test", "podinfo-canary", {{.workload = "podinfo", .address = "127.64.0.2"}});

inline std::string routed(const std::string& rest, int canary) {
    return fmt::format(R"(---
kind: VirtualService
metadata: {{name: podinfo, namespace: test}}
spec:
  hosts: ["*"]
  gateways: [public-gateway]
  http:
  - {{{}route: [{{destination: {{host: podinfo-primary}}, weight: {}}}, {{destination: {{host: podinfo-canary}}, weight: {}}}]}}
)",
                       rest,
                       100 - canary,
                       canary);
}

}  // namespace sluice::mesh::testing
