#include "net/server.hpp"

#include "net/server_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

namespace sluice::net {
namespace {

using boost::asio::ip::tcp;
constexpr auto quietly = boost::asio::as_tuple(boost::asio::deferred);

Error listening_error(const std::string& address, std::uint16_t port, const auto& code) {
    const bool is_v6 = address.find(':') != std::string::npos;
    const auto doing = is_v6 ? fmt::format("listening on [{}]:{}", address, port)
                             : fmt::format("listening on {}:{}", address, port);
    const auto error = [&doing](ErrorKind kind, std::string_view why) {
        return Error{kind, std::string(why)}.with(doing);
    };
    if (code == boost::asio::error::address_in_use)
        return error(ErrorKind::already_exists, "address already in use");
    if (code == boost::asio::error::access_denied)
        return error(ErrorKind::denied, "permission denied");
    if (code == boost::system::errc::address_not_available)
        return error(ErrorKind::invalid, "not an address of this machine");
    if (code == boost::asio::error::invalid_argument)
        return error(ErrorKind::invalid, "not an address");
    return error(ErrorKind::unavailable, code.message());
}

// One at a time over the limit gets a 503 and is closed, so that it learns why.
void turn_away(tcp::socket& socket) {
    boost::system::error_code ignored;
    static constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 21\r\n"
        "Content-Type: text/plain\r\n\r\ntoo many connections\n";
    socket.non_blocking(true, ignored);
    socket.write_some(boost::asio::buffer(answer), ignored);
    socket.close(ignored);
}

Task<> accept(std::shared_ptr<HttpServer::State> state, std::shared_ptr<tcp::acceptor> acceptor);

}  // namespace

HttpServer::State::State(Executor the_executor,
                         Clock& the_clock,
                         Handler& the_handler,
                         ServerOptions the_options)
    : executor(the_executor),
      clock(the_clock),
      handler(the_handler),
      options(the_options),
      deadlines(the_executor, the_clock),
      accepting(the_executor),
      ended(the_executor) {}

HttpServer::HttpServer(Executor executor, Clock& clock, Handler& handler, ServerOptions options)
    : state_(std::make_shared<State>(std::move(executor), clock, handler, options)) {}

HttpServer::~HttpServer() {
    state_->is_stopping = true;
    for (auto& acceptor : state_->acceptors) {
        boost::system::error_code ignored;
        acceptor->close(ignored);
    }
    state_->accepting.cancel();
    state_->deadlines.end();
    // Ending one may take it out of the set.
    const std::vector open(state_->connections.begin(), state_->connections.end());
    for (auto* connection : open) connection->abort();
}

Result<std::uint16_t> HttpServer::listen(const std::string& address, std::uint16_t port) {
    boost::system::error_code code;
    const auto where =
        boost::asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, code);
    if (code) return listening_error(address, port, code);
    auto acceptor = std::make_shared<tcp::acceptor>(state_->executor);
    const tcp::endpoint endpoint(where, port);
    acceptor->open(endpoint.protocol(), code);
    if (!code) acceptor->set_option(tcp::acceptor::reuse_address(true), code);
    if (!code && where.is_v6() && where.is_unspecified()) {
        acceptor->set_option(boost::asio::ip::v6_only(false), code);
    }
    if (!code) acceptor->bind(endpoint, code);
    if (!code) acceptor->listen(boost::asio::socket_base::max_listen_connections, code);
    if (code) return listening_error(address, port, code);
    const auto taken = acceptor->local_endpoint(code).port();
    if (code) return listening_error(address, port, code);
    state_->acceptors.push_back(acceptor);
    state_->accepting.spawn("accept", accept(state_, acceptor));
    return taken;
}

Result<std::uint16_t> HttpServer::listen_everywhere(std::uint16_t port) {
    auto taken = listen("::", port);
    // Another one's port stays another one's; anything else says that IPv6 is switched off.
    if (taken || taken.error().kind == ErrorKind::already_exists ||
        taken.error().kind == ErrorKind::denied) {
        return taken;
    }
    return listen("0.0.0.0", port);
}

Task<> HttpServer::stop(Duration grace) {
    using boost::asio::experimental::awaitable_operators::operator||;
    // The server may be destroyed while we wait.
    auto state = state_;
    const auto until = state->clock.now() + grace;
    state->is_stopping = true;
    for (auto& acceptor : state->acceptors) {
        boost::system::error_code ignored;
        acceptor->close(ignored);
    }
    state->acceptors.clear();
    const std::vector open(state->connections.begin(), state->connections.end());
    for (auto* connection : open) {
        if (connection->is_idle()) connection->abort();
    }
    while (!state->connections.empty() && state->clock.now() < until) {
        co_await (state->ended.wait() || state->clock.sleep_until(until));
    }
    const std::vector left(state->connections.begin(), state->connections.end());
    for (auto* connection : left) connection->abort();
    while (!state->connections.empty()) co_await state->ended.wait();
    co_await state->accepting.wait();
}

namespace {

// Ends when the acceptor is closed.
Task<> accept(std::shared_ptr<HttpServer::State> state, std::shared_ptr<tcp::acceptor> acceptor) {
    while (!state->is_stopping) {
        auto [code, socket] = co_await acceptor->async_accept(quietly);
        if (state->is_stopping || code == boost::asio::error::operation_aborted) co_return;
        if (code) {
            // A caller that went away again, or no file descriptor left: those that end give some.
            co_await state->clock.sleep_for(std::chrono::milliseconds{20});
            continue;
        }
        if (state->connections.size() >= state->options.connections_max) {
            turn_away(socket);
            continue;
        }
        std::make_shared<ServerConnection>(state, std::move(socket))->start();
    }
}

}  // namespace
}  // namespace sluice::net
