// Eight hours of a dashboard's life in virtual time: twenty pages listen and ask while releases,
// workloads, pods and Events change every five seconds and Prometheus answers other numbers each
// time. What it takes of memory after eight hours is what it took after one.
#include "base/async/task_group.hpp"
#include "base/core/text.hpp"
#include "figures.hpp"
#include "kube/resource.hpp"
#include "scenario/world.hpp"
#include "timing.hpp"
#include "web/dashboard.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <malloc.h>

#include <cmath>
#include <deque>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::bench {
namespace {

namespace resources = kube::resources;
using scenario::World;

constexpr int namespaces = 8;
constexpr int canaries = 40;
constexpr int hours = 8;
constexpr Duration tick = seconds{5};
constexpr int ticks_of_hour = 3600 / 5;
constexpr std::size_t events_kept = 200;

std::string ns_of(int i) {
    return fmt::format("team-{}", i % namespaces);
}
std::string name_of(int i) {
    return fmt::format("app-{}", i);
}

// A gateway calls both sides of each release; no answer reads as the one before it.
class OtherNumbers final : public net::HttpClient {
   public:
    Task<Result<net::Response>> send(net::Request request) override {
        const auto query = percent_decoded(request.target);
        net::Response response;
        if (query.find("/query_range") != std::string::npos) {
            response.body = R"({"status":"success","data":{"resultType":"matrix","result":[]}})";
            co_return response;
        }
        std::string series;
        for (int i = 0; i < canaries; ++i) {
            for (const auto* side : {"", "-primary"}) {
                ++answered_;
                series += fmt::format(
                    R"({}{{"metric":{{"source_workload":"gateway","source_workload_namespace":"{}",)"
                    R"("destination_workload":"{}{}","destination_workload_namespace":"{}",)"
                    R"("destination_service":"{}.{}.svc.cluster.local","request_protocol":"http",)"
                    R"("response_code":"{}","response_flags":"-"}},"value":[1,"{}"]}})",
                    series.empty() ? "" : ",",
                    ns_of(i),
                    name_of(i),
                    side,
                    ns_of(i),
                    name_of(i),
                    ns_of(i),
                    answered_ % 7 == 0 ? 503 : 200,
                    answered_ % 1000);
            }
        }
        response.body = fmt::format(
            R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})", series);
        co_return response;
    }
    Task<Result<net::Response>> open(net::Request request) override {
        return send(std::move(request));
    }

   private:
    std::uint64_t answered_ = 0;
};

class Soak {
   public:
    explicit Soak(Figures& figures)
        : figures_(figures),
          dashboard_(web::Outside{.executor = world_.context.get_executor(),
                                  .clock = world_.clock,
                                  .random = world_.random,
                                  .api = world_.api,
                                  .http = numbers_,
                                  .log = log_},
                     kube::Connection{.origin = {.host = "api", .port = 443}},
                     web::Settings{.metrics_server = "http://prometheus:9090"},
                     {}),
          readers_(world_.context.get_executor()) {}
    ~Soak() {
        readers_.cancel();
        world_.clock.settle();
    }
    Soak(const Soak&) = delete;
    Soak& operator=(const Soak&) = delete;

    void take() {
        make_cluster();
        open_pages();
        const auto began = std::chrono::steady_clock::now();
        const auto told = told_;
        double after_one = 0;
        for (int hour = 1; hour <= hours; ++hour) {
            for (int i = 0; i < ticks_of_hour; ++i) live_on(hour * ticks_of_hour + i);
            if (hour == 1) after_one = resident_mib();
        }
        const auto after_all = resident_mib();
        if (dashboard_.figures().streams != streams_) throw std::runtime_error("a stream ended");
        if (told_ == told) throw std::runtime_error("nothing was told");
        figures_.push_back(aside("MiB", "dashboard: 20 pages, memory after an hour", after_one));
        figures_.push_back(
            aside("MiB", fmt::format("dashboard: … after {} hours", hours), after_all));
        figures_.push_back(
            at_most(5,
                    "%",
                    fmt::format("dashboard: … the difference, in {} changes", changes_),
                    100 * std::abs(after_all - after_one) / after_one));
        figures_.push_back(
            aside("MiB", "dashboard: … told meanwhile", static_cast<double>(told_) / 1024 / 1024));
        figures_.push_back(
            aside("s",
                  "dashboard: … what that took here",
                  std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()));
    }

