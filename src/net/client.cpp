#include "net/client.hpp"

#include "base/core/duration.hpp"
#include "net/client_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace sluice::net {
namespace {

using Shared = std::shared_ptr<SocketClient::State>;

enum class Wanted { whole, stream };

auto parts(const TlsOptions& tls) {
    return std::tie(tls.ca, tls.client_certificate, tls.client_key, tls.server_name, tls.verify);
}

bool tls_before(const TlsOptions* a, const TlsOptions* b) {
    if (a == b || b == nullptr) return false;
    if (a == nullptr) return true;
    return parts(*a) < parts(*b);
}

bool before(const PoolView& a, const PoolView& b) {
    if (a.origin != b.origin) return a.origin < b.origin;
    if (a.proxy != b.proxy) return a.proxy < b.proxy;
    if (a.proxy_authorization != b.proxy_authorization)
        return a.proxy_authorization < b.proxy_authorization;
    return tls_before(a.tls, b.tls);
}

PoolView view(const PoolKey& key) {
    return {key.origin, key.proxy, key.tls.get(), key.proxy_authorization};
}

// Within a tunnel the proxy reads no more, and the server is not to learn who we are to the proxy:
// what is meant for it goes with CONNECT.
std::string taken_for_tunnel(Request& request) {
    if (!request.proxy || !request.origin.tls) return {};
    std::string value(request.headers.get("Proxy-Authorization").value_or(""));
    request.headers.erase("Proxy-Authorization");
    return value;
}

// RFC 9110, 9.2.2: sent twice, it does no more than once.
bool may_be_repeated(const Request& request) {
    const auto& method = request.method;
    return !request.stream && (method == "GET" || method == "HEAD" || method == "PUT" ||
                               method == "DELETE" || method == "OPTIONS" || method == "TRACE");
}

// The rest of an answer's body, and the connection that it comes on.
class AnswerBody final : public BodyReader {
   public:
    explicit AnswerBody(std::unique_ptr<ClientConnection> connection)
        : connection_(std::move(connection)) {}

    Task<Result<std::string>> next() override {
        if (!connection_) co_return std::string{};
        if (connection_->message().body.empty() && !connection_->parser().is_done()) {
            const auto read = co_await connection_->read_body();
            if (!read) {
                // A read that was cancelled may be repeated; nothing is lost.
                if (read.error().kind != ErrorKind::cancelled) trouble_ = read.error();
                co_return read.error();
            }
        }
        if (trouble_) co_return *trouble_;
        auto bytes = std::exchange(connection_->message().body, {});
        if (connection_->parser().is_done()) {
            const auto state = connection_->state();
            state->keep(std::exchange(connection_, nullptr));
        }
        co_return bytes;
    }

   private:
    std::unique_ptr<ClientConnection> connection_;
    std::optional<Error> trouble_;
};

class UpgradedConnection final : public ByteStream {
   public:
    explicit UpgradedConnection(std::unique_ptr<ClientConnection> connection)
        : connection_(std::move(connection)) {}

    Task<Result<std::string>> read() override { return connection_->read_raw(); }
    Task<Result<void>> write(std::string bytes) override {
        return connection_->write_raw(std::move(bytes));
    }

