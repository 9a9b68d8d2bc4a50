#include "web/hub.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::web;
using namespace std::chrono_literals;

namespace {

Task<> keep_next(net::BodyReader& reader, std::optional<Result<std::string>>& slot) {
    slot = co_await reader.next();
}

struct World {
    World() : hub(std::make_shared<Hub>(context.get_executor(), clock, "e1", limits())) {}
    ~World() {
        tasks.cancel();
        clock.settle();
    }
    static HubLimits limits() {
        return {.listeners = 5,
                .listeners_of_one_person = 2,
                .listeners_of_nobody = 4,
                .unread_bytes = 2000};
    }
    std::unique_ptr<net::BodyReader> listen(std::set<std::string> topics, std::string last = {}) {
        auto reader = hub->listen({.topics = std::move(topics), .last_event_id = std::move(last)},
                                  R"({"epoch":"e1"})");
        REQUIRE(reader);
        return *std::move(reader);
    }
    // What is there now, or after so long.
    Result<std::string> next(net::BodyReader& reader, Duration wait = 0s) {
        std::optional<Result<std::string>> slot;
        tasks.spawn("reading", keep_next(reader, slot));
        clock.settle();
        if (!slot) clock.run_for(wait);
        if (!slot) {
            tasks.cancel();
            clock.settle();
            return Error{ErrorKind::timed_out, "nothing"};
        }
        return *std::move(slot);
    }

    boost::asio::io_context context;
    VirtualClock clock{context, Time{std::chrono::seconds{1767225600}}};
    std::shared_ptr<Hub> hub;
    TaskGroup tasks{context.get_executor()};
};

}  // namespace

TEST_CASE("a stream begins with hello, and tells what is told about its topics") {
    World world;
    auto reader = world.listen({"releases"});
    CHECK(*world.next(*reader) == "event: hello\nid: e1-0\ndata: {\"epoch\":\"e1\"}\n\n");
    world.hub->publish({.topic = "releases", .event = "release", .data = R"({"a":1})"});
    world.hub->publish({.topic = "events", .event = "event", .data = R"({"b":1})"});
    CHECK(*world.next(*reader) == "event: release\nid: e1-1\ndata: {\"a\":1}\n\n");
}

TEST_CASE("a stream that has nothing to tell says every fifteen seconds that it lives") {
    World world;
    auto reader = world.listen({"releases"});
    CHECK(world.next(*reader));
    CHECK(*world.next(*reader, 15s) == ":\n\n");
}

TEST_CASE("who was cut off is told what it missed") {
    World world;
    auto reader = world.listen({"releases"});
    CHECK(world.next(*reader));
    world.hub->publish({.topic = "releases", .event = "release", .data = "{}"});
    CHECK(world.next(*reader));
    reader.reset();
    world.clock.run_for(30s);
    // Nobody listens just now, and it may come back.
    world.hub->publish({.topic = "releases", .event = "release", .data = R"({"missed":1})"});
    auto again = world.listen({"releases"}, "e1-1");
    CHECK(*world.next(*again) ==
          "event: hello\nid: e1-2\ndata: {\"epoch\":\"e1\"}\n\n"
          "event: release\nid: e1-2\ndata: {\"missed\":1}\n\n");
}

TEST_CASE("what is no longer kept, or another process told, is begun anew") {
    World world;
    auto reader = world.listen({"releases"});
    CHECK(world.next(*reader));
    for (int i = 0; i < 3; ++i) {
        world.hub->publish({.topic = "releases", .event = "release", .data = "{}"});
    }
    world.clock.run_for(61s);
    world.hub->publish({.topic = "releases", .event = "release", .data = "{}"});
    auto late = world.listen({"releases"}, "e1-1");
    CHECK(world.next(*late)->find(R"("reason":"gap")") != std::string::npos);
    auto other = world.listen({"releases"}, "e0-7");
    CHECK(world.next(*other)->find(R"("reason":"restart")") != std::string::npos);
    auto odd = world.listen({"releases"}, "e1-999");
    CHECK(world.next(*odd)->find("event: reset") != std::string::npos);
}

TEST_CASE("who comes back when nobody was told anything any more begins anew") {
    World world;
    auto reader = world.listen({"releases"});
    CHECK(world.next(*reader));
    world.hub->publish({.topic = "releases", .event = "release", .data = "{}"});
    reader.reset();
    world.clock.run_for(61s);
    // Nobody listens, so this is not written anywhere.
    world.hub->publish({.topic = "releases", .event = "release", .data = "{}"});
    auto late = world.listen({"releases"}, "e1-1");
    CHECK(world.next(*late)->find(R"("reason":"gap")") != std::string::npos);
    // And so does who asks for a topic that it did not listen to before.
    auto other = world.listen({"releases", "events"}, "e1-1");
    CHECK(world.next(*other)->find(R"("reason":"gap")") != std::string::npos);
}

