#include "net/server_connection.hpp"

#include "base/core/text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace sluice::net {
namespace {

using boost::asio::ip::tcp;
using namespace std::chrono_literals;

constexpr auto quietly = boost::asio::as_tuple(boost::asio::deferred);
constexpr std::size_t read_size = 16 * 1024;
// A read that fills its room gets twice as much the next time.
constexpr std::size_t room_max = 64 * 1024;
// A short body is copied behind its head: cheaper than a gathering write.
constexpr std::size_t copied_body_max = 16 * 1024;
// A handler that takes longer is worth looking whether its caller still waits.
constexpr auto watch_after = 100ms;
// For a caller whose request was refused to read the answer before the connection is cut.
constexpr auto leave_within = 2s;
// What a caller may send ahead while its answer is on the way.
constexpr std::size_t sent_ahead_max = 64 * 1024;

// The body of a request, read from its connection as the handler asks for it.
class IncomingBody final : public BodyReader {
   public:
    IncomingBody(std::shared_ptr<ServerConnection> connection, std::uint64_t serial)
        : connection_(std::move(connection)), serial_(serial) {}
    Task<Result<std::string>> next() override { return connection_->next_of_body(serial_); }

   private:
    std::shared_ptr<ServerConnection> connection_;
    std::uint64_t serial_;
};

std::string text_of(const tcp::endpoint& endpoint) {
    const auto address = endpoint.address();
    return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), endpoint.port())
                           : fmt::format("{}:{}", address.to_string(), endpoint.port());
}

bool may_have_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

}  // namespace

ServerConnection::ServerConnection(Shared state, tcp::socket socket)
    : state_(std::move(state)),
      socket_(std::move(socket)),
      tasks_(state_->executor),
      deadline_(state_->deadlines, [this] { deadline_passed(); }) {
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
    socket_.non_blocking(true, ignored);
    peer_ = text_of(socket_.remote_endpoint(ignored));
    const auto here = socket_.local_endpoint(ignored);
    self_ = {.tls = false, .host = here.address().to_string(), .port = here.port()};
    state_->connections.insert(this);
}

// One that was cancelled before it began is still in the set.
ServerConnection::~ServerConnection() {
    if (state_->connections.erase(this) > 0) state_->ended.notify_all();
}

void ServerConnection::start() {
    tasks_.spawn("connection", serve(shared_from_this()));
}

void ServerConnection::abort() {
    phase_ = Phase::leaving;
    boost::system::error_code ignored;
    socket_.close(ignored);
    tasks_.cancel();
}

Task<> ServerConnection::serve(std::shared_ptr<ServerConnection> self) {
    // However the connection ends, also by cancellation, the server learns of it.
    struct Leave {
        ServerConnection& connection;
        ~Leave() {
            auto& state = *connection.state_;
            connection.abort();
            connection.deadline_.disarm();
            state.connections.erase(&connection);
            state.ended.notify_all();
        }
    };
    const Leave leave{*self};

    for (bool is_kept = true; is_kept && !self->state_->is_stopping;) {
        auto refused = co_await self->read_head();
        if (!refused && !self->parser_.is_done() && !self->state_->options.stream_bodies) {
            refused = co_await self->read_body();
        }
        if (refused) {
            if (refused->status != 0) co_await self->refuse(*refused);
            co_return;
        }
        self->set_phase(Phase::handling, watch_after);
        is_kept =
            co_await self->answer(co_await self->state_->handler.handle(self->take_request()));
        ++self->serial_;
        if (self->is_watched_) {
            // Ends the watch; nothing else waits on the socket now.
            self->is_watched_ = false;
            boost::system::error_code ignored;
            self->socket_.cancel(ignored);
        }
    }
}

void ServerConnection::set_phase(Phase phase, Duration limit) {
    phase_ = phase;
    deadline_.arm_in(limit);
}