   private:
    std::unique_ptr<ClientConnection> connection_;
};

Task<Result<Response>> exchange(Shared state, Request request, Wanted wanted) {
    if (!is_target(request.target))
        co_return Error{ErrorKind::invalid,
                        fmt::format("request target \"{}\" has a blank in it", request.target)};
    const auto due = state->clock.now() + request.timeout;
    const auto body = request.method == "HEAD" ? ExpectedBody::none : ExpectedBody::as_stated;
    const auto limit = wanted == Wanted::whole ? std::optional(request.body_limit) : std::nullopt;

    const auto for_proxy = taken_for_tunnel(request);
    std::unique_ptr<ClientConnection> connection =
        state->take({request.origin, request.proxy, request.tls.get(), for_proxy});
    for (bool is_kept = connection != nullptr;; is_kept = false) {
        if (!connection) {
            connection = std::make_unique<ClientConnection>(
                state, PoolKey{request.origin, request.proxy, request.tls, for_proxy});
            const auto connected = co_await connection->connect(due, request.timeout);
            if (!connected) co_return connected.error();
        }
        connection->arm(due, request.timeout);
        connection->parser().begin({});
        const auto sent = co_await connection->send(&request);
        const bool may_answer = sent || sent.error().kind == ErrorKind::unreachable;
        const auto head = may_answer ? co_await connection->read_head(limit, body) : sent;
        if (head) break;
        // A kept connection that the other side had closed meanwhile says nothing about the
        // request.
        if (is_kept && connection->is_untouched() && may_be_repeated(request) &&
            head.error().kind == ErrorKind::unreachable) {
            connection = nullptr;
            continue;
        }
        co_return sent ? head.error() : sent.error();
    }

    auto& message = connection->message();
    Response response;
    response.status = message.status;
    response.headers = std::move(message.headers);
    if (message.status == 101) {
        connection->disarm();
        response.upgraded = std::make_unique<UpgradedConnection>(std::move(connection));
        co_return response;
    }
    const bool is_in_place = request.short_body_in_place && connection->parser().is_done();
    if (wanted == Wanted::stream && !is_in_place) {
        connection->disarm();
        response.stream = std::make_unique<AnswerBody>(std::move(connection));
        co_return response;
    }
    while (!connection->parser().is_done()) {
        const auto read = co_await connection->read_body();
        if (!read) {
            if (read.error().kind != ErrorKind::too_large) co_return read.error();
            co_return Error{ErrorKind::too_large,
                            fmt::format("the answer is longer than {} bytes", request.body_limit)}
                .with("asking " + endpoint(request.origin));
        }
    }
    response.body = std::move(message.body);
    message.body.clear();
    state->keep(std::move(connection));
    co_return response;
}

}  // namespace

bool PoolOrder::operator()(const PoolKey& a, const PoolKey& b) const {
    return before(view(a), view(b));
}
bool PoolOrder::operator()(const PoolKey& a, const PoolView& b) const {
    return before(view(a), b);
}
bool PoolOrder::operator()(const PoolView& a, const PoolKey& b) const {
    return before(a, view(b));
}

SocketClient::State::State(Executor the_executor, Clock& the_clock, ClientOptions the_options)
    : executor(the_executor),
      clock(the_clock),
      options(the_options),
      deadlines(the_executor, the_clock),
      lookups(the_executor) {}

SocketClient::State::~State() = default;

std::unique_ptr<ClientConnection> SocketClient::State::take(const PoolView& wanted) {
    const auto found = pools.find(wanted);
    if (found == pools.end()) return nullptr;
    auto& idle = found->second.idle;
    while (!idle.empty()) {
        auto connection = std::move(idle.back());
        idle.pop_back();
        connection->end_idle();
        if (connection->seems_alive()) return connection;
    }
    return nullptr;
}

void SocketClient::State::keep(std::unique_ptr<ClientConnection> connection) {
    if (is_closed || !connection->may_be_kept()) return;
    const auto& key = connection->key();
    auto found = pools.find(key);
    if (found == pools.end()) found = pools.emplace(key, Pool{}).first;
    auto& idle = found->second.idle;
    // The oldest one goes: it is the likeliest to be closed on the other side.
    if (idle.size() >= options.idle_per_origin && !idle.empty()) idle.erase(idle.begin());
    connection->begin_idle(options.idle_timeout);
    idle.push_back(std::move(connection));
}

void SocketClient::State::drop(ClientConnection* connection) {
    const auto found = pools.find(connection->key());
    if (found == pools.end()) return;
    auto& idle = found->second.idle;
    std::erase_if(idle, [connection](const auto& kept) { return kept.get() == connection; });
    if (idle.empty()) pools.erase(found);
}

void SocketClient::State::close_all() {
    is_closed = true;
    // Idle connections hold the state that holds them.
    pools.clear();
    lookups.cancel();
    deadlines.end();
}

SocketClient::SocketClient(Executor executor, Clock& clock, ClientOptions options)
    : state_(std::make_shared<State>(std::move(executor), clock, options)) {}

SocketClient::~SocketClient() {
    state_->close_all();
}

Task<Result<std::unique_ptr<ByteStream>>> SocketClient::connect(Origin to, Duration timeout) {
    const auto state = state_;
    to.tls = false;
    auto connection = std::make_unique<ClientConnection>(state, PoolKey{std::move(to), {}, {}, {}});
    const auto connected = co_await connection->connect(state->clock.now() + timeout, timeout);
    if (!connected) co_return connected.error();
    connection->disarm();
    co_return std::make_unique<UpgradedConnection>(std::move(connection));
}

Task<Result<Response>> SocketClient::send(Request request) {
    return exchange(state_, std::move(request), Wanted::whole);
}

Task<Result<Response>> SocketClient::open(Request request) {
    return exchange(state_, std::move(request), Wanted::stream);
}

}  // namespace sluice::net