TEST_CASE("who never reads is dropped before it costs much") {
    World world;
    auto reader = world.listen({"releases"});
    auto other = world.listen({"events"});
    CHECK(world.hub->listeners() == 2);
    const std::string data = "{\"x\":\"" + std::string(500, 'x') + "\"}";
    for (int i = 0; i < 20; ++i) {
        world.hub->publish({.topic = "releases", .event = "release", .data = data});
    }
    CHECK(world.hub->listeners() == 1);
    CHECK(world.next(*reader).error().kind == ErrorKind::cancelled);
    CHECK(world.next(*other));
}

TEST_CASE("who reads too slowly asks again for everything, and goes on listening") {
    World world;
    auto reader = world.listen({"releases"});
    const std::string data = "{\"x\":\"" + std::string(500, 'x') + "\"}";
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 5; ++i) {
            world.hub->publish({.topic = "releases", .event = "release", .data = data});
        }
        const auto read = world.next(*reader);
        REQUIRE(read);
        CHECK(read->find("event: reset") == 0);
        CHECK(read->find(R"("reason":"behind")") != std::string::npos);
    }
    CHECK(world.hub->listeners() == 1);
}

TEST_CASE("streams are bounded in all, for one person, and for all who are nobody") {
    World world;
    const auto listen = [&](std::string person) {
        return world.hub->listen({.topics = {"releases"}, .person = std::move(person)}, "{}");
    };
    auto one = listen("me");
    auto two = listen("me");
    CHECK(listen("me").error().kind == ErrorKind::too_many);
    auto three = listen("you");
    auto four = listen("");
    auto five = listen("");
    CHECK(listen("him").error().kind == ErrorKind::too_many);
    CHECK(listen("").error().message == "5 streams are open already");
    for (auto* stream : {&one, &two, &three}) *stream = Error{ErrorKind::cancelled, "gone"};
    auto six = listen("");
    auto seven = listen("");
    // Room is left for people.
    CHECK(listen("").error().message ==
          "4 streams with the dashboard's own token, or none, are open");
    CHECK(listen("you"));
}

TEST_CASE("nobody is told of a namespace that it may not see, or of what it may not do") {
    World world;
    auto reader = world.hub->listen(
        {.topics = {"releases"},
         .sees = [](const std::string&, const std::string& ns) { return ns == "mine"; },
         .writes = [](const std::string&) { return false; }},
        "{}");
    REQUIRE(reader);
    CHECK(world.next(**reader));
    world.hub->publish(
        {.topic = "releases", .event = "release", .data = R"({"theirs":1})", .ns = "theirs"});
    world.hub->publish({.topic = "releases",
                        .event = "release",
                        .data = R"({"act":1})",
                        .ns = "mine",
                        .whom = Hub::For::writers});
    world.hub->publish({.topic = "releases",
                        .event = "release",
                        .data = R"({"read":1})",
                        .ns = "mine",
                        .whom = Hub::For::readers});
    CHECK(*world.next(**reader) == "event: release\nid: e1-3\ndata: {\"read\":1}\n\n");
}

TEST_CASE("what nobody listens to is not written") {
    World world;
    CHECK_FALSE(world.hub->is_heard("releases"));
    auto reader = world.listen({"releases"});
    CHECK(world.hub->is_heard("releases"));
    reader.reset();
    CHECK(world.hub->is_heard("releases"));
    world.clock.run_for(61s);
    CHECK_FALSE(world.hub->is_heard("releases"));
}

TEST_CASE("the topics of one beginning are found among all that are heard") {
    World world;
    auto one = world.listen({"release:canary/test/b", "release:canary/test/a", "releases"});
    auto two = world.listen({"release:canary/tester/a", "overview"});
    const std::vector<std::string> heard{"release:canary/test/a", "release:canary/test/b"};
    CHECK(world.hub->heard_under("release:canary/test/") == heard);
    CHECK(world.hub->heard_under("release:canary/none/").empty());
    // Who left may come back for what it missed.
    one.reset();
    CHECK(world.hub->heard_under("release:canary/test/") == heard);
    world.clock.run_for(1h);
    CHECK(world.hub->heard_under("release:canary/test/").empty());
}
