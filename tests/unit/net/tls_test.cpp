#include "net/client.hpp"
#include "unit/net/certificates.hpp"
#include "unit/net/sockets.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

using namespace sluice;
using namespace sluice::net;
using namespace sluice::net::testing;

namespace {

namespace ssl = boost::asio::ssl;

// Answers each request with the name that the caller asked for and the name in its certificate.
class TlsServer {
   public:
    TlsServer(World& world, const Identity& identity, std::string client_ca = {})
        : world_(world), acceptor_(world.executor(), {boost::asio::ip::address_v4::loopback(), 0}) {
        context_.use_certificate_chain(boost::asio::buffer(identity.certificate));
        context_.use_private_key(boost::asio::buffer(identity.key), ssl::context::pem);
        if (!client_ca.empty()) {
            context_.add_certificate_authority(boost::asio::buffer(client_ca));
            context_.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
        }
        group_.spawn("tls server", accept());
    }
    ~TlsServer() {
        group_.cancel();
        world_.settle();
    }

    Origin origin(std::string host) const {
        return {.tls = true, .host = std::move(host), .port = port()};
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    int connections = 0;

   private:
    using Stream = ssl::stream<tcp::socket>;

    Task<> accept() {
        while (true) {
            auto [code, socket] = co_await acceptor_.async_accept(quietly);
            if (code) co_return;
            ++connections;
            group_.spawn("tls connection",
                         serve(std::make_shared<Stream>(std::move(socket), context_)));
        }
    }
    static Task<> serve(std::shared_ptr<Stream> stream) {
        const auto [code] = co_await stream->async_handshake(Stream::server, quietly);
        if (code) co_return;
        std::string kept;
        char part[4096];
        while (true) {
            const auto [read, count] =
                co_await stream->async_read_some(boost::asio::buffer(part), quietly);
            if (read) co_return;
            kept.append(part, count);
            if (kept.find("\r\n\r\n") == std::string::npos) continue;
            kept.clear();
            const char* name =
                SSL_get_servername(stream->native_handle(), TLSEXT_NAMETYPE_host_name);
            const std::string body = name != nullptr ? name : "none";
            const auto answer =
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body;
            co_await boost::asio::async_write(*stream, boost::asio::buffer(answer), quietly);
        }
    }

    World& world_;
    ssl::context context_{ssl::context::tls_server};
    tcp::acceptor acceptor_;
    TaskGroup group_{world_.executor()};
};

Task<> keep_answer(HttpClient& client, Request request, std::optional<Result<Response>>& slot) {
    slot = co_await client.send(std::move(request));
}

struct Asking {
    Result<Response> get(Origin origin, TlsOptions options, std::optional<Origin> proxy = {}) {
        std::optional<Result<Response>> answer;
        Request request{.origin = std::move(origin), .proxy = std::move(proxy)};
        request.tls = std::make_shared<const TlsOptions>(std::move(options));
        world.run(keep_answer(client, std::move(request), answer));
        return std::move(*answer);
    }

    World world;
    SocketClient client{world.executor(), *world.clock};
    Authority authority{"sluice test CA"};
};

// CONNECT, and then bytes both ways.
Task<> pump(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
    char part[4096];
    while (true) {
        const auto [code, count] =
            co_await from->async_read_some(boost::asio::buffer(part), quietly);
        if (code) co_return;
        co_await boost::asio::async_write(*to, boost::asio::buffer(part, count), quietly);
    }
}

Task<> connect_proxy(std::shared_ptr<tcp::acceptor> acceptor,
                     TaskGroup& group,
                     std::uint16_t to,
                     std::string& head) {
    auto [code, accepted] = co_await acceptor->async_accept(quietly);
    if (code) co_return;
    const auto near = std::make_shared<tcp::socket>(std::move(accepted));
    char part[4096];
    const auto [read, count] = co_await near->async_read_some(boost::asio::buffer(part), quietly);
    head.assign(part, count);
    const auto far = std::make_shared<tcp::socket>(acceptor->get_executor());
    far->connect({boost::asio::ip::address_v4::loopback(), to});
    const std::string answer = "HTTP/1.1 200 Connected\r\n\r\n";
    co_await boost::asio::async_write(*near, boost::asio::buffer(answer), quietly);
    group.spawn("to", pump(near, far));
    group.spawn("from", pump(far, near));
}

}  // namespace

TEST_CASE("a server whose certificate is for its name and from the CA given is trusted") {
    Asking asking;
    TlsServer server(asking.world, asking.authority.issue("localhost"));
    const auto answer = asking.get(server.origin("localhost"), {.ca = asking.authority.pem()});
    REQUIRE_MESSAGE(answer, answer.error().message);
    CHECK(answer->body == "localhost");
    // The connection is kept, for whoever says the same about trust.
    CHECK(asking.get(server.origin("localhost"), {.ca = asking.authority.pem()}));
    CHECK(server.connections == 1);
}

TEST_CASE("a certificate for an address is checked against the address") {
    Asking asking;
    TlsServer server(asking.world, asking.authority.issue("127.0.0.1"));
    const auto answer = asking.get(server.origin("127.0.0.1"), {.ca = asking.authority.pem()});
    REQUIRE_MESSAGE(answer, answer.error().message);
    CHECK(answer->body == "none");
}

TEST_CASE("a certificate for another name is refused, unless that name is asked for") {
    Asking asking;
    TlsServer server(asking.world, asking.authority.issue("other.test"));
    const auto refused = asking.get(server.origin("localhost"), {.ca = asking.authority.pem()});
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Error{ErrorKind::unreachable,
                                   "connecting to localhost:" + std::to_string(server.port()) +
                                       ": certificate not accepted: hostname mismatch"});
    const auto named = asking.get(server.origin("localhost"),
                                  {.ca = asking.authority.pem(), .server_name = "other.test"});
    REQUIRE_MESSAGE(named, named.error().message);
    CHECK(named->body == "other.test");
}

