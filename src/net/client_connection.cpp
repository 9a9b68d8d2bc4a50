#include "net/client_connection.hpp"

#include "base/core/duration.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace sluice::net {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr auto quietly = boost::asio::as_tuple(boost::asio::deferred);
// A read that fills its room gets twice as much the next time: short answers stay cheap, long ones
// fast.
constexpr std::size_t room_max = 64 * 1024;
constexpr std::size_t copied_body_max = 16 * 1024;
constexpr std::size_t head_limit = 256 * 1024;

std::string_view reason(const error_code& code) {
    namespace error = boost::asio::error;
    if (code == error::connection_refused) return "connection refused";
    if (code == error::connection_reset || code == error::broken_pipe) return "connection reset";
    if (code == error::host_unreachable) return "no route to host";
    if (code == error::network_unreachable) return "network is unreachable";
    if (code == error::timed_out) return "timed out";
    if (code == boost::system::errc::address_not_available) return "address not available";
    if (code == error::no_descriptors) return "too many open files";
    return "connection broken";
}

// A machine that vanished sends no end. The kernel asks after half a minute of silence, and gives
// up half a minute later: a watch, which may be silent for long, then breaks off.
void notice_silent_end(tcp::socket& socket) {
    error_code ignored;
    socket.set_option(boost::asio::socket_base::keep_alive(true), ignored);
    const auto set = [&](int option, int value) {
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
    };
    set(TCP_KEEPIDLE, 30);
    set(TCP_KEEPINTVL, 10);
    set(TCP_KEEPCNT, 3);
    // The same for what we have sent and nobody has acknowledged, in milliseconds.
    set(TCP_USER_TIMEOUT, 60'000);
}

Error timed_out(Duration timeout) {
    return {ErrorKind::timed_out, fmt::format("timed out after {}", go_text(timeout))};
}

}  // namespace

// A lookup runs on until the resolver has answered, even when nobody waits for it any more.
struct ClientConnection::Lookup {
    explicit Lookup(Executor executor) : resolver(executor), done(executor) {}
    tcp::resolver resolver;
    Signal done;
    bool is_done = false;
    std::vector<boost::asio::ip::address> addresses;
};

ClientConnection::ClientConnection(Shared state, PoolKey key)
    : state_(std::move(state)),
      key_(std::move(key)),
      socket_(state_->executor),
      deadline_(state_->deadlines, [this] { deadline_passed(); }) {}

void ClientConnection::arm(Time due, Duration timeout) {
    timeout_ = timeout;
    deadline_.arm(due);
}

void ClientConnection::begin_idle(Duration limit) {
    is_idle_ = true;
    deadline_.arm_in(limit);
}

void ClientConnection::deadline_passed() {
    if (is_idle_) {
        // Destroys this.
        state_->drop(this);
        return;
    }
    has_expired_ = true;
    error_code ignored;
    socket_.close(ignored);
    if (lookup_) lookup_->done.notify_all();
}

Error ClientConnection::trouble(const error_code& code, std::string_view otherwise) const {
    if (has_expired_) return timed_out(timeout_);
    if (code == boost::asio::error::operation_aborted || code == boost::asio::error::bad_descriptor)
        return {ErrorKind::cancelled, "cancelled"};
    return Error{ErrorKind::unreachable, std::string(otherwise)}.with("asking " +
                                                                      endpoint(key_.origin));
}

Task<Result<void>> ClientConnection::connect(Time due, Duration timeout) {
    const auto& options = state_->options;
    const auto limit = state_->clock.now() + options.connect_timeout;
    if (limit < due) {
        arm(limit, options.connect_timeout);
    } else {
        arm(due, timeout);
    }
    const auto& first = key_.proxy ? *key_.proxy : key_.origin;
    auto result = co_await connect_tcp(first);
    if (!result) co_return result.error();
    if (key_.origin.tls) {
        if (key_.proxy) result = co_await ask_proxy();
        if (result) result = co_await shake_hands();
        if (!result) co_return result.error();
    }
    co_return Result<void>{};
}

Task<> ClientConnection::look_up(std::shared_ptr<Lookup> lookup, std::string host) {
    const auto [code, found] =
        co_await lookup->resolver.async_resolve(host, "", tcp::resolver::flags{}, quietly);
    for (const auto& entry : found) lookup->addresses.push_back(entry.endpoint().address());
    lookup->is_done = true;
    lookup->done.notify_all();
}

Task<Result<std::vector<boost::asio::ip::address>>> ClientConnection::addresses_of(
    std::string host) {
    using Addresses = std::vector<boost::asio::ip::address>;
    error_code not_literal;
    const auto literal = boost::asio::ip::make_address(host, not_literal);
    if (!not_literal) co_return Addresses{literal};
    if (host == "localhost") {
        co_return Addresses{boost::asio::ip::address_v4::loopback(),
                            boost::asio::ip::address_v6::loopback()};
    }
    lookup_ = std::make_shared<Lookup>(state_->executor);
    state_->lookups.spawn("lookup of " + host, look_up(lookup_, host));
    // Woken by the answer or by the deadline.
    auto lookup = lookup_;
    while (!lookup->is_done && !has_expired_) co_await lookup->done.wait();
    lookup_ = nullptr;
    if (!lookup->is_done) co_return timed_out(timeout_).with("looking up " + host);
    if (lookup->addresses.empty())
        co_return Error{ErrorKind::unreachable, "no such host"}.with("looking up " + host);
    co_return std::move(lookup->addresses);
}

