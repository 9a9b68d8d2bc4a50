// A proxy made of a Handler and a SocketClient, as the lab's mesh has it: streams both ways and
// upgrades go through it.
#include "net/client.hpp"
#include "net/server.hpp"
#include "unit/net/sockets.hpp"

using namespace sluice;
using namespace sluice::net;
using namespace sluice::net::testing;

namespace {

class Proxy final : public Handler {
   public:
    Proxy(SocketClient& client, Origin to) : client_(client), to_(std::move(to)) {}
    Task<Response> handle(Request request) override {
        if (request.method == "CONNECT") {
            auto stream = co_await client_.connect(to_, 5s);
            if (!stream) co_return Response{.status = 502, .body = stream.error().message};
            Response response;
            response.upgraded = std::move(*stream);
            co_return response;
        }
        drop_hop_by_hop(request.headers);
        request.origin = to_;
        request.short_body_in_place = true;
        auto answer = co_await client_.open(std::move(request));
        if (!answer) co_return Response{.status = 502, .body = answer.error().message};
        co_return std::move(*answer);
    }

   private:
    SocketClient& client_;
    Origin to_;
};

class Repeated final : public BodyReader {
   public:
    Repeated(std::string part, int times) : part_(std::move(part)), left_(times) {}
    Task<Result<std::string>> next() override { co_return left_-- > 0 ? part_ : std::string{}; }

   private:
    std::string part_;
    int left_;
};

// Waits for ever after its first part.
class Held final : public BodyReader {
   public:
    Held(Clock& clock, bool& is_gone) : clock_(clock), is_gone_(is_gone) {}
    ~Held() override { is_gone_ = true; }
    Task<Result<std::string>> next() override {
        if (std::exchange(began_, true)) co_await clock_.sleep_for(1h);
        co_return std::string("begin");
    }

