#include "net/server.hpp"

#include "unit/net/sockets.hpp"

using namespace sluice;
using namespace sluice::net;
using namespace sluice::net::testing;

namespace {

bool has_ipv6(World& world) {
    boost::system::error_code code;
    tcp::acceptor acceptor(world.executor());
    acceptor.open(tcp::v6(), code);
    if (!code) acceptor.bind({boost::asio::ip::address_v6::loopback(), 0}, code);
    return !code;
}

// A body that gives its parts and then waits for ever, and tells when it goes.
class Endless final : public BodyReader {
   public:
    Endless(Clock& clock, std::vector<std::string> parts, bool& is_gone)
        : clock_(clock), parts_(std::move(parts)), is_gone_(is_gone) {}
    ~Endless() override { is_gone_ = true; }
    Task<Result<std::string>> next() override {
        if (at_ == parts_.size()) co_await clock_.sleep_for(1h);
        co_return parts_[at_++];
    }

   private:
    Clock& clock_;
    std::vector<std::string> parts_;
    std::size_t at_ = 0;
    bool& is_gone_;
};

class Parts final : public BodyReader {
   public:
    explicit Parts(std::vector<std::string> parts) : parts_(std::move(parts)) {}
    Task<Result<std::string>> next() override {
        if (at_ == parts_.size()) co_return std::string{};
        co_return parts_[at_++];
    }

