// Two controllers over one cluster (list G, item 11): one leads; when it is stopped in the middle
// of its work, the other one ends the release, and nothing that the first one does later counts.
#include "base/async/signal.hpp"
#include "scenario/script.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::scenario;
using namespace std::chrono_literals;

namespace {

// A process under SIGSTOP: nothing of it goes on, and its clock does.
class Stoppable {
   public:
    explicit Stoppable(Executor executor) : signal_(std::move(executor)) {}

    void stop() { stopped_ = true; }
    void go_on() {
        stopped_ = false;
        signal_.notify_all();
    }
    bool stopped() const { return stopped_; }
    Task<> pass() {
        while (stopped_) co_await signal_.wait();
    }

   private:
    Signal signal_;
    bool stopped_ = false;
};

class StoppableClock final : public Clock {
   public:
    StoppableClock(Clock& inner, Stoppable& process) : inner_(inner), process_(process) {}

    Time now() const override { return inner_.now(); }
    Task<> sleep_until(Time when) override {
        co_await inner_.sleep_until(when);
        co_await process_.pass();
    }

   private:
    Clock& inner_;
    Stoppable& process_;
};

class StoppableBody final : public net::BodyReader {
   public:
    StoppableBody(std::unique_ptr<net::BodyReader> inner, Stoppable& process)
        : inner_(std::move(inner)), process_(process) {}

    Task<Result<std::string>> next() override {
        auto bytes = co_await inner_->next();
        co_await process_.pass();
        co_return bytes;
    }

   private:
    std::unique_ptr<net::BodyReader> inner_;
    Stoppable& process_;
};

struct Write {
    std::string what;
    int status = 0;
};

// The way to the API server; it can stop its process just when a request is to go out.
class StoppableClient final : public net::HttpClient {
   public:
    StoppableClient(net::HttpClient& inner, Stoppable& process)
        : inner_(inner), process_(process) {}

    Task<Result<net::Response>> send(net::Request request) override {
        const bool is_write = request.method != "GET";
        const bool counts = is_write && request.target.find("/leases") == std::string::npos;
        if (counts && ++tried == stops_at) process_.stop();
        const auto what = request.method + " " + request.target.substr(0, request.target.find('?'));
        co_await process_.pass();
        auto answer = co_await inner_.send(std::move(request));
        if (is_write && answer) writes.push_back({what, answer->status});
        co_await process_.pass();
        co_return answer;
    }
    Task<Result<net::Response>> open(net::Request request) override {
        co_await process_.pass();
        auto answer = co_await inner_.open(std::move(request));
        if (answer && answer->stream) {
            answer->stream = std::make_unique<StoppableBody>(std::move(answer->stream), process_);
        }
        co_return answer;
    }

    int stops_at = 0;  // the n-th write of the release; 0: none
    int tried = 0;
    std::vector<Write> writes;

   private:
    net::HttpClient& inner_;
    Stoppable& process_;
};

class Instance {
   public:
    Instance(World& world, std::string name)
        : world_(world),
          process(world.context.get_executor()),
          clock(world.clock, process),
          link(world.context, world.clock, world.server),
          api(link, process),
          neighbours(world.clock),
          random(std::hash<std::string>{}(name)),
          logger(clock,
                 {.level = LogLevel::info},
                 [this](std::string_view line) {
                     lines.emplace_back(text_at(*parse_json(line), {"msg"}));
                 }),
          tasks(world.context.get_executor()) {
        controller::Settings settings;
        settings.leader_election_ns = "smm-system";
        settings.host = name;
        controller = std::make_unique<controller::Process>(
            controller::Outside{.executor = world.context.get_executor(),
                                .clock = clock,
                                .random = random,
                                .api = api,
                                .http = neighbours,
                                .log = logger},
            kube::Connection{.origin = {.host = "api", .port = 443}},
            settings);
        tasks.spawn("controller", run());
        world.clock.settle();
    }
    ~Instance() {
        process.go_on();
        tasks.cancel();
        controller.reset();
        world_.clock.settle();
    }

