#include "net/client.hpp"

#include "unit/net/sockets.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace sluice;
using namespace sluice::net;
using namespace sluice::net::testing;

namespace {

// A server that says the given bytes to each connection, one text for each request head it gets,
// and then closes or keeps silent.
class Script {
   public:
    enum class Then { close, wait };
    Script(World& world, std::vector<std::string> answers, Then then = Then::close)
        : acceptor_(world.executor(), {boost::asio::ip::address_v4::loopback(), 0}),
          answers_(std::move(answers)),
          then_(then),
          world_(world) {
        group_.spawn("script", accept());
    }
    ~Script() {
        group_.cancel();
        world_.settle();
    }

    Origin origin() const {
        return {.host = "127.0.0.1", .port = acceptor_.local_endpoint().port()};
    }

    std::vector<std::string> heads;
    int connections = 0;

   private:
    Task<> accept() {
        while (true) {
            auto [code, socket] = co_await acceptor_.async_accept(quietly);
            if (code) co_return;
            ++connections;
            group_.spawn("script connection",
                         serve(std::make_shared<tcp::socket>(std::move(socket))));
        }
    }
    Task<> serve(std::shared_ptr<tcp::socket> socket) {
        std::string kept;
        for (const auto& answer : answers_) {
            char part[4096];
            while (kept.find("\r\n\r\n") == std::string::npos) {
                const auto [code, count] =
                    co_await socket->async_read_some(boost::asio::buffer(part), quietly);
                if (code) co_return;
                kept.append(part, count);
            }
            heads.push_back(kept.substr(0, kept.find("\r\n\r\n")));
            kept.erase(0, kept.find("\r\n\r\n") + 4);
            co_await boost::asio::async_write(*socket, boost::asio::buffer(answer), quietly);
        }
        if (then_ == Then::wait) co_await world_.clock->sleep_for(1h);
    }

    tcp::acceptor acceptor_;
    std::vector<std::string> answers_;
    Then then_;
    World& world_;
    TaskGroup group_{world_.executor()};
};

Task<> keep_answer(HttpClient& client, Request request, std::optional<Result<Response>>& slot) {
    slot = co_await client.send(std::move(request));
}

Task<> sleep(Clock& clock, Duration duration) {
    co_await clock.sleep_for(duration);
}

struct Asking {
    explicit Asking(ClientOptions options = {}) : client(world.executor(), *world.clock, options) {}

    Result<Response> send(Request request) {
        std::optional<Result<Response>> answer;
        world.run(keep_answer(client, std::move(request), answer));
        return std::move(*answer);
    }

    World world;
    SocketClient client;
};

constexpr const char* ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("the client says who is asked and sends what it is given") {
    Asking asking;
    Script script(asking.world, {ok}, Script::Then::wait);
    const auto answer =
        asking.send({.method = "POST",
                     .origin = script.origin(),
                     .target = "/a?b",
                     .headers = {{"Accept", "text/plain"}, {"Content-Length", "99"}},
                     .body = "hello"});
    REQUIRE(answer);
    CHECK(answer->body == "ok");
    CHECK(script.heads.at(0) ==
          "POST /a?b HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(script.origin().port) +
              "\r\nAccept: text/plain\r\nContent-Length: 5");
    CHECK(asking.send({.origin = script.origin(), .target = "/a b"}).error().message ==
          "request target \"/a b\" has a blank in it");
}

TEST_CASE("a connection is kept for the next request to the same origin") {
    Asking asking;
    Script script(asking.world, {ok, ok, ok}, Script::Then::wait);
    for (int i = 0; i < 3; ++i)
        CHECK(asking.send({.origin = script.origin()}).value().body == "ok");
    CHECK(script.connections == 1);
}

TEST_CASE("a connection notices within a minute that the other machine has vanished") {
    Asking asking;
    Script script(asking.world, {ok}, Script::Then::wait);
    CHECK(asking.send({.origin = script.origin()}));
    const auto option = [](int socket, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        return ::getsockopt(socket, IPPROTO_TCP, name, &value, &size) == 0 ? value : -1;
    };
    int found = 0;
    for (int socket = 0; socket < 1024; ++socket) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
        if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != script.origin().port) continue;
        ++found;
        CHECK(option(socket, TCP_KEEPIDLE) + option(socket, TCP_KEEPINTVL) * 3 == 60);
        CHECK(option(socket, TCP_KEEPCNT) == 3);
        CHECK(option(socket, TCP_USER_TIMEOUT) == 60'000);
    }
    CHECK(found == 1);
}

