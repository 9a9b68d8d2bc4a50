#include "net/http.hpp"

#include "base/async/random.hpp"
#include "net/message_parser.hpp"
#include "net/message_writer.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::net;

namespace {

// Fed in pieces of that many bytes, as a network may cut them.
std::unique_ptr<MessageParser> fed(MessageParser::Kind kind,
                                   std::string_view bytes,
                                   std::size_t piece) {
    auto parser = std::make_unique<MessageParser>(kind);
    parser->begin({});
    std::string kept;
    while (!bytes.empty() && parser->trouble() == ParseTrouble::none) {
        kept += bytes.substr(0, piece);
        bytes.remove_prefix(std::min(piece, bytes.size()));
        while (!kept.empty()) {
            const auto taken = parser->put(kept);
            kept.erase(0, taken);
            if (taken == 0) break;
        }
    }
    return parser;
}

ParseTrouble trouble_of(std::string_view bytes) {
    return fed(MessageParser::Kind::request, bytes, bytes.size())->trouble();
}

}  // namespace

TEST_CASE("header names compare without case and keep their order") {
    Headers headers{{"Accept", "a"}, {"X-One", "1"}, {"accept", "b"}};
    CHECK(headers.get("ACCEPT") == "a");
    CHECK(headers.all("accept") == std::vector<std::string_view>{"a", "b"});
    CHECK_FALSE(headers.get("X-Two"));
    headers.set("accept", *headers.get("X-One"));
    CHECK(headers.size() == 2);
    CHECK(headers.begin()->first == "accept");
    CHECK(headers.get("Accept") == "1");
    headers.erase("x-one");
    CHECK(headers.size() == 1);
}

TEST_CASE("a URL gives an origin and a target") {
    const auto plain = parse_url("http://prometheus.istio-system:9090/prometheus/api?query=a%20b");
    REQUIRE(plain);
    CHECK(plain->origin == Origin{.tls = false, .host = "prometheus.istio-system", .port = 9090});
    CHECK(plain->target == "/prometheus/api?query=a%20b");
    const auto secure = parse_url("https://[::1]");
    REQUIRE(secure);
    CHECK(secure->origin == Origin{.tls = true, .host = "::1", .port = 443});
    CHECK(secure->target == "/");
    CHECK(to_string(secure->origin) == "https://[::1]");
    CHECK(to_string(plain->origin) == "http://prometheus.istio-system:9090");
    CHECK(parse_url("ftp://a/").error().message == "URL ftp://a/: neither http nor https");
    CHECK(parse_url("nonsense").error().kind == ErrorKind::invalid);
    CHECK(parse_url("http:///path").error().message == "URL http:///path: no host");
    CHECK(parse_url("http://a:99999/").error().kind == ErrorKind::invalid);
    CHECK(parse_url("http://a%0d%0ab/").error().message == "URL http://a%0d%0ab/: bad host");
    CHECK(parse_url("http://[::1]:909path?x").error().message ==
          "URL http://[::1]:909path?x: not a URL");
}

TEST_CASE("a message is understood however its bytes are cut") {
    const std::string_view bytes =
        "\r\nPOST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: dropped\r\n\r\n";
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
        CAPTURE(piece);
        const auto parser = fed(MessageParser::Kind::request, bytes, piece);
        REQUIRE(parser->trouble() == ParseTrouble::none);
        CHECK(parser->is_done());
        CHECK(parser->message.method == "POST");
        CHECK(parser->message.target == "/a?b");
        CHECK(parser->message.headers.size() == 2);
        CHECK(parser->message.body == "hello world");
        CHECK(parser->keep_alive());
    }
}

TEST_CASE("the last chunk may come byte by byte") {
    MessageParser parser(MessageParser::Kind::response);
    parser.begin({});
    std::string waiting;
    for (const char byte :
         std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")) {
        waiting += byte;
        waiting.erase(0, parser.put(waiting));
    }
    CHECK(parser.is_done());
    CHECK(parser.trouble() == ParseTrouble::none);
}

