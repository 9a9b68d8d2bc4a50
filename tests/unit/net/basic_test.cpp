#include "base/async/virtual_clock.hpp"
#include "net/in_process.hpp"
#include "unit/net/sockets.hpp"

using namespace sluice;
using namespace sluice::net;
using namespace sluice::net::testing;

namespace {

Task<Response> echo(Request request) {
    Response response{.status = 200, .headers = {{"Content-Type", "text/plain"}}};
    response.body = request.method + " " + request.target + " " + request.body;
    co_return response;
}

Task<> ask_twice(HttpClient& client, std::uint16_t port) {
    for (int i = 0; i < 2; ++i) {
        Request request{.method = "POST", .target = "/a?b=c", .body = "hello"};
        request.origin = {.host = "127.0.0.1", .port = port};
        const auto answer = co_await client.send(request);
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->headers.get("content-type") == "text/plain");
        CHECK(answer->body == "POST /a?b=c hello");
    }
    Request head{.method = "HEAD", .target = "/"};
    head.origin = {.host = "localhost", .port = port};
    const auto answer = co_await client.send(head);
    REQUIRE(answer);
    CHECK(answer->body == "");
    CHECK(answer->headers.get("Content-Length") == "7");
}

Task<> stop(HttpServer& server) {
    co_await server.stop(1s);
}

}  // namespace

TEST_CASE("a client gets from a server what its handler answers") {
    World world;
    FunctionHandler handler(echo);
    HttpServer server(world.executor(), *world.clock, handler);
    const auto port = server.listen("127.0.0.1", 0);
    REQUIRE(port);
    SocketClient client(world.executor(), *world.clock);
    world.run(ask_twice(client, *port));
    world.run(stop(server));
}