void ServerConnection::deadline_passed() {
    boost::system::error_code ignored;
    switch (phase_) {
        case Phase::idle:
        case Phase::receiving:
            has_expired_ = true;
            socket_.cancel(ignored);
            break;
        case Phase::handling:
            // What still comes belongs to the body: its reader sees the end itself.
            if (parser_.is_done() && !is_watched_) {
                is_watched_ = true;
                tasks_.spawn("caller", watch_caller(shared_from_this(), serial_));
            } else if (!is_watched_) {
                deadline_.arm_in(watch_after);
            }
            break;
        case Phase::sending:
        case Phase::tunnel:
        case Phase::leaving:
            abort();
            break;
    }
}

// Ends when the answer is complete, or ends the connection when the caller has gone.
Task<> ServerConnection::watch_caller(std::shared_ptr<ServerConnection> self,
                                      std::uint64_t serial) {
    while (self->in_.size() < sent_ahead_max) {
        const auto [code] = co_await self->socket_.async_wait(tcp::socket::wait_read, quietly);
        if (self->serial_ != serial) co_return;
        boost::system::error_code read;
        if (!code) {
            const auto count = self->socket_.read_some(self->in_.prepare(read_size), read);
            self->in_.commit(count);
        }
        if (code || (read && read != boost::asio::error::would_block)) {
            self->abort();
            co_return;
        }
    }
}

ServerConnection::Heard ServerConnection::parse() {
    while (!in_.empty() && !parser_.is_done()) {
        const bool had_head = parser_.has_head();
        const auto taken = parser_.put(in_.bytes());
        in_.consume(taken);
        if (parser_.trouble() != ParseTrouble::none) return refusal_of(parser_.trouble());
        if (taken == 0 || parser_.has_head() != had_head) break;
    }
    return std::nullopt;
}

Task<ServerConnection::Heard> ServerConnection::read_head() {
    const auto& options = state_->options;
    ParseLimits limits{.head = options.header_limit, .fields = options.headers_max};
    if (!options.stream_bodies) limits.body = options.body_limit;
    parser_.begin(limits);
    is_head_request_ = is_connect_request_ = false;
    while (true) {
        if (auto refused = parse()) co_return refused;
        if (parser_.has_head()) break;
        const bool has_begun = parser_.has_begun() || !in_.empty();
        if (!has_begun) {
            set_phase(Phase::idle, options.idle_timeout);
        } else if (phase_ != Phase::receiving) {
            // The time runs from the first byte; a slow sender gains none by going on.
            set_phase(Phase::receiving, options.head_timeout);
        }
        if (auto refused = co_await read_some()) co_return refused;
    }
    const auto& message = parser_.message;
    is_head_request_ = message.method == "HEAD";
    is_connect_request_ = message.method == "CONNECT";
    if (message.is_http_11 && message.headers.all("Host").size() != 1)
        co_return Refusal{400, "a request has one Host"};
    const auto expectation = message.headers.get("Expect");
    wants_continue_ = expectation && equals_ignoring_case(*expectation, "100-continue") &&
                      message.is_http_11 && in_.empty();
    // A body that came along is taken at once, so that a short one never needs a stream.
    if (!parser_.is_done()) {
        if (auto refused = parse()) co_return refused;
    }
    co_return std::nullopt;
}

Task<ServerConnection::Heard> ServerConnection::read_body() {
    if (phase_ != Phase::receiving) set_phase(Phase::receiving, state_->options.head_timeout);
    if (std::exchange(wants_continue_, false)) {
        if (!co_await send({{"HTTP/1.1 100 Continue\r\n\r\n"}})) co_return Refusal{};
        set_phase(Phase::receiving, state_->options.head_timeout);
    }
    while (!parser_.is_done()) {
        if (auto refused = co_await read_some()) co_return refused;
        if (auto refused = parse()) co_return refused;
    }
    co_return std::nullopt;
}

// Waits for more bytes within the phase's deadline.
Task<ServerConnection::Heard> ServerConnection::read_some() {
    const auto room = in_.prepare(room_);
    const auto [code, count] = co_await socket_.async_read_some(room, quietly);
    in_.commit(count);
    if (count == room.size()) room_ = std::min(2 * room_, room_max);
    // The deadline may pass in the turn in which the bytes come.
    const bool is_late = std::exchange(has_expired_, false) && phase_ == Phase::receiving;
    if (is_late) co_return Refusal{408, "the request took too long"};
    if (!code) co_return std::nullopt;
    co_return Refusal{};
}