// Tries the addresses in their order; the last one's trouble is told.
Task<Result<void>> ClientConnection::connect_tcp(Origin to) {
    const auto doing = "connecting to " + endpoint(to);
    const auto addresses = co_await addresses_of(to.host);
    if (!addresses) co_return addresses.error();
    error_code first;
    for (const auto& address : *addresses) {
        error_code ignored;
        socket_.close(ignored);
        const auto [code] = co_await socket_.async_connect({address, to.port}, quietly);
        if (has_expired_) co_return timed_out(timeout_).with(doing);
        if (!code) {
            socket_.set_option(tcp::no_delay(true), ignored);
            notice_silent_end(socket_);
            socket_.non_blocking(true, ignored);
            co_return Result<void>{};
        }
        if (code == boost::asio::error::operation_aborted)
            co_return Error{ErrorKind::cancelled, "cancelled"}.with(doing);
        if (!first) first = code;
    }
    co_return Error{ErrorKind::unreachable, std::string(reason(first))}.with(doing);
}

Task<Result<void>> ClientConnection::ask_proxy() {
    const auto to = endpoint(key_.origin);
    const auto doing = fmt::format("connecting to {} through proxy {}", to, endpoint(*key_.proxy));
    out_ = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", to);
    if (!key_.proxy_authorization.empty())
        out_ += fmt::format("Proxy-Authorization: {}\r\n", key_.proxy_authorization);
    out_ += "\r\n";
    if (const auto code = co_await write({{out_}})) co_return trouble(code, reason(code));
    const auto answered = co_await read_head(std::nullopt, ExpectedBody::none);
    if (!answered) co_return answered.error().with(doing);
    const auto status = message().status;
    if (status / 100 == 2) co_return Result<void>{};
    co_return Error{ErrorKind::unreachable, fmt::format("{} {}", status, reason_phrase(status))}
        .with(doing);
}

Task<Result<void>> ClientConnection::shake_hands() {
    const auto doing = "connecting to " + endpoint(key_.origin);
    static const TlsOptions usual;
    const auto& options = key_.tls ? *key_.tls : usual;
    auto& pool = state_->pools[key_];
    if (!pool.tls) {
        auto made = make_tls_context(options);
        if (!made) co_return made.error().with(doing);
        pool.tls = std::move(*made);
    }
    context_ = pool.tls;
    tls_ = make_tls_stream(socket_, *context_, options, key_.origin.host);
    const auto [code] = co_await tls_->async_handshake(TlsStream::client, quietly);
    if (!code) co_return Result<void>{};
    if (has_expired_) co_return timed_out(timeout_).with(doing);
    if (code == boost::asio::error::operation_aborted)
        co_return Error{ErrorKind::cancelled, "cancelled"}.with(doing);
    co_return Error{ErrorKind::unreachable, handshake_trouble(*tls_, code)}.with(doing);
}

Task<Result<void>> ClientConnection::send(const Request* request) {
    HeadForm form;
    wants_close_ = lists(request->headers, "Connection", "close");
    form.keep_alive = !wants_close_;
    if (request->stream) {
        const auto stated = stated_length(request->headers);
        form.framing =
            stated ? Framing{Framing::Kind::length, *stated} : Framing{Framing::Kind::chunked};
    } else if (!request->body.empty() || request->method == "POST" || request->method == "PUT" ||
               request->method == "PATCH") {
        form.framing = {Framing::Kind::length, request->body.size()};
    }
    out_.clear();
    write_head(out_, *request, form);
    std::string_view body = request->body;
    if (!body.empty() && body.size() <= copied_body_max) {
        out_ += body;
        body = {};
    }
    if (const auto code = co_await write({{out_, body}})) co_return trouble(code, reason(code));
    if (request->stream) co_return co_await send_stream(request->stream, form.framing);
    co_return Result<void>{};
}

Task<Result<void>> ClientConnection::send_stream(std::shared_ptr<BodyReader> body,
                                                 Framing framing) {
    const bool is_chunked = framing.kind == Framing::Kind::chunked;
    auto left = framing.length;
    while (true) {
        const auto part = co_await body->next();
        if (!part) co_return part.error();
        if (part->empty()) break;
        if (!is_chunked && part->size() > left)
            co_return Error{ErrorKind::invalid, "body is longer than its Content-Length"};
        left -= part->size();
        out_.clear();
        if (is_chunked) fmt::format_to(std::back_inserter(out_), "{:x}\r\n", part->size());
        const auto code = co_await write({{out_, *part, is_chunked ? "\r\n" : ""}});
        if (code) co_return trouble(code, reason(code));
    }
    if (!is_chunked) {
        if (left == 0) co_return Result<void>{};
        co_return Error{ErrorKind::invalid, "body is shorter than its Content-Length"};
    }
    const auto code = co_await write({{"0\r\n\r\n"}});
    if (code) co_return trouble(code, reason(code));
    co_return Result<void>{};
}

