// HTTP as values: what is asked and answered, and the two interfaces between which everything
// travels. Beast stays behind them (client.cpp, server.cpp); in_process.hpp joins them without a
// socket.
#pragma once

#include "base/async/task.hpp"
#include "base/core/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::net {

// In the order in which they were sent; names compare without case.
class Headers {
   public:
    using Field = std::pair<std::string, std::string>;

    Headers() = default;
    Headers(std::initializer_list<Field> fields) : fields_(fields) {}

    // The first value of that name, or nothing.
    std::optional<std::string_view> get(std::string_view name) const;
    std::vector<std::string_view> all(std::string_view name) const;
    // Replaces every field of that name.
    void set(std::string_view name, std::string_view value);
    void add(std::string_view name, std::string_view value);
    void erase(std::string_view name);
    void reserve(std::size_t fields) { fields_.reserve(fields); }
    bool empty() const { return fields_.empty(); }
    std::size_t size() const { return fields_.size(); }
    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }

   private:
    std::vector<Field> fields_;
};

// A body that arrives bit by bit. Destroying it early closes what it came from.
class BodyReader {
   public:
    BodyReader() = default;
    BodyReader(const BodyReader&) = delete;
    BodyReader& operator=(const BodyReader&) = delete;
    virtual ~BodyReader() = default;

    // The next bytes, as soon as there are any; empty at the end. One call at a time.
    virtual Task<Result<std::string>> next() = 0;
};

// Bytes both ways, after an upgrade. Destroying it closes it.
class ByteStream {
   public:
    ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;
    virtual ~ByteStream() = default;

    // The next bytes, as soon as there are any; empty at the end. One call at a time; a write may
    // run beside it.
    virtual Task<Result<std::string>> read() = 0;
    // Returns when the bytes are handed over, not before: that is the back-pressure.
    virtual Task<Result<void>> write(std::string bytes) = 0;
};

// scheme, host and port of a server. `host` is a name or an address, IPv6 without brackets.
struct Origin {
    bool tls = false;
    std::string host;
    std::uint16_t port = 80;

    auto operator<=>(const Origin&) const = default;
};
// "http://host:port", the default port left out.
std::string to_string(const Origin& origin);

// Who is trusted and as whom we come. PEM texts.
struct TlsOptions {
    std::string ca;                  // empty: the system's roots
    std::string client_certificate;  // empty: none
    std::string client_key;
    std::string server_name;  // empty: the origin's host
    bool verify = true;
};

struct Request {
    std::string method = "GET";
    Origin origin;             // who is asked; a server fills in its own address
    std::string target = "/";  // path and query, as on the wire
    // Content-Length, Transfer-Encoding and Connection are made from the rest, and so is Host where
    // there is none. `Connection: close` keeps its meaning. A server hands on what came.
    Headers headers = {};
    std::string body = {};
    // When set it is the body and `body` is empty. Sent in chunks, or as it is where there is a
    // Content-Length among the headers. A server sets it with ServerOptions::stream_bodies only.
    std::shared_ptr<BodyReader> stream = nullptr;
    // For send: until the whole answer is there; for open: until its head is there.
    Duration timeout = std::chrono::seconds{30};
    // A longer answer body is refused with too_large (send only).
    std::size_t body_limit = std::size_t{16} * 1024 * 1024;
    std::shared_ptr<const TlsOptions> tls =
        nullptr;  // nothing: verified against the system's roots
    std::optional<Origin> proxy =
        std::nullopt;  // asked in absolute form (plain HTTP), or by CONNECT (TLS)
    // open: a body that came along with the head may be answered in `body`, without a stream.
    // Spares a proxy the streaming of short answers.
    bool short_body_in_place = false;
    std::string peer = {};  // server side: the caller's address, "127.0.0.1:53012"
};

struct Response {
    int status = 200;
    // Content-Length, Transfer-Encoding and Connection are made from the rest, save that a
    // Content-Length counts beside a stream (the body is then not chunked) and for HEAD.
    Headers headers = {};
    std::string body = {};
    // When set it is the body and `body` is empty.
    std::unique_ptr<BodyReader> stream = nullptr;
    // With status 101, or 2xx for CONNECT: the bytes that follow. A client's open() gives it; a
    // server joins it to the caller's connection until either side ends, so a proxy just hands it
    // on.
    std::unique_ptr<ByteStream> upgraded = nullptr;
};

// The rest of the answer's body in one piece; too_large when it is longer than the limit.
Task<Result<std::string>> read_whole(Response response, std::size_t limit);

// "http://host:port/path?query" to an origin and a target; https gives tls and port 443; invalid
// names what is wrong.
struct Url {
    Origin origin;
    std::string target;  // at least "/"
};
Result<Url> parse_url(std::string_view text);
// A GET for that URL.
Result<Request> request_for(std::string_view url);

class HttpClient {
   public:
    HttpClient() = default;
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    virtual ~HttpClient() = default;

    // The whole answer, whatever its status. An Error only when there is none: unreachable,
    // timed_out, bad_answer, too_large, cancelled. Sends once; whether it may be sent again is the
    // caller's to say.
    virtual Task<Result<Response>> send(Request request) = 0;
    // The head, and the body as a stream (always set, but for short_body_in_place and an upgrade).
    // The timeout no longer counts once the head is there: who reads on sets a deadline of its own.
    // A read that was cancelled may be repeated; nothing is lost.
    virtual Task<Result<Response>> open(Request request) = 0;
};

class Handler {
   public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;

    virtual Task<Response> handle(Request request) = 0;
};

// For a proxy: takes out what is meant for one connection only (RFC 9110, 7.6.1). An upgrade to
// websocket stays, every other one is dropped.
void drop_hop_by_hop(Headers& headers);

// "OK", "Not Found" …; "Unknown" for a status without a name.
std::string_view reason_phrase(int status);

}  // namespace sluice::net