TEST_CASE("malformed and ambiguous requests are refused") {
    CHECK(trouble_of("nonsense\r\n\r\n") == ParseTrouble::malformed);
    CHECK(trouble_of("GET / HTTP/2.0\r\n\r\n") == ParseTrouble::version);
    CHECK(trouble_of("GET / HTTP/1.1\r\nA b: c\r\n\r\n") == ParseTrouble::malformed);
    CHECK(trouble_of("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") ==
          ParseTrouble::malformed);
    CHECK(
        trouble_of("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") ==
        ParseTrouble::malformed);
    CHECK(trouble_of("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n") ==
          ParseTrouble::encoding);
    CHECK(trouble_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") ==
          ParseTrouble::malformed);
    CHECK(trouble_of("GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n") ==
          ParseTrouble::head_too_large);
}

TEST_CASE("an answer without a length ends with the connection, and one cut short is malformed") {
    auto open = fed(MessageParser::Kind::response, "HTTP/1.1 200 OK\r\n\r\nsome", 7);
    CHECK_FALSE(open->is_done());
    open->put_eof();
    CHECK(open->is_done());
    CHECK(open->message.body == "some");
    CHECK_FALSE(open->keep_alive());
    auto cut =
        fed(MessageParser::Kind::response, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome", 7);
    cut->put_eof();
    CHECK(cut->trouble() == ParseTrouble::malformed);
}

TEST_CASE("a header value cannot break out of its line") {
    Response response{.status = 200,
                      .headers = {{"X-Good", "1"}, {"X-Bad", "a\r\nSet-Cookie: b"}, {"X Y", "c"}}};
    std::string head;
    write_head(head, response, {.framing = {Framing::Kind::length, 0}});
    CHECK(head == "HTTP/1.1 200 OK\r\nX-Good: 1\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a proxy drops what is meant for one connection and keeps an upgrade to websocket") {
    Headers headers{{"Host", "x"},
                    {"Connection", "keep-alive, X-Private"},
                    {"Keep-Alive", "timeout=5"},
                    {"X-Private", "1"},
                    {"TE", "trailers"},
                    {"Transfer-Encoding", "chunked"},
                    {"Upgrade", "h2c"},
                    {"Content-Length", "3"}};
    drop_hop_by_hop(headers);
    CHECK(headers.size() == 2);
    CHECK(headers.get("Host"));
    CHECK(headers.get("Content-Length"));
    Headers websocket{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}};
    drop_hop_by_hop(websocket);
    CHECK(websocket.size() == 1);
    CHECK(websocket.get("Upgrade") == "websocket");
}

TEST_CASE("hostile bytes are taken or refused, and never more than the limits allow") {
    const std::vector<std::string> seeds{
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\n"
        "T: v\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\nA: b\r\n c\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close, x\r\n\r\n"
        "ffffffffffffffff\r\nabc\r\n",
        "HTTP/1.0 304\r\nContent-Length: 18446744073709551615\r\n\r\n"};
    SeededRandom random(20261125);
    for (int round = 0; round < 20'000; ++round) {
        CAPTURE(round);
        auto bytes = seeds[random.below(seeds.size())];
        for (auto changes = random.below(6); changes > 0; --changes) {
            const auto at = random.below(bytes.size());
            switch (random.below(3)) {
                case 0:
                    bytes[at] = static_cast<char>(random.below(256));
                    break;
                case 1:
                    bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(20)));
                    break;
                default:
                    bytes.erase(at, random.below(4));
                    break;
            }
            if (bytes.empty()) bytes = "x";
        }
        const auto kind =
            random.below(2) == 0 ? MessageParser::Kind::request : MessageParser::Kind::response;
        const auto parser = fed(kind, bytes, 1 + random.below(bytes.size()));
        CHECK(parser->message.body.size() <= bytes.size());
    }
}