    Task<> run() {
        const auto outcome = co_await controller->run();
        end = outcome ? "in order" : outcome.error().message;
    }
    bool said(const std::string& line) const { return std::ranges::count(lines, line) > 0; }

   private:
    World& world_;

   public:
    Stoppable process;
    StoppableClock clock;
    ApiLink link;
    StoppableClient api;
    Neighbours neighbours;
    SeededRandom random;
    std::vector<std::string> lines;
    Logger logger;
    std::unique_ptr<controller::Process> controller;
    std::string end;
    TaskGroup tasks;
};

constexpr auto story =
    "target 1\ncanary step 10 max 50 metric request-success-rate 99 - hook rollout load-test\n";

void until(World& world, const std::function<bool()>& is, Duration longest = 10min) {
    const auto end = world.clock.now() + longest;
    while (!is() && world.clock.now() < end) world.run_for(100ms);
    CHECK(is());
}

}  // namespace

TEST_CASE(
    "a leader that is stopped past its lease has lost it, and writes nothing when it goes on") {
    World world;
    Player player(world);
    REQUIRE(player.play(parse_script(story)).empty());
    Instance first(world, "first");
    until(world, [&] { return world.phase() == "Initialized"; });
    Instance second(world, "second");
    world.run_for(30s);
    REQUIRE(first.controller->leads());
    CHECK_FALSE(second.controller->leads());
    CHECK(second.api.writes.empty());

    world.set_image("6.1.0");
    until(world, [&] { return world.status_weight() == 20; });
    first.process.stop();
    world.run_for(65s);
    CHECK(second.controller->leads());
    until(world, [&] { return world.status_weight() == 40; });

    first.api.writes.clear();
    first.api.tried = 0;
    first.neighbours.hook_calls.clear();
    first.process.go_on();
    until(world, [&] { return world.phase() == "Succeeded"; });
    CHECK(first.api.tried == 0);
    CHECK(first.api.writes.empty());
    CHECK(first.neighbours.hook_calls.empty());
    CHECK(first.end == "Leadership lost");
    CHECK(first.said(
        "Another instance has been elected as leader: " +
        std::string(text_at(*world.cluster.find(kube::resources::leases, {"smm-system", "sluice"}),
                            {"spec", "holderIdentity"}))));
    CHECK(world.route_weight() == 0);
    CHECK(world.violations.empty());
    const auto events = world.events();
    for (const auto weight : {10, 20, 30, 40, 50}) {
        const auto message = "Advance podinfo.test canary weight " + std::to_string(weight);
        CHECK(std::ranges::count(events, message) == 1);
    }
}

TEST_CASE("a write that was about to go out when the leader was stopped changes nothing later") {
    // The writes of two steps of the analysis: the route, the Event, the status.
    for (int at = 1; at <= 6; ++at) {
        CAPTURE(at);
        World world;
        Player player(world);
        REQUIRE(player.play(parse_script(story)).empty());
        Instance first(world, "first");
        until(world, [&] { return world.phase() == "Initialized"; });
        Instance second(world, "second");
        world.set_image("6.1.0");
        until(world, [&] { return world.status_weight() == 10; });
        first.api.tried = 0;
        first.api.stops_at = at;
        until(world, [&] { return first.process.stopped(); });
        world.run_for(65s);
        REQUIRE(second.controller->leads());
        until(world, [&] { return world.status_weight() == 40; });
        const auto routes = to_text(world.get(kube::resources::virtual_services, "podinfo"));
        const auto status = to_text(world.canary());

        first.api.writes.clear();
        first.process.go_on();
        world.clock.settle();
        CHECK(to_text(world.get(kube::resources::virtual_services, "podinfo")) == routes);
        CHECK(to_text(world.canary()) == status);
        for (const auto& write : first.api.writes) {
            CAPTURE(write.what);
            CHECK(write.status == 409);
        }
        CHECK(first.api.writes.size() <= 1);
        until(world, [&] { return world.phase() == "Succeeded"; });
        CHECK(first.end == "Leadership lost");
        CHECK(world.violations.empty());
    }
}