Task<Result<std::string>> ServerConnection::next_of_body(std::uint64_t serial) {
    const auto gone = Error{ErrorKind::unreachable, "the caller has gone"};
    if (serial != serial_) co_return gone;
    if (std::exchange(wants_continue_, false)) {
        if (!co_await send({{"HTTP/1.1 100 Continue\r\n\r\n"}})) co_return gone;
    }
    while (true) {
        if (parse()) co_return Error{ErrorKind::bad_answer, "the request's body is malformed"};
        if (!parser_.message.body.empty() || parser_.is_done()) break;
        set_phase(Phase::receiving, state_->options.stall_timeout);
        const auto refused = co_await read_some();
        set_phase(Phase::handling, watch_after);
        if (refused && refused->status == 408)
            co_return Error{ErrorKind::timed_out, "the caller stopped sending its request"};
        if (refused) co_return gone;
    }
    co_return std::exchange(parser_.message.body, {});
}

Request ServerConnection::take_request() {
    auto& message = parser_.message;
    Request request;
    request.method = std::move(message.method);
    request.target = std::move(message.target);
    request.headers = std::move(message.headers);
    request.origin = self_;
    request.peer = peer_;
    if (parser_.is_done()) {
        request.body = std::move(message.body);
        message.body.clear();
    } else {
        request.stream = std::make_shared<IncomingBody>(shared_from_this(), serial_);
    }
    return request;
}

Task<bool> ServerConnection::answer(Response response) {
    if (phase_ == Phase::leaving) co_return false;
    const bool is_upgrade =
        response.upgraded &&
        (response.status == 101 || (is_connect_request_ && response.status / 100 == 2));
    const bool has_body = !is_head_request_ && !is_upgrade && may_have_body(response.status);
    HeadForm form;
    form.is_http_11 = parser_.message.is_http_11;
    form.keep_alive =
        is_upgrade || (parser_.keep_alive() && parser_.is_done() && !state_->is_stopping &&
                       !lists(response.headers, "Connection", "close"));
    const auto stated = stated_length(response.headers);
    if (is_head_request_ && !is_upgrade && (stated || may_have_body(response.status))) {
        if (stated || !response.stream)
            form.framing = {Framing::Kind::length, stated.value_or(response.body.size())};
    } else if (has_body && !response.stream) {
        form.framing = {Framing::Kind::length, response.body.size()};
    } else if (has_body && stated) {
        form.framing = {Framing::Kind::length, *stated};
    } else if (has_body && form.is_http_11) {
        form.framing = {Framing::Kind::chunked};
    } else if (has_body) {
        form.framing = {Framing::Kind::until_close};
        form.keep_alive = false;
    }
    out_.clear();
    write_head(out_, response, form);

    if (is_upgrade) {
        if (co_await send({{out_}})) co_await tunnel(std::move(response.upgraded));
        co_return false;
    }
    if (!has_body || !response.stream) {
        const auto body = has_body ? std::string_view(response.body) : std::string_view{};
        const bool is_short = body.size() <= copied_body_max;
        if (is_short) out_ += body;
        const bool is_sent = co_await send({{out_, is_short ? std::string_view{} : body}});
        if (is_sent && !form.keep_alive) co_await leave();
        co_return (is_sent && form.keep_alive);
    }
    if (!co_await send({{out_}})) co_return false;
    const bool is_whole = co_await send_stream(std::move(response.stream), form.framing);
    if (is_whole && !form.keep_alive) co_await leave();
    co_return (is_whole && form.keep_alive);
}

// A body that breaks off, or is not as long as it said, ends the connection: so the caller sees it.
Task<bool> ServerConnection::send_stream(std::unique_ptr<BodyReader> body, Framing framing) {
    const bool is_chunked = framing.kind == Framing::Kind::chunked;
    auto left = framing.length;
    while (true) {
        const auto part = co_await body->next();
        if (!part || phase_ == Phase::leaving) co_return false;
        if (part->empty()) break;
        if (framing.kind == Framing::Kind::length && part->size() > left) co_return false;
        left -= part->size();
        out_.clear();
        if (is_chunked) fmt::format_to(std::back_inserter(out_), "{:x}\r\n", part->size());
        if (!co_await send({{out_, *part, is_chunked ? "\r\n" : ""}})) co_return false;
    }
    if (is_chunked) co_return co_await send({{"0\r\n\r\n"}});
    co_return framing.kind != Framing::Kind::length || left == 0;
}

