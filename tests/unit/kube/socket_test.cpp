// The same over sockets: nothing here may depend on being called in process.
#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "kube/cache.hpp"
#include "lab/apiserver/api_server.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::kube;
using namespace std::chrono_literals;

namespace {

struct Sockets {
    Sockets() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
    }

    // Says whether it came true within ten seconds.
    bool becomes(const std::function<bool()>& question) {
        const auto end = clock->now() + 10s;
        while (!question()) {
            if (clock->now() > end) return false;
            context.restart();
            context.run_for(5ms);
        }
        return true;
    }

    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    SeededRandom random{1};
    lab::Cluster cluster{*clock, random};
    lab::ApiServer api{context.get_executor(), cluster, nullptr};
    Logger log{*clock, {.level = LogLevel::error}, [](std::string_view) {}};
    TaskGroup tasks{context.get_executor()};
};

Json config_map(const std::string& name) {
    Json object = JsonObject{};
    put(object, {"metadata", "name"}, Json(name));
    put(object, {"metadata", "namespace"}, "default");
    return object;
}

Task<> make(Client& client, std::string name, std::optional<Result<Json>>& slot) {
    slot = co_await client.create(resources::config_maps, config_map(name));
}

}  // namespace

TEST_CASE("over sockets a cache follows the server, and finds it again after it was away") {
    Sockets it;
    auto server = std::make_unique<net::HttpServer>(it.context.get_executor(), *it.clock, it.api);
    const auto port = server->listen("127.0.0.1", 0);
    REQUIRE(port);
    net::SocketClient http(it.context.get_executor(), *it.clock);
    Client client(*it.clock, http, {.origin = {false, "127.0.0.1", *port}});
    Cache cache(it.context.get_executor(),
                *it.clock,
                it.random,
                client,
                it.log,
                resources::config_maps,
                {.selection = {.ns = "default"}});
    it.tasks.spawn("cache", cache.run());
    REQUIRE(it.becomes([&] { return cache.synced(); }));

    std::optional<Result<Json>> made;
    it.tasks.spawn("make", make(client, "a", made));
    REQUIRE(it.becomes([&] { return made.has_value(); }));
    REQUIRE_MESSAGE(*made, (*made ? "" : made->error().message));
    CHECK(it.becomes([&] { return cache.contains({"default", "a"}); }));

    made.reset();
    it.tasks.spawn("make", make(client, "a", made));
    REQUIRE(it.becomes([&] { return made.has_value(); }));
    CHECK(made->error() == Error{ErrorKind::already_exists, "configmaps \"a\" already exists"});

    it.api.end_streams();
    REQUIRE(it.cluster.remove(resources::config_maps, {"default", "a"}));
    CHECK(it.becomes([&] { return !cache.contains({"default", "a"}); }));

    server.reset();
    CHECK(it.becomes([&] { return cache.trouble().has_value(); }));
    REQUIRE(it.cluster.create(resources::config_maps, config_map("b")));
    server = std::make_unique<net::HttpServer>(it.context.get_executor(), *it.clock, it.api);
    REQUIRE(server->listen("127.0.0.1", *port));
    CHECK(it.becomes([&] { return cache.contains({"default", "b"}) && !cache.trouble(); }));

    it.tasks.cancel();
    CHECK(it.becomes([&] { return it.tasks.size() == 0; }));
    server.reset();
    it.context.restart();
    it.context.run_for(50ms);
}
