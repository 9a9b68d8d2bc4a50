#include "controller/announcer.hpp"

#include "base/async/random.hpp"
#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "base/core/text.hpp"
#include "net/in_process.hpp"
#include "support/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::controller;
using namespace std::chrono_literals;

namespace {

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, *parse_rfc3339("2026-01-01T00:00:00Z")};
    SeededRandom random{1};
    test::ScriptedServer server{context.get_executor()};
    net::InProcessClient http{clock, server};
    kube::Client client{clock, http, {}};
    Logger log{clock, {}, [](std::string_view) {}};
    kube::EventRecorder events{context.get_executor(), clock, random, client, log, {}};
    Announcer announcer{events, log};
    TaskGroup tasks{context.get_executor()};

    Bench() {
        server.on("POST /api/v1/namespaces/test/events", 201, "{}");
        tasks.spawn("events", events.run());
    }
    ~Bench() {
        tasks.cancel();
        clock.settle();
    }
    void warn(const std::string& message) {
        const auto canary = *parse_json(R"({"metadata":{"name":"web","namespace":"test"}})");
        announcer.warn(canary, canary::EventType::warning, message);
        clock.run_for(1min);
    }
    std::string last_message() const {
        REQUIRE_FALSE(server.requests.empty());
        const auto event = parse_json(server.requests.back().body);
        REQUIRE(event);
        return std::string(text_at(*event, {"message"}));
    }
};

}  // namespace

TEST_CASE("a long Warning is cut between two characters, and its end is marked") {
    Bench bench;
    std::string text = "a";
    for (int i = 0; i < 600; ++i) text += "é";
    bench.warn(text);
    const auto message = bench.last_message();
    CHECK(message.size() <= 1024);
    CHECK(message.starts_with("aéé"));
    CHECK(message.ends_with("é..."));
}