// Most answers fit into the socket's buffer and leave here without waiting.
Task<bool> ServerConnection::send(Pieces pieces) {
    const auto before = phase_;
    while (!pieces.empty()) {
        boost::system::error_code code;
        pieces.consume(socket_.write_some(pieces.buffers(), code));
        if (code == boost::asio::error::would_block) {
            set_phase(Phase::sending, state_->options.stall_timeout);
            const auto [waited] = co_await socket_.async_wait(tcp::socket::wait_write, quietly);
            code = waited;
        }
        if (code) co_return false;
    }
    if (phase_ == Phase::sending) set_phase(before, watch_after);
    co_return phase_ != Phase::leaving;
}

// A caller that is still sending would lose the answer to a reset: read on for a moment.
Task<> ServerConnection::leave() {
    if (phase_ == Phase::leaving) co_return;
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    if (parser_.is_done() && in_.empty()) co_return;
    set_phase(Phase::leaving, leave_within);
    ++serial_;  // ends the watch
    while (true) {
        in_.consume(in_.size());
        const auto [code, count] =
            co_await socket_.async_read_some(in_.prepare(read_size), quietly);
        if (code) co_return;
    }
}

Task<> ServerConnection::refuse(Refusal refusal) {
    Response response{.status = refusal.status, .headers = {{"Content-Type", "text/plain"}}};
    response.body = fmt::format("{}\n", refusal.why);
    HeadForm form{.framing = {Framing::Kind::length, response.body.size()}, .keep_alive = false};
    out_.clear();
    write_head(out_, response, form);
    if (!is_head_request_) out_ += response.body;
    if (co_await send({{out_}})) co_await leave();
}

// Until one side ends.
Task<> ServerConnection::tunnel(std::shared_ptr<ByteStream> other) {
    ++serial_;
    set_phase(Phase::tunnel, state_->options.tunnel_idle_timeout);
    tasks_.spawn("tunnel", carry_back(shared_from_this(), other));
    while (true) {
        if (in_.empty()) {
            const auto [code, count] =
                co_await socket_.async_read_some(in_.prepare(read_size), quietly);
            in_.commit(count);
            if (code) co_return;
        }
        std::string bytes(in_.bytes());
        in_.consume(in_.size());
        deadline_.arm_in(state_->options.tunnel_idle_timeout);
        const auto written = co_await other->write(std::move(bytes));
        if (!written) co_return;
    }
}

Task<> ServerConnection::carry_back(std::shared_ptr<ServerConnection> self,
                                    std::shared_ptr<ByteStream> other) {
    while (true) {
        const auto bytes = co_await other->read();
        if (!bytes || bytes->empty()) break;
        self->deadline_.arm_in(self->state_->options.tunnel_idle_timeout);
        Pieces pieces{{*bytes}};
        while (!pieces.empty()) {
            const auto [code, count] =
                co_await self->socket_.async_write_some(pieces.buffers(), quietly);
            pieces.consume(count);
            if (code) break;
        }
        if (!pieces.empty()) break;
    }
    self->abort();
}

ServerConnection::Refusal ServerConnection::refusal_of(ParseTrouble trouble) const {
    switch (trouble) {
        case ParseTrouble::head_too_large:
            return {431, "the request's headers are too large"};
        case ParseTrouble::body_too_large:
            return {413, "the request's body is too large"};
        case ParseTrouble::version:
            return {505, "only HTTP/1.0 and HTTP/1.1 are served"};
        case ParseTrouble::encoding:
            return {501, "only the transfer encoding chunked is served"};
        case ParseTrouble::malformed:
        case ParseTrouble::none:
            break;
    }
    return {400, "the request is malformed"};
}

}  // namespace sluice::net