Task<error_code> ClientConnection::write(Pieces pieces) {
    if (tls_) {
        const auto [code, count] =
            co_await boost::asio::async_write(*tls_, pieces.buffers(), quietly);
        co_return code;
    }
    while (!pieces.empty()) {
        error_code code;
        pieces.consume(socket_.write_some(pieces.buffers(), code));
        if (code == boost::asio::error::would_block) {
            const auto [waited] = co_await socket_.async_wait(tcp::socket::wait_write, quietly);
            code = waited;
        }
        if (code) co_return code;
    }
    co_return error_code{};
}

Task<error_code> ClientConnection::read_some() {
    const auto room = in_.prepare(room_);
    if (tls_) {
        const auto [code, count] = co_await tls_->async_read_some(room, quietly);
        commit(count, room.size());
        co_return code == boost::asio::ssl::error::stream_truncated
            ? error_code(boost::asio::error::connection_reset)
            : code;
    }
    const auto [code, count] = co_await socket_.async_read_some(room, quietly);
    commit(count, room.size());
    co_return code;
}

void ClientConnection::commit(std::size_t count, std::size_t room) {
    in_.commit(count);
    if (count == room) room_ = std::min(2 * room_, room_max);
}

Task<Result<void>> ClientConnection::read_head(std::optional<std::size_t> body_limit,
                                               ExpectedBody expected) {
    const ParseLimits limits{.head = head_limit, .body = body_limit};
    do {
        parser_.begin(limits, expected);
        while (!parser_.has_head()) {
            if (!in_.empty()) in_.consume(parser_.put(in_.bytes()));
            if (parser_.trouble() == ParseTrouble::head_too_large) {
                co_return Error{ErrorKind::too_large, "the answer's headers are too large"}.with(
                    "asking " + endpoint(key_.origin));
            }
            if (parser_.trouble() == ParseTrouble::body_too_large) {
                co_return Error{ErrorKind::too_large,
                                fmt::format("the answer is longer than {} bytes", *body_limit)}
                    .with("asking " + endpoint(key_.origin));
            }
            if (parser_.trouble() != ParseTrouble::none) {
                co_return Error{ErrorKind::bad_answer, "the answer is not HTTP"}.with(
                    "asking " + endpoint(key_.origin));
            }
            if (parser_.has_head()) break;
            const auto code = co_await read_some();
            if (code == boost::asio::error::eof) {
                co_return trouble(code, "connection closed before the answer");
            }
            if (code) co_return trouble(code, reason(code));
        }
    } while (message().status / 100 == 1 && message().status != 101);
    // What of the body came along is taken at once.
    if (!in_.empty() && !parser_.is_done()) in_.consume(parser_.put(in_.bytes()));
    co_return Result<void>{};
}

Task<Result<void>> ClientConnection::read_body() {
    const auto before = message().body.size();
    while (true) {
        if (!in_.empty() && !parser_.is_done() && parser_.trouble() == ParseTrouble::none)
            in_.consume(parser_.put(in_.bytes()));
        if (parser_.trouble() == ParseTrouble::body_too_large)
            co_return Error{ErrorKind::too_large, "the answer is too long"}.with(
                "asking " + endpoint(key_.origin));
        if (parser_.trouble() != ParseTrouble::none)
            co_return Error{ErrorKind::bad_answer, "the answer's body is malformed"}.with(
                "asking " + endpoint(key_.origin));
        if (parser_.is_done() || message().body.size() > before) co_return Result<void>{};
        const auto code = co_await read_some();
        if (code == boost::asio::error::eof) {
            wants_close_ = true;
            parser_.put_eof();
            if (!parser_.is_done())
                co_return trouble(code, "connection closed in the middle of the answer");
            co_return Result<void>{};
        }
        if (code) co_return trouble(code, reason(code));
    }
}

Task<Result<std::string>> ClientConnection::read_raw() {
    if (in_.empty()) {
        const auto code = co_await read_some();
        if (code == boost::asio::error::eof) co_return std::string{};
        if (code) co_return trouble(code, reason(code));
    }
    std::string bytes(in_.bytes());
    in_.consume(in_.size());
    co_return bytes;
}

Task<Result<void>> ClientConnection::write_raw(std::string bytes) {
    const auto code = co_await write({{bytes}});
    if (code) co_return trouble(code, reason(code));
    co_return Result<void>{};
}

bool ClientConnection::seems_alive() {
    char byte = 0;
    const auto count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool ClientConnection::may_be_kept() const {
    return parser_.is_done() && parser_.trouble() == ParseTrouble::none && parser_.keep_alive() &&
           parser_.message.status != 101 && in_.empty() && !has_expired_ && !wants_close_ &&
           socket_.is_open();
}

}  // namespace sluice::net