   private:
    Clock& clock_;
    bool& is_gone_;
    bool began_ = false;
};

class App final : public Handler {
   public:
    explicit App(Clock& clock) : clock_(clock) {}
    Task<Response> handle(Request request) override {
        Response response{.headers = {{"X-Host", std::string(*request.headers.get("Host"))}}};
        std::size_t size = request.body.size();
        while (request.stream) {
            const auto part = co_await request.stream->next();
            if (!part || part->empty()) break;
            size += part->size();
        }
        if (request.target == "/big") {
            response.stream = std::make_unique<Repeated>(std::string(70'000, 'x'), 100);
        } else if (request.target == "/held") {
            response.stream = std::make_unique<Held>(clock_, is_gone);
        } else {
            response.body = request.method + " " + std::to_string(size);
        }
        co_return response;
    }
    bool is_gone = false;

   private:
    Clock& clock_;
};

struct Mesh {
    Mesh()
        : app(*world.clock),
          behind(world.executor(), *world.clock, app, {.stream_bodies = true}),
          inner(world.executor(), *world.clock),
          proxy(inner, {.host = "127.0.0.1", .port = behind.listen("127.0.0.1", 0).value()}),
          front(world.executor(), *world.clock, proxy, {.stream_bodies = true}),
          outer(world.executor(), *world.clock) {
        origin = {.host = "127.0.0.1", .port = front.listen("127.0.0.1", 0).value()};
    }
    ~Mesh() {
        world.run(front.stop(0s));
        world.run(behind.stop(0s));
    }

    World world;
    App app;
    HttpServer behind;
    SocketClient inner;
    Proxy proxy;
    HttpServer front;
    SocketClient outer;
    Origin origin;
};

Task<> use(Mesh& mesh) {
    const auto small = co_await mesh.outer.send({.method = "POST",
                                                 .origin = mesh.origin,
                                                 .headers = {{"Host", "web.test"}},
                                                 .body = "abc"});
    REQUIRE(small);
    CHECK(small->body == "POST 3");
    CHECK(small->headers.get("X-Host") == "web.test");
    const auto upload = co_await mesh.outer.send(
        {.method = "PUT",
         .origin = mesh.origin,
         .stream = std::make_shared<Repeated>(std::string(100'000, 'x'), 50)});
    REQUIRE(upload);
    CHECK(upload->body == "PUT 5000000");
    const auto big = co_await mesh.outer.send({.origin = mesh.origin, .target = "/big"});
    REQUIRE(big);
    CHECK(big->body.size() == 7'000'000);
    const auto head = co_await mesh.outer.send({.method = "HEAD", .origin = mesh.origin});
    REQUIRE(head);
    CHECK(head->headers.get("Content-Length") == "6");
}

Task<> leave(Mesh& mesh) {
    {
        auto held = co_await mesh.outer.open({.origin = mesh.origin, .target = "/held"});
        REQUIRE(held);
        CHECK((co_await held->stream->next()).value() == "begin");
    }
    co_await mesh.world.clock->sleep_for(350ms);
}

// Says 101 and then everything twice.
Task<> serve_upgrade(std::shared_ptr<tcp::acceptor> acceptor) {
    auto [code, socket] = co_await acceptor->async_accept(quietly);
    if (code) co_return;
    std::string part(4096, ' ');
    const auto [read, size] = co_await socket.async_read_some(boost::asio::buffer(part), quietly);
    const bool is_asked = part.substr(0, size).find(
                              "Connection: Upgrade\r\nUpgrade: websocket\r\n") != std::string::npos;
    const std::string answer = is_asked
                                   ? "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                     "Upgrade: websocket\r\n\r\nhello "
                                   : "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    co_await boost::asio::async_write(socket, boost::asio::buffer(answer), quietly);
    while (true) {
        const auto [more, count] =
            co_await socket.async_read_some(boost::asio::buffer(part), quietly);
        if (more) co_return;
        const auto twice = part.substr(0, count) + part.substr(0, count);
        co_await boost::asio::async_write(socket, boost::asio::buffer(twice), quietly);
        if (twice == "byebye") co_return;
    }
}

Task<> talk(World& world, std::uint16_t port, std::string& all) {
    Raw raw(world.executor(), port);
    co_await raw.write(
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nabc");
    all = co_await raw.read_until("abcabc");
    co_await raw.write("bye");
    all += co_await raw.read_all();
}

}  // namespace

TEST_CASE("bodies of any size go through a proxy both ways") {
    Mesh mesh;
    mesh.world.run(use(mesh));
}

TEST_CASE("a caller that leaves a proxied stream ends it at its source") {
    Mesh mesh;
    mesh.world.run(leave(mesh));
    CHECK(mesh.app.is_gone);
}

TEST_CASE("an upgraded connection carries bytes both ways through a proxy until a side ends") {
    World world;
    const auto acceptor = std::make_shared<tcp::acceptor>(
        world.executor(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    world.group.spawn("upgrading", serve_upgrade(acceptor));
    SocketClient client(world.executor(), *world.clock);
    Proxy proxy(client, {.host = "127.0.0.1", .port = acceptor->local_endpoint().port()});
    HttpServer front(world.executor(), *world.clock, proxy);
    const auto port = front.listen("127.0.0.1", 0).value();
    std::string all;
    world.run(talk(world, port, all));
    CHECK(all ==
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
          "hello abcabcbyebye");
    world.run(front.stop(1s));
}

namespace {

Task<> talk_through(World& world, std::uint16_t port, std::string& head, std::string& all) {
    Raw raw(world.executor(), port);
    co_await raw.write("CONNECT web.test:80 HTTP/1.1\r\nHost: web.test:80\r\n\r\n");
    head = co_await raw.read_until("\r\n\r\n");
    co_await raw.write("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    all = co_await raw.read_all();
}

}  // namespace

TEST_CASE("CONNECT joins the caller to whatever the handler connects to") {
    Mesh mesh;
    std::string head;
    std::string all;
    mesh.world.run(talk_through(mesh.world, mesh.origin.port, head, all));
    CHECK(head == "HTTP/1.1 200 OK\r\n\r\n");
    CHECK(all.ends_with("\r\n\r\nGET 0"));
}