TEST_CASE("a kept connection that was closed meanwhile costs no request") {
    Asking asking;
    Script script(asking.world, {ok});
    CHECK(asking.send({.origin = script.origin()}));
    asking.world.run(sleep(*asking.world.clock, 20ms));
    CHECK(asking.send({.method = "POST", .origin = script.origin(), .body = "x"}));
    CHECK(script.connections == 2);
}

namespace {

// Closes each connection when the second request comes on it, before a byte of its answer.
Task<> answer_once(std::shared_ptr<tcp::acceptor> acceptor, int& connections) {
    while (true) {
        auto [code, socket] = co_await acceptor->async_accept(quietly);
        if (code) co_return;
        ++connections;
        std::string text(4096, ' ');
        co_await socket.async_read_some(boost::asio::buffer(text), quietly);
        co_await boost::asio::async_write(
            socket, boost::asio::buffer(ok, std::strlen(ok)), quietly);
        co_await socket.async_read_some(boost::asio::buffer(text), quietly);
    }
}

}  // namespace

TEST_CASE("what may be repeated is asked once more when a kept connection breaks under it") {
    Asking asking;
    const auto acceptor = std::make_shared<tcp::acceptor>(
        asking.world.executor(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    int connections = 0;
    asking.world.group.spawn("server", answer_once(acceptor, connections));
    const Origin origin{.host = "127.0.0.1", .port = acceptor->local_endpoint().port()};
    CHECK(asking.send({.origin = origin}));
    CHECK(asking.send({.origin = origin}));
    CHECK(connections == 2);
    // A POST may not be.
    const auto refused = asking.send({.method = "POST", .origin = origin, .body = "x"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::unreachable);
    CHECK(refused.error().message == "asking 127.0.0.1:" + std::to_string(origin.port) +
                                         ": connection closed before the answer");
}

TEST_CASE("an answer may end by its length, by its last chunk or with the connection") {
    Asking asking;
    for (const std::string text :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
          "HTTP/1.0 200 OK\r\n\r\nhello",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}) {
        Script script(asking.world, {text});
        const auto answer = asking.send({.origin = script.origin()});
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->body == "hello");
    }
    Script script(asking.world, {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"});
    const auto head = asking.send({.method = "HEAD", .origin = script.origin()});
    REQUIRE(head);
    CHECK(head->headers.get("content-length") == "5");
    CHECK(head->body == "");
}

TEST_CASE("an answer that breaks off or is not HTTP is told apart") {
    Asking asking;
    Script cut(asking.world, {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"});
    const auto broken = asking.send({.origin = cut.origin()});
    REQUIRE_FALSE(broken);
    CHECK(broken.error().kind == ErrorKind::unreachable);
    CHECK(broken.error().message == "asking 127.0.0.1:" + std::to_string(cut.origin().port) +
                                        ": connection closed in the middle of the answer");
    Script odd(asking.world, {"220 mail ready\r\n\r\n"});
    const auto nonsense = asking.send({.origin = odd.origin()});
    REQUIRE_FALSE(nonsense);
    CHECK(nonsense.error().kind == ErrorKind::bad_answer);
    CHECK(nonsense.error().message ==
          "asking 127.0.0.1:" + std::to_string(odd.origin().port) + ": the answer is not HTTP");
}

TEST_CASE("a port where nobody listens is unreachable, in one line") {
    Asking asking;
    std::uint16_t port = 0;
    {
        const tcp::acceptor free(asking.world.executor(),
                                 {boost::asio::ip::address_v4::loopback(), 0});
        port = free.local_endpoint().port();
    }
    for (const std::string host : {"127.0.0.1", "localhost"}) {
        const auto refused = asking.send({.origin = {.host = host, .port = port}});
        REQUIRE_FALSE(refused);
        CHECK(refused.error() ==
              Error{ErrorKind::unreachable,
                    "connecting to " + host + ":" + std::to_string(port) + ": connection refused"});
    }
}

TEST_CASE("a name that nobody knows is unreachable") {
    Asking asking;
    const auto unknown = asking.send({.origin = {.host = "no-such-host.invalid"}});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().kind == ErrorKind::unreachable);
    CHECK(unknown.error().message == "looking up no-such-host.invalid: no such host");
}

TEST_CASE("a server that hangs is left after the time-out, before or within its answer") {
    Asking asking;
    for (const std::string text : {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}) {
        Script script(asking.world, {text}, Script::Then::wait);
        const auto late = asking.send({.origin = script.origin(), .timeout = 100ms});
        REQUIRE_FALSE(late);
        CHECK(late.error() == Error{ErrorKind::timed_out, "timed out after 100ms"});
    }
}

namespace {

class Flood final : public BodyReader {
   public:
    Task<Result<std::string>> next() override { co_return std::string(50'000, 'x'); }
};

class Twice final : public BodyReader {
   public:
    Task<Result<std::string>> next() override {
        co_return left_-- > 0 ? std::string("part ") : std::string{};
    }

   private:
    int left_ = 2;
};

class Site final : public Handler {
   public:
    explicit Site(Clock& clock) : clock_(clock) {}
    Task<Response> handle(Request request) override {
        Response response;
        if (request.target == "/flood") {
            response.stream = std::make_unique<Flood>();
        } else if (request.target == "/slow") {
            const Leaving leaving{is_gone};
            co_await clock_.sleep_for(1h);
        } else if (request.target == "/parts") {
            response.stream = std::make_unique<Twice>();
        } else {
            response.body = request.headers.get("Transfer-Encoding") ? "chunked:" : "plain:";
            response.body += request.body;
        }
        co_return response;
    }
    struct Leaving {
        bool& gone;
        ~Leaving() { gone = true; }
    };
    bool is_gone = false;

   private:
    Clock& clock_;
};

struct Joined : Asking {
    Joined() : site(*world.clock), server(world.executor(), *world.clock, site) {
        origin = {.host = "127.0.0.1", .port = server.listen("127.0.0.1", 0).value()};
    }
    ~Joined() { world.run(server.stop(0s)); }
    Site site;
    HttpServer server;
    Origin origin;
};

Task<> read_parts(Joined& joined, std::string& all) {
    auto answer = co_await joined.client.open({.origin = joined.origin, .target = "/parts"});
    REQUIRE(answer);
    REQUIRE(answer->stream);
    all = (co_await read_whole(std::move(*answer), 100)).value();
}

Task<> read_a_little(Joined& joined, std::string& part) {
    auto answer = co_await joined.client.open({.origin = joined.origin, .target = "/flood"});
    REQUIRE(answer);
    part = (co_await answer->stream->next()).value();
}

Task<> open_short(Joined& joined) {
    for (int i = 0; i < 2; ++i) {
        const auto answer = co_await joined.client.open(
            {.origin = joined.origin, .body = "short", .short_body_in_place = true});
        REQUIRE(answer);
        CHECK_FALSE(answer->stream);
        CHECK(answer->body == "plain:short");
    }
    const auto answer = co_await joined.client.open({.origin = joined.origin});
    REQUIRE(answer);
    CHECK(answer->stream);
}

Task<> cancel_in_the_middle(Joined& joined) {
    std::optional<Result<Response>> slot;
    TaskGroup group(joined.world.executor());
    group.spawn("send",
                keep_answer(joined.client, {.origin = joined.origin, .target = "/slow"}, slot));
    co_await joined.world.clock->sleep_for(30ms);
    group.cancel();
    co_await group.wait();
    co_await joined.world.clock->sleep_for(250ms);
}

}  // namespace

TEST_CASE("an endless body is refused at the limit, and read only as far as somebody wants it") {
    Joined joined;
    const auto refused =
        joined.send({.origin = joined.origin, .target = "/flood", .body_limit = 100'000});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::too_large);
    CHECK(refused.error().message == "asking 127.0.0.1:" + std::to_string(joined.origin.port) +
                                         ": the answer is longer than 100000 bytes");
    std::string part;
    joined.world.run(read_a_little(joined, part));
    CHECK_FALSE(part.empty());
}

TEST_CASE("a stated length over the limit is refused at once") {
    Asking asking;
    Script script(
        asking.world, {"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"}, Script::Then::wait);
    CHECK(asking.send({.origin = script.origin(), .body_limit = 10}).error().kind ==
          ErrorKind::too_large);
}

TEST_CASE("a streamed answer is read part by part") {
    Joined joined;
    std::string all;
    joined.world.run(read_parts(joined, all));
    CHECK(all == "part part ");
    joined.world.run(open_short(joined));
}

TEST_CASE("a streamed request body goes in chunks, or with the length that is known") {
    Joined joined;
    const auto chunked = joined.send(
        {.method = "POST", .origin = joined.origin, .stream = std::make_shared<Twice>()});
    CHECK(chunked.value().body == "chunked:part part ");
    const auto sized = joined.send({.method = "POST",
                                    .origin = joined.origin,
                                    .headers = {{"Content-Length", "10"}},
                                    .stream = std::make_shared<Twice>()});
    CHECK(sized.value().body == "plain:part part ");
    const auto wrong = joined.send({.method = "POST",
                                    .origin = joined.origin,
                                    .headers = {{"Content-Length", "11"}},
                                    .stream = std::make_shared<Twice>()});
    CHECK(wrong.error().message == "body is shorter than its Content-Length");
}

TEST_CASE("who stops waiting for an answer closes the connection, and the server notices") {
    Joined joined;
    joined.world.run(cancel_in_the_middle(joined));
    CHECK(joined.site.is_gone);
}

TEST_CASE("an idle connection is closed after its time") {
    ClientOptions options;
    options.idle_timeout = 50ms;
    Asking asking(options);
    Script script(asking.world, {ok, ok}, Script::Then::wait);
    CHECK(asking.send({.origin = script.origin()}));
    asking.world.run(sleep(*asking.world.clock, 120ms));
    CHECK(asking.send({.origin = script.origin()}));
    CHECK(script.connections == 2);
}

TEST_CASE("a proxy is asked in absolute form for plain HTTP") {
    Asking asking;
    Script proxy(asking.world, {ok}, Script::Then::wait);
    const auto answer = asking.send({.origin = {.host = "podinfo.test", .port = 9898},
                                     .target = "/version",
                                     .proxy = proxy.origin()});
    REQUIRE(answer);
    CHECK(proxy.heads.at(0) ==
          "GET http://podinfo.test:9898/version HTTP/1.1\r\nHost: podinfo.test:9898");
}

TEST_CASE("who we are to a proxy is told the proxy, and not the server behind a tunnel") {
    Asking asking;
    net::Headers headers;
    headers.set("Proxy-Authorization", "Basic bWU6cHc=");
    Script proxy(asking.world, {ok, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"});
    REQUIRE(asking.send({.origin = {.host = "podinfo.test", .port = 80},
                         .headers = headers,
                         .proxy = proxy.origin()}));
    CHECK(proxy.heads.at(0) ==
          "GET http://podinfo.test/ HTTP/1.1\r\nHost: podinfo.test\r\n"
          "Proxy-Authorization: Basic bWU6cHc=");
    const auto refused = asking.send({.origin = {.tls = true, .host = "podinfo.test", .port = 443},
                                      .headers = headers,
                                      .proxy = proxy.origin()});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("bWU6cHc=") == std::string::npos);
    CHECK(proxy.heads.at(1) ==
          "CONNECT podinfo.test:443 HTTP/1.1\r\nHost: podinfo.test:443\r\n"
          "Proxy-Authorization: Basic bWU6cHc=");
}

TEST_CASE("a proxy that refuses a tunnel is named") {
    Asking asking;
    Script proxy(asking.world, {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"});
    const auto refused = asking.send(
        {.origin = {.tls = true, .host = "podinfo.test", .port = 443}, .proxy = proxy.origin()});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "connecting to podinfo.test:443 through proxy 127.0.0.1:" +
                                         std::to_string(proxy.origin().port) + ": 403 Forbidden");
    CHECK(proxy.heads.at(0) == "CONNECT podinfo.test:443 HTTP/1.1\r\nHost: podinfo.test:443");
}