TEST_CASE(
    "a certificate from an authority that is not trusted is refused, unless nothing is checked") {
    Asking asking;
    TlsServer server(asking.world, asking.authority.issue("localhost"));
    const Authority stranger("stranger");
    for (const auto& ca : {std::string{}, stranger.pem()}) {
        const auto refused = asking.get(server.origin("localhost"), {.ca = ca});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::unreachable);
        CHECK(refused.error().message ==
              "connecting to localhost:" + std::to_string(server.port()) +
                  ": certificate not accepted: unable to get local issuer certificate");
    }
    CHECK(asking.get(server.origin("localhost"), {.verify = false}));
}

TEST_CASE("a client certificate is shown to a server that wants one") {
    Asking asking;
    TlsServer server(asking.world, asking.authority.issue("localhost"), asking.authority.pem());
    const auto me = asking.authority.issue("admin");
    const auto known = asking.get(
        server.origin("localhost"),
        {.ca = asking.authority.pem(), .client_certificate = me.certificate, .client_key = me.key});
    REQUIRE_MESSAGE(known, known.error().message);
    CHECK_FALSE(asking.get(server.origin("localhost"), {.ca = asking.authority.pem()}));
}

TEST_CASE("PEM texts that are none are named") {
    Asking asking;
    TlsServer server(asking.world, asking.authority.issue("localhost"));
    const auto refused = asking.get(server.origin("localhost"), {.ca = "nonsense"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Error{ErrorKind::invalid,
                                   "connecting to localhost:" + std::to_string(server.port()) +
                                       ": TLS: the CA is no PEM certificate"});
}

TEST_CASE("a server that speaks no TLS is told apart") {
    Asking asking;
    World& world = asking.world;
    const auto acceptor = std::make_shared<tcp::acceptor>(
        world.executor(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    std::string head;
    // Answers anything in plain text.
    world.group.spawn(
        "plain", connect_proxy(acceptor, world.group, acceptor->local_endpoint().port(), head));
    const Origin origin{
        .tls = true, .host = "127.0.0.1", .port = acceptor->local_endpoint().port()};
    const auto refused = asking.get(origin, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "connecting to 127.0.0.1:" + std::to_string(origin.port) +
                                         ": no TLS: wrong version number");
}

TEST_CASE("TLS goes through a proxy by CONNECT and still checks the server") {
    Asking asking;
    World& world = asking.world;
    TlsServer server(world, asking.authority.issue("podinfo.test"));
    const auto acceptor = std::make_shared<tcp::acceptor>(
        world.executor(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const Origin proxy{.host = "127.0.0.1", .port = acceptor->local_endpoint().port()};
    std::string head;
    world.group.spawn("proxy", connect_proxy(acceptor, world.group, server.port(), head));
    const auto answer = asking.get(
        {.tls = true, .host = "podinfo.test", .port = 443}, {.ca = asking.authority.pem()}, proxy);
    REQUIRE_MESSAGE(answer, answer.error().message);
    CHECK(answer->body == "podinfo.test");
    CHECK(head == "CONNECT podinfo.test:443 HTTP/1.1\r\nHost: podinfo.test:443\r\n\r\n");
}
