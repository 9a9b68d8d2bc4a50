#include "net/in_process.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::net;
using namespace std::chrono_literals;

namespace {

class Ticks final : public BodyReader {
   public:
    explicit Ticks(Clock& clock) : clock_(clock) {}
    Task<Result<std::string>> next() override {
        co_await clock_.sleep_for(1s);
        co_return "tick";
    }

   private:
    Clock& clock_;
};

class Site final : public Handler {
   public:
    explicit Site(Clock& clock) : clock_(clock) {}
    Task<Response> handle(Request request) override {
        Response response{.status = 201};
        if (request.target == "/slow") co_await clock_.sleep_for(1h);
        if (request.target == "/ticks") {
            response.stream = std::make_unique<Ticks>(clock_);
        } else {
            response.body = std::string(request.headers.get("Host").value_or("")) + request.body;
        }
        co_return response;
    }

   private:
    Clock& clock_;
};

Task<> send(HttpClient& client, Request request, std::optional<Result<Response>>& slot) {
    slot = co_await client.send(request);
}

Task<> read_three(HttpClient& client, Clock& clock, Time& at, std::string& all) {
    auto answer = co_await client.open({.target = "/ticks"});
    REQUIRE(answer);
    REQUIRE(answer->stream);
    for (int i = 0; i < 3; ++i) all += (co_await answer->stream->next()).value();
    at = clock.now();
}

Task<> open_plain(HttpClient& client, std::string& all) {
    auto answer = co_await client.open({.origin = {.host = "web"}, .body = "!"});
    REQUIRE(answer);
    REQUIRE(answer->stream);
    all = (co_await read_whole(std::move(*answer), 100)).value();
}

struct World {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    Site site{clock};
    InProcessClient client{clock, site};
    TaskGroup group{context.get_executor()};
    ~World() {
        group.cancel();
        clock.settle();
    }
};

}  // namespace

TEST_CASE("a call in process takes no time and gives the whole answer") {
    World world;
    std::optional<Result<Response>> answer;
    world.group.spawn(
        "send", send(world.client, {.origin = {.host = "web", .port = 8080}, .body = "!"}, answer));
    world.clock.settle();
    REQUIRE(answer);
    CHECK(answer->value().status == 201);
    CHECK(answer->value().body == "web:8080!");
    answer.reset();
    world.group.spawn("head", send(world.client, {.method = "HEAD"}, answer));
    world.clock.settle();
    CHECK(answer.value().value().body == "");
    std::string all;
    world.group.spawn("open", open_plain(world.client, all));
    world.clock.settle();
    CHECK(all == "web!");
}

TEST_CASE("a call in process keeps its deadline in virtual time") {
    World world;
    std::optional<Result<Response>> slow;
    std::optional<Result<Response>> endless;
    world.group.spawn("slow", send(world.client, {.target = "/slow", .timeout = 5s}, slow));
    world.group.spawn("endless", send(world.client, {.target = "/ticks", .timeout = 5s}, endless));
    world.clock.run_for(4s);
    CHECK_FALSE(slow);
    world.clock.run_for(1s);
    REQUIRE(slow);
    CHECK(slow->error() == Error{ErrorKind::timed_out, "timed out after 5s"});
    REQUIRE(endless);
    CHECK(endless->error().kind == ErrorKind::timed_out);
    CHECK(world.clock.next_wake() == std::nullopt);
}

TEST_CASE("a call in process refuses a body over its limit") {
    World world;
    std::optional<Result<Response>> answer;
    world.group.spawn("send", send(world.client, {.target = "/ticks", .body_limit = 10}, answer));
    world.clock.run_for(10s);
    REQUIRE(answer);
    CHECK(answer->error().kind == ErrorKind::too_large);
}

TEST_CASE("a streamed answer in process comes part by part") {
    World world;
    Time at;
    std::string all;
    world.group.spawn("read", read_three(world.client, world.clock, at, all));
    world.clock.run_for(10s);
    CHECK(all == "tickticktick");
    CHECK(at == Time{} + 3s);
}
