#include "loadtester/generator.hpp"

#include "base/async/virtual_clock.hpp"
#include "net/in_process.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::loadtester;
using namespace std::chrono_literals;

namespace {

// A server that takes its time, and notes who came.
class Server final : public net::Handler {
   public:
    explicit Server(Clock& clock) : clock_(clock) {}

    Duration takes = 10ms;
    int status = 200;
    std::string location;
    std::vector<net::Request> asked;

    Task<net::Response> handle(net::Request request) override {
        asked.push_back(request);
        co_await clock_.sleep_for(takes);
        net::Response response;
        response.status = status;
        response.body = "hello";
        if (!location.empty() && request.target != location) {
            response.status = 302;
            response.headers.set("Location", location);
        }
        co_return response;
    }

   private:
    Clock& clock_;
};

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    Server server{clock};
    net::InProcessClient http{clock, server};
    Generator generator{context.get_executor(), clock, http};
    TaskGroup tasks{context.get_executor()};
    Duration took{};

    Ended run(const std::string& line, Duration limit = 1h) {
        Ended ended{.cause = "still running"};
        tasks.spawn("run", run_into({.words = *split_command(line), .limit = limit}, &ended));
        for (int i = 0; i < 7200 && ended.cause == "still running"; ++i) clock.run_for(1s);
        return ended;
    }

   private:
    Task<> run_into(Command command, Ended* ended) {
        const auto began = clock.now();
        const auto result = co_await generator.run(std::move(command));
        took = clock.now() - began;
        *ended = result;
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string refusal(const std::string& line) {
    Bench bench;
    const auto ended = bench.run(line);
    CHECK(bench.server.asked.empty());
    return ended.well ? "none" : ended.output;
}

}  // namespace

TEST_CASE("hey's rate counts for each worker, and its time for all") {
    Bench bench;
    const auto ended = bench.run("hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/");
    CHECK(ended.well);
    CHECK(bench.server.asked.size() == 1200);
    CHECK(bench.took < 61s);
    CHECK(bench.took >= 59s);
    CHECK(bench.server.asked[0].origin.host == "podinfo-canary.test");
    CHECK(bench.server.asked[0].origin.port == 9898);
    CHECK(has(ended.output, "Summary:\n  Total:\t"));
    CHECK(has(ended.output, "  Slowest:\t0.0100 secs"));
    CHECK(has(ended.output, "  [200]\t1200 responses"));
    CHECK(has(ended.output, "  50% in 0.0100 secs"));
}

TEST_CASE("without a duration hey sends so many requests and ends") {
    Bench bench;
    const auto ended = bench.run(
        "hey -n 30 -c 3 -m POST -H 'X-A: b' -host web.test -T text/plain -d body -a "
        "me:secret http://a/x");
    CHECK(ended.well);
    REQUIRE(bench.server.asked.size() == 30);
    const auto& request = bench.server.asked[0];
    CHECK(request.method == "POST");
    CHECK(request.body == "body");
    CHECK(request.headers.get("X-A") == "b");
    CHECK(request.headers.get("Host") == "web.test");
    CHECK(request.headers.get("Content-Type") == "text/plain");
    CHECK(request.headers.get("Authorization") == "Basic bWU6c2VjcmV0");
}

TEST_CASE("failures are counted by what they say, and hey ends well all the same") {
    Bench bench;
    bench.server.status = 503;
    auto ended = bench.run("hey -n 10 -c 1 http://a");
    CHECK(ended.well);
    CHECK(has(ended.output, "  [503]\t10 responses"));
    bench.server.takes = 1min;
    ended = bench.run("hey -n 2 -c 2 -t 1 http://a");
    CHECK(has(ended.output, "Error distribution:\n  [2]\t"));
    CHECK(has(ended.output, "timed out after 1s"));
}

TEST_CASE("redirects are followed, unless that is switched off") {
    Bench bench;
    bench.server.location = "/there";
    bench.run("hey -n 1 -c 1 http://a/here");
    CHECK(bench.server.asked.size() == 2);
    bench.run("hey -n 1 -c 1 -disable-redirects http://a/here");
    CHECK(bench.server.asked.size() == 3);
}

TEST_CASE("the time limit ends a load") {
    Bench bench;
    CHECK(bench.run("hey -z 1h -q 1 -c 1 http://a", 10s).well);
    CHECK(bench.server.asked.size() == 10);
}

TEST_CASE("wrk's connections send as fast as they are answered") {
    Bench bench;
    const auto ended = bench.run("wrk -t2 -c 4 -d 2s --latency http://a/");
    CHECK(ended.well);
    CHECK(bench.server.asked.size() == 800);
    CHECK(has(ended.output, "Running 2s test @ http://a/"));
    CHECK(has(ended.output, "Requests/sec: 400.00"));
}

TEST_CASE("curl shows what it is answered, and fails as curl does") {
    Bench bench;
    auto ended = bench.run("curl -s a:9898/x");
    CHECK(ended.well);
    CHECK(ended.output == "hello");
    ended = bench.run("curl -sd 'test' -H 'X-A: b' http://a/token");
    CHECK(bench.server.asked.back().method == "POST");
    CHECK(bench.server.asked.back().body == "test");
    ended = bench.run("curl -s -o /dev/null -w '%{http_code}' http://a");
    CHECK(ended.output == "200");
    bench.server.status = 404;
    CHECK(bench.run("curl -s http://a").well);
    ended = bench.run("curl -sS --fail http://a");
    CHECK_FALSE(ended.well);
    CHECK(ended.cause == "exit status 22");
    CHECK(ended.output == "curl: (22) The requested URL returned error: 404\n");
    bench.server.takes = 1min;
    CHECK(bench.run("curl -sf -m 2 http://a").cause == "exit status 28");
}

TEST_CASE("what it cannot do is said, and nothing is sent") {
    CHECK(refusal("ghz x") == "the lab's load tester runs hey, wrk and curl, not ghz\n");
    CHECK(refusal("hey -z soon http://a") == "hey: -z soon is no duration\n");
    CHECK(refusal("hey -c 0 http://a") == "hey: -c 0 is no number from 1 to 1000\n");
    CHECK(refusal("hey -n 1 -c 2 http://a") == "hey: -n cannot be less than -c\n");
    CHECK(refusal("hey -q nan http://a") == "hey: -q nan is no rate\n");
    CHECK(refusal("hey -D /etc/passwd http://a") == "hey: the lab's load generator has no -D\n");
    CHECK(refusal("hey") == "hey: needs one URL, there are 0\n");
    CHECK(refusal("wrk -s script.lua http://a") ==
          "wrk: the lab's load generator runs no scripts\n");
    CHECK(refusal("curl -d @/etc/passwd http://a") == "curl: the lab reads no files\n");
    CHECK(refusal("curl -o /tmp/x http://a") == "curl: the lab writes no files\n");
    CHECK(refusal("curl -T /etc/passwd http://a") == "curl: unknown option -T\n");
}