   private:
    std::vector<std::string> parts_;
    std::size_t at_ = 0;
};

// Never runs out of big pieces.
class Flood final : public BodyReader {
   public:
    explicit Flood(bool& is_gone) : is_gone_(is_gone) {}
    ~Flood() override { is_gone_ = true; }
    Task<Result<std::string>> next() override { co_return std::string(100'000, 'x'); }

   private:
    bool& is_gone_;
};

class Site final : public Handler {
   public:
    explicit Site(Clock& clock) : clock_(clock) {}

    Task<Response> handle(Request request) override {
        ++asked;
        if (request.target == "/slow") co_await clock_.sleep_for(300ms);
        if (request.target == "/never") {
            const Leaving leaving{handler_gone};
            co_await clock_.sleep_for(1h);
        }
        Response response;
        if (request.target == "/parts")
            response.stream = std::make_unique<Parts>(std::vector<std::string>{"one", "two"});
        if (request.target == "/sized") {
            response.headers.add("Content-Length", "6");
            response.stream = std::make_unique<Parts>(std::vector<std::string>{"one", "two"});
        }
        if (request.target == "/short") {
            response.headers.add("Content-Length", "7");
            response.stream = std::make_unique<Parts>(std::vector<std::string>{"one", "two"});
        }
        if (request.target == "/endless")
            response.stream =
                std::make_unique<Endless>(clock_, std::vector<std::string>{"begin"}, body_gone);
        if (request.target == "/flood") response.stream = std::make_unique<Flood>(body_gone);
        if (request.target == "/count") {
            std::size_t size = 0;
            while (request.stream) {
                const auto part = co_await request.stream->next();
                if (!part) {
                    trouble = part.error().message;
                    break;
                }
                if (part->empty()) break;
                size += part->size();
            }
            response.body = std::to_string(size + request.body.size());
            co_return response;
        }
        if (!response.stream) response.body = request.method + " " + request.target;
        co_return response;
    }

    struct Leaving {
        bool& gone;
        ~Leaving() { gone = true; }
    };
    int asked = 0;
    bool handler_gone = false;
    bool body_gone = false;
    std::string trouble;

   private:
    Clock& clock_;
};

Task<> stop_within(HttpServer& server, Duration grace) {
    co_await server.stop(grace);
}

struct Served {
    explicit Served(ServerOptions options = {})
        : server(world.executor(), *world.clock, site, options) {
        port = server.listen("127.0.0.1", 0).value();
    }
    ~Served() { world.run(stop_within(server, 0s)); }

    World world;
    Site site{*world.clock};
    HttpServer server;
    std::uint16_t port = 0;
};

Task<> exchange(Served& served, std::string said, std::string& heard) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write(said);
    heard = co_await raw.read_all();
}

// What comes back for these bytes until the server closes.
std::string heard(Served& served, std::string said) {
    std::string all;
    served.world.run(exchange(served, std::move(said), all));
    return all;
}

Task<> sleep(Clock& clock, Duration duration) {
    co_await clock.sleep_for(duration);
}

constexpr const char* get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* last = "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("requests that come in one piece are answered in their order on one connection") {
    Served served;
    CHECK(heard(served, std::string(get) + get + last) ==
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nGET /a"
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nGET /a"
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET /b");
}

TEST_CASE("HEAD is answered without a body and with its length") {
    Served served;
    CHECK(heard(served, "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n");
}

TEST_CASE("an HTTP/1.0 caller gets a plain answer and the end of the connection") {
    Served served;
    CHECK(heard(served, "GET /a HTTP/1.0\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET /a");
    CHECK(heard(served, "GET /parts HTTP/1.0\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo");
    CHECK(
        heard(served, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nGET /a"
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET /b");
}

TEST_CASE("a streamed answer goes in chunks, or as it is when its length is known") {
    Served served;
    CHECK(heard(served, "GET /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
          "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    CHECK(heard(served, "GET /sized HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nonetwo");
    // Shorter than it said: the connection ends, so the caller sees it.
    CHECK(heard(served, "GET /short HTTP/1.1\r\nHost: x\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nonetwo");
}

TEST_CASE("what cannot be served is refused with the reason, and the connection ends") {
    ServerOptions options;
    options.body_limit = 100;
    Served served(options);
    CHECK(heard(served, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(heard(served, "GET / HTTP/1.1\r\n\r\n").ends_with("a request has one Host\n"));
    CHECK(heard(served, "GET / HTTP/3.0\r\n\r\n").starts_with("HTTP/1.1 505 "));
    CHECK(heard(served, "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n")
              .starts_with("HTTP/1.1 431 "));
    std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (int i = 0; i < 200; ++i) many += "A: b\r\n";
    CHECK(heard(served, many + "\r\n").starts_with("HTTP/1.1 431 "));
    CHECK(heard(served, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n")
              .starts_with("HTTP/1.1 413 "));
    CHECK(heard(served,
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                    std::string(101, 'a'))
              .starts_with("HTTP/1.1 413 "));
    CHECK(served.site.asked == 0);
}

TEST_CASE("a slow sender is told so after the time for a request, an idle one is just closed") {
    ServerOptions options;
    options.head_timeout = 100ms;
    options.idle_timeout = 100ms;
    Served served(options);
    CHECK(heard(served, "GET / HT").starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(heard(served, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
              .starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(heard(served, "") == "");
    CHECK(heard(served, get) == "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nGET /a");
}

namespace {

Task<> say_slowly(Served& served, std::string& all) {
    Raw raw(served.world.executor(), served.port);
    for (const char c : std::string_view(last)) co_await raw.write(std::string(1, c));
    all = co_await raw.read_all();
}

Task<> expect_continue(Served& served, std::string& all) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write(
        "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
        "Connection: close\r\n\r\n");
    CHECK(co_await raw.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    co_await raw.write("abc");
    all = co_await raw.read_all();
}

}  // namespace

TEST_CASE("a request may come byte by byte") {
    Served served;
    std::string all;
    served.world.run(say_slowly(served, all));
    CHECK(all.ends_with("GET /b"));
}

TEST_CASE("a caller that waits for 100 Continue gets it before its body is read") {
    Served served;
    std::string all;
    served.world.run(expect_continue(served, all));
    CHECK(all.ends_with("POST /a"));
}

namespace {

Task<> ask(Served& served, std::string target, std::vector<std::string>& order) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    co_await raw.read_all();
    order.push_back(target);
}

Task<> ask_both(Served& served, std::vector<std::string>& order) {
    served.world.group.spawn("slow", ask(served, "/slow", order));
    co_await served.world.clock->sleep_for(30ms);
    co_await ask(served, "/quick", order);
    co_await served.world.clock->sleep_for(500ms);
}

Task<> ask_and_go(Served& served, std::string target, std::string until) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    if (!until.empty()) co_await raw.read_until(until);
    raw.close();
    co_await served.world.clock->sleep_for(250ms);
}

Task<> ask_and_read_nothing(Served& served, bool& was_closed) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write("GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 40 && !served.site.body_gone; ++i)
        co_await served.world.clock->sleep_for(50ms);
    was_closed = served.site.body_gone;
}

}  // namespace

TEST_CASE("a slow handler holds up nobody else") {
    Served served;
    std::vector<std::string> order;
    served.world.run(ask_both(served, order));
    CHECK(order == std::vector<std::string>{"/quick", "/slow"});
}

TEST_CASE("a caller that goes away ends the handler and the stream that worked for it") {
    Served served;
    served.world.run(ask_and_go(served, "/never", ""));
    CHECK(served.site.handler_gone);
    served.world.run(ask_and_go(served, "/endless", "begin"));
    CHECK(served.site.body_gone);
}

TEST_CASE("a caller that never reads is cut off after the time to stall") {
    ServerOptions options;
    options.stall_timeout = 100ms;
    Served served(options);
    bool was_closed = false;
    served.world.run(ask_and_read_nothing(served, was_closed));
    CHECK(was_closed);
}

namespace {

Task<> upload(Served& served, std::string& all) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write("POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) {
        co_await raw.write("3e8\r\n" + std::string(1000, 'x') + "\r\n");
        co_await served.world.clock->sleep_for(1ms);
    }
    co_await raw.write("0\r\n\r\n" + std::string(last));
    all = co_await raw.read_all();
}

Task<> upload_and_stall(Served& served, std::string& all) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write(
        "POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99\r\n\r\nabc");
    all = co_await raw.read_all();
}

// The server must not take more than a socket's worth while the handler reads nothing.
Task<> upload_to_nobody(Served& served, std::size_t& sent) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    const std::string piece(100'000, 'x');
    raw.socket().non_blocking(true);
    boost::system::error_code code;
    while (!code) {
        sent += raw.socket().write_some(boost::asio::buffer(piece), code);
        if (sent > 90'000'000) break;
        co_await served.world.clock->sleep_for(1ms);
    }
    const auto answer = co_await raw.read_until("\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
}

}  // namespace

TEST_CASE("a streamed request body is handed on as it comes, and the connection is kept") {
    ServerOptions options;
    options.stream_bodies = true;
    options.body_limit = 10;
    options.stall_timeout = 150ms;
    Served served(options);
    std::string all;
    served.world.run(upload(served, all));
    CHECK(all ==
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n20000"
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET /b");
    served.world.run(upload_and_stall(served, all));
    CHECK(served.site.trouble == "the caller stopped sending its request");
}

TEST_CASE("a streamed request body that nobody reads is not read from the connection") {
    ServerOptions options;
    options.stream_bodies = true;
    Served served(options);
    std::size_t sent = 0;
    served.world.run(upload_to_nobody(served, sent));
    CHECK(sent < 20'000'000);
}

namespace {

Task<> stop_while_busy(Served& served, std::string& slow, std::string& idle, bool& is_refused) {
    Raw busy(served.world.executor(), served.port);
    Raw waiting(served.world.executor(), served.port);
    co_await busy.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    co_await served.world.clock->sleep_for(50ms);
    served.world.group.spawn("stop", stop_within(served.server, 5s));
    co_await served.world.clock->sleep_for(20ms);
    idle = co_await waiting.read_all();
    try {
        const Raw late(served.world.executor(), served.port);
    } catch (const boost::system::system_error&) {
        is_refused = true;
    }
    slow = co_await busy.read_all();
}

Task<> stop_an_endless_one(Served& served, std::string& all) {
    Raw raw(served.world.executor(), served.port);
    co_await raw.write("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    co_await raw.read_until("begin");
    co_await served.server.stop(100ms);
    all = co_await raw.read_all();
}

}  // namespace

TEST_CASE("a stop lets those at work finish, closes the idle ones and takes no new ones") {
    Served served;
    std::string slow;
    std::string idle = "?";
    bool is_refused = false;
    served.world.run(stop_while_busy(served, slow, idle, is_refused));
    CHECK(slow == "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nGET /slow");
    CHECK(idle == "");
    CHECK(is_refused);
}

TEST_CASE("a stop ends what does not end by itself when its grace is over") {
    Served served;
    std::string all;
    served.world.run(stop_an_endless_one(served, all));
    CHECK(all == "\r\n");
    CHECK(served.site.body_gone);
}

TEST_CASE("an address that cannot be listened on is named with the reason") {
    Served served;
    const auto again = served.server.listen("127.0.0.1", served.port);
    REQUIRE_FALSE(again);
    CHECK(again.error().kind == ErrorKind::already_exists);
    CHECK(again.error().message ==
          "listening on 127.0.0.1:" + std::to_string(served.port) + ": address already in use");
    CHECK(served.server.listen("nowhere", 1).error().message ==
          "listening on nowhere:1: not an address");
    CHECK(served.server.listen("192.0.2.1", 1234).error().message ==
          "listening on 192.0.2.1:1234: not an address of this machine");
    CHECK(served.server.listen("127.0.0.2", served.port).value() == served.port);
}

TEST_CASE("a connection over the limit is turned away and says why") {
    ServerOptions options;
    options.connections_max = 1;
    Served served(options);
    Raw first(served.world.executor(), served.port);
    served.world.run(sleep(*served.world.clock, 20ms));
    CHECK(heard(served, "").ends_with("too many connections\n"));
}

namespace {

Task<> ask_and_hold(Clock& clock, HttpClient& client, std::uint16_t port, std::string target) {
    const auto answer = co_await client.open(
        {.origin = {.host = "127.0.0.1", .port = port}, .target = std::move(target)});
    co_await clock.sleep_for(1h);
}

}  // namespace

TEST_CASE("server, client and context may go with work in hand") {
    const auto clock = make_real_clock();
    Site site(*clock);
    boost::asio::io_context context{1};
    TaskGroup group(context.get_executor());
    {
        HttpServer server(context.get_executor(), *clock, site);
        SocketClient client(context.get_executor(), *clock);
        const auto port = server.listen("127.0.0.1", 0).value();
        for (const std::string target : {"/never", "/endless", "/flood", "/a"})
            group.spawn("ask", ask_and_hold(*clock, client, port, target));
        context.run_for(200ms);
        CHECK(site.asked == 4);
    }
}

TEST_CASE("a server of all addresses is reached by IPv4, and by IPv6 where there is any") {
    World world;
    Site site(*world.clock);
    HttpServer server(world.executor(), *world.clock, site);
    const auto port = server.listen_everywhere(0);
    REQUIRE(port);
    boost::system::error_code code;
    tcp::socket four(world.executor());
    four.connect({boost::asio::ip::address_v4::loopback(), *port}, code);
    CHECK_FALSE(code);
    if (has_ipv6(world)) {
        tcp::socket six(world.executor());
        six.connect({boost::asio::ip::address_v6::loopback(), *port}, code);
        CHECK_FALSE(code);
    }
    // Whose port it is, it stays.
    const auto taken = server.listen_everywhere(*port);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().kind == ErrorKind::already_exists);
}
