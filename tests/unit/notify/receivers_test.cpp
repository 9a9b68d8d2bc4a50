#include "notify/receivers.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "support/scripted_http.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::notify;
using namespace std::chrono_literals;

namespace {

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    testing::ScriptedHttp http{clock};
    Receivers receivers{http, clock};
    TaskGroup tasks{context.get_executor()};
    Duration took{};

    Task<> send(Receiver receiver, std::string& text) {
        const auto began = clock.now();
        const auto done = co_await receivers.send(std::move(receiver),
                                                  {.message = "m", .canary = "podinfo.test"});
        took = clock.now() - began;
        text = done ? "" : done.error().message;
    }
    // Empty for success.
    std::string told(std::string type = "slack") {
        Receiver receiver;
        receiver.type = std::move(type);
        receiver.address = "https://hooks.test/secret";
        std::string text = "still waiting";
        tasks.spawn("send", send(std::move(receiver), text));
        clock.run_for(1h);
        return text;
    }
};

}  // namespace

TEST_CASE("an alert is tried three times, five seconds each") {
    Bench bench;
    for (int i = 0; i < 3; ++i) bench.http.hang();
    CHECK(bench.told() ==
          "postMessage failed: sending notification failed to send: timed out after 5s");
    CHECK(bench.http.asked().size() == 3);
    CHECK(bench.took == 5s * 3 + 1s + 2s);
}

TEST_CASE("a server's failure may pass, a refusal does not") {
    Bench bench;
    bench.http.answer(503);
    bench.http.answer(200, "ok");
    CHECK(bench.told().empty());
    bench.http.answer(404, "no_team\n");
    CHECK(bench.told() == "postMessage failed: sending notification bad response 404: no_team");
    CHECK(bench.http.asked().size() == 3);
}

TEST_CASE("Slack's no with status 200 is a failure, and only Slack's") {
    Bench bench;
    bench.http.answer(200, R"({"ok":false,"error":"channel_not_found"})");
    CHECK(bench.told() ==
          "postMessage failed: sending notification bad response 200: "
          R"({"ok":false,"error":"channel_not_found"})");
    bench.http.answer(200, R"({"ok":true})");
    CHECK(bench.told().empty());
    bench.http.answer(200, R"({"ok":false})");
    CHECK(bench.told("rocket").empty());
}

TEST_CASE("an answer without an end is given up at its limit") {
    Bench bench;
    bench.http.answer(200, std::string(1024 * 1024, 'x'));
    CHECK(bench.told() ==
          "postMessage failed: sending notification failed to send: body over its limit");
    CHECK(bench.http.asked().size() == 1);
}