   private:
    // As the controller does each minute: what was freed is given back.
    static double resident_mib() {
        malloc_trim(0);
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) {
            if (!line.starts_with("VmRSS:")) continue;
            return static_cast<double>(std::stoll(line.substr(6))) / 1024;
        }
        throw std::runtime_error("reading /proc/self/status");
    }

    template <typename Answer>
    void note(const Answer& answer, const kube::Resource& resource) {
        if (!answer) throw std::runtime_error(resource.plural + ": " + answer.error().message);
        ++changes_;
    }
    void create(const kube::Resource& resource, const std::string& text) {
        auto object = must(parse_json(text));
        put(object, {"kind"}, Json(resource.kind));
        put(object, {"apiVersion"}, Json(resource.api_version()));
        note(world_.cluster.create(resource, std::move(object)), resource);
    }
    template <typename Edit>
    void edit(const kube::Resource& resource, const kube::ObjectKey& key, const Edit& edit) {
        const auto found = world_.cluster.find(resource, key);
        if (!found) throw std::runtime_error(to_string(key) + " is gone");
        auto object = *found;
        edit(object);
        note(world_.cluster.update(resource, std::move(object)), resource);
    }

    void make_cluster() {
        for (int i = 0; i < namespaces; ++i) {
            create(resources::namespaces,
                   fmt::format(R"({{"metadata":{{"name":"{}"}}}})", ns_of(i)));
        }
        for (int i = 0; i < canaries; ++i) {
            for (const auto* side : {"", "-primary"}) {
                create(
                    resources::deployments,
                    fmt::format(
                        R"({{"metadata":{{"name":"{0}{1}","namespace":"{2}"}},)"
                        R"("spec":{{"replicas":1,"selector":{{"matchLabels":{{"app":"{0}{1}"}}}},)"
                        R"("template":{{"metadata":{{"labels":{{"app":"{0}{1}"}}}},)"
                        R"("spec":{{"containers":[{{"name":"a","image":"a:1"}}]}}}}}}}})",
                        name_of(i),
                        side,
                        ns_of(i)));
            }
            create(
                resources::canaries,
                fmt::format(
                    R"({{"metadata":{{"name":"{0}","namespace":"{1}"}},"spec":{{"provider":"istio",)"
                    R"("targetRef":{{"apiVersion":"apps/v1","kind":"Deployment","name":"{0}"}},)"
                    R"("service":{{"port":80}},"analysis":{{"interval":"1m","threshold":5,)"
                    R"("maxWeight":50,"stepWeight":10,"metrics":[{{"name":"request-success-rate",)"
                    R"("thresholdRange":{{"min":99}}}}]}}}}}})",
                    name_of(i),
                    ns_of(i)));
        }
        world_.clock.run_for(seconds{10});
    }

    // What it is given outlives it: its caller waits.
    // NOLINTBEGIN(cppcoreguidelines-avoid-reference-coroutine-parameters): as said.
    static Task<> ask(net::Handler& handler,
                      net::Request request,
                      net::Response& slot,
                      bool& done) {
        slot = co_await handler.handle(std::move(request));
        done = true;
    }
    // NOLINTEND(cppcoreguidelines-avoid-reference-coroutine-parameters)
    net::Response get(const std::string& path) {
        net::Request request{.target = "/api/ui/v1" + path};
        request.headers.add("Host", "127.0.0.1");
        net::Response response;
        bool done = false;
        readers_.spawn("asking", ask(dashboard_, std::move(request), response, done));
        world_.clock.settle();
        for (int i = 0; i < 100 && !done; ++i) world_.run_for(milliseconds{100});
        if (!done || response.status != 200) {
            throw std::runtime_error(fmt::format("{}: {}", path, response.body));
        }
        return response;
    }
    Task<> listen(std::shared_ptr<net::BodyReader> reader) {
        while (true) {
            const auto part = co_await reader->next();
            if (!part || part->empty()) co_return;
            told_ += part->size();
        }
    }
    void open(const std::string& topics) {
        auto response = get("/stream?topics=" + topics);
        readers_.spawn("listening",
                       listen(std::shared_ptr<net::BodyReader>(std::move(response.stream))));
        ++streams_;
    }

    // Ten overviews, five releases and five drawings of the topology, as of a namespace each.
    void open_pages() {
        const std::string every = "overview,releases,validations,events";
        for (int i = 0; i < 10; ++i) open(every);
        for (int i = 0; i < 5; ++i) {
            open(fmt::format("{},release:canary/{}/{}", every, ns_of(i), name_of(i)));
            const auto drawn =
                must(parse_json(get(fmt::format("/topology?window=60&ns={}", ns_of(i))).body));
            open(fmt::format("{},{}", every, text_at(drawn, {"topic"})));
        }
    }

    // Five seconds: one release goes a step, one Deployment gets or loses a pod, an Event comes and
    // the oldest goes, and somebody asks for lists.
    void live_on(int number) {
        const int i = number % canaries;
        const kube::ObjectKey key{ns_of(i), name_of(i)};
        edit(resources::canaries, key, [&](Json& canary) {
            const bool is_at_rest = number / canaries % 2 == 0;
            put(canary,
                {"status"},
                JsonObject{{"phase", is_at_rest ? "Succeeded" : "Progressing"},
                           {"canaryWeight", is_at_rest ? 0 : number % 50},
                           {"failedChecks", number % 3},
                           {"lastAppliedSpec", fmt::format("{:x}", number)},
                           {"lastTransitionTime", rfc3339(world_.clock.now())}});
        });
        edit(resources::deployments, key, [&](Json& deployment) {
            put(deployment, {"spec", "replicas"}, 1 + number / canaries % 2);
        });
        tell_event(number, key);
        if (number % 12 == 0) {
            get(fmt::format("/workloads?ns={}", key.ns));
            get(fmt::format("/services?ns={}", key.ns));
            get(fmt::format("/releases/canary/{}/{}/metrics?window=300", key.ns, key.name));
        }
        world_.run_for(tick);
    }
    void tell_event(int number, const kube::ObjectKey& about) {
        const auto name = fmt::format("e-{}", number);
        create(resources::events,
               fmt::format(R"({{"metadata":{{"name":"{0}","namespace":"{1}"}},"type":"Normal",)"
                           R"("reason":"Synced","message":"Advance {2}.{1} canary weight {3}",)"
                           R"("involvedObject":{{"kind":"Canary","namespace":"{1}","name":"{2}"}},)"
                           R"("lastTimestamp":"{4}","firstTimestamp":"{4}","count":1}})",
                           name,
                           about.ns,
                           about.name,
                           number % 50,
                           rfc3339(world_.clock.now())));
        events_.push_back({about.ns, name});
        if (events_.size() <= events_kept) return;
        note(world_.cluster.remove(resources::events, events_.front()), resources::events);
        events_.pop_front();
    }

    Figures& figures_;
    World world_;
    OtherNumbers numbers_;
    Logger log_{world_.clock, {.level = LogLevel::error}, [](std::string_view) {}};
    web::Dashboard dashboard_;
    TaskGroup readers_;
    std::deque<kube::ObjectKey> events_;
    std::size_t streams_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t changes_ = 0;
};

}  // namespace

Figures dashboard_soak() {
    Figures figures;
    Soak soak(figures);
    soak.take();
    return figures;
}

}  // namespace sluice::bench
