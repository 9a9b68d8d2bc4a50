#include "net/streams.hpp"

#include "base/async/deadline.hpp"
#include "base/async/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr auto quietly = boost::asio::as_tuple(boost::asio::deferred);
constexpr std::size_t read_max = std::size_t{64} * 1024;
constexpr std::size_t connections_max = 10'000;

Error trouble(const error_code& code) {
    if (code == boost::asio::error::operation_aborted)
        return {ErrorKind::cancelled, "connection cancelled"};
    return {ErrorKind::unreachable, code.message()};
}

class TcpStream final : public DuplexStream {
   public:
    explicit TcpStream(tcp::socket socket) : socket_(std::move(socket)) {
        error_code ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
    }

    Task<Result<std::string>> read() override {
        std::string bytes(read_max, '\0');
        const auto [code, count] =
            co_await socket_.async_read_some(boost::asio::buffer(bytes), quietly);
        if (code == boost::asio::error::eof) co_return std::string();
        if (code) co_return trouble(code);
        bytes.resize(count);
        co_return bytes;
    }
    Task<Result<void>> write(std::string bytes) override {
        const auto [code, count] =
            co_await boost::asio::async_write(socket_, boost::asio::buffer(bytes), quietly);
        if (code) co_return trouble(code);
        co_return Result<void>{};
    }
    void end_writing() override {
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }
    void close() override {
        error_code ignored;
        socket_.close(ignored);
    }

   private:
    tcp::socket socket_;
};

std::string text_of(const tcp::endpoint& endpoint) {
    return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

Task<Result<std::unique_ptr<DuplexStream>>> connect_to(tcp::endpoint endpoint) {
    tcp::socket socket(co_await boost::asio::this_coro::executor);
    const auto [code] = co_await socket.async_connect(endpoint, quietly);
    if (code) co_return trouble(code);
    co_return std::unique_ptr<DuplexStream>(std::make_unique<TcpStream>(std::move(socket)));
}

}  // namespace

Task<Result<std::unique_ptr<DuplexStream>>> TcpConnector::connect(std::string address,
                                                                  std::uint16_t port,
                                                                  Duration timeout) {
    const auto doing = fmt::format("connecting to {}:{}", address, port);
    error_code code;
    const auto where = boost::asio::ip::make_address(address, code);
    if (code) co_return Error{ErrorKind::invalid, "not an address"}.with(doing);
    auto stream = co_await with_deadline(clock_, timeout, connect_to({where, port}));
    if (!stream) co_return stream.error().with(doing);
    co_return stream;
}

struct StreamServer::State {
    State(Executor the_executor, Clock& the_clock, StreamHandler& the_handler)
        : executor(std::move(the_executor)),
          clock(the_clock),
          handler(the_handler),
          accepting(executor),
          open(executor) {}

    static Task<> accept(std::shared_ptr<State> state, std::shared_ptr<tcp::acceptor> acceptor);
    static Task<Result<void>> all_ended(std::shared_ptr<State> state) {
        co_await state->open.wait();
        co_return Result<void>{};
    }
    void close_acceptors() {
        is_stopping = true;
        for (auto& acceptor : acceptors) {
            error_code ignored;
            acceptor->close(ignored);
        }
        acceptors.clear();
    }

    Executor executor;
    Clock& clock;
    StreamHandler& handler;
    std::vector<std::shared_ptr<tcp::acceptor>> acceptors;
    bool is_stopping = false;
    TaskGroup accepting, open;
};

// Ends when the acceptor is closed.
Task<> StreamServer::State::accept(std::shared_ptr<State> state,
                                   std::shared_ptr<tcp::acceptor> acceptor) {
    while (!state->is_stopping) {
        auto [code, socket] = co_await acceptor->async_accept(quietly);
        if (state->is_stopping || code == boost::asio::error::operation_aborted) co_return;
        if (code || state->open.size() >= connections_max) {
            co_await state->clock.sleep_for(std::chrono::milliseconds{20});
            continue;
        }
        error_code unknown;
        const auto peer = socket.remote_endpoint(unknown);
        state->open.spawn("connection",
                          state->handler.handle(std::make_unique<TcpStream>(std::move(socket)),
                                                unknown ? std::string() : text_of(peer)));
    }
}

StreamServer::StreamServer(Executor executor, Clock& clock, StreamHandler& handler)
    : state_(std::make_shared<State>(std::move(executor), clock, handler)) {}

StreamServer::~StreamServer() {
    state_->close_acceptors();
    state_->accepting.cancel();
    state_->open.cancel();
}

Result<std::uint16_t> StreamServer::listen(const std::string& address, std::uint16_t port) {
    const auto failed = [&](ErrorKind kind, const error_code& code) {
        return Error{kind, code.message()}.with(fmt::format("listening on {}:{}", address, port));
    };
    error_code code;
    const auto where = boost::asio::ip::make_address(address, code);
    if (code) return failed(ErrorKind::invalid, code);
    auto acceptor = std::make_shared<tcp::acceptor>(state_->executor);
    const tcp::endpoint endpoint(where, port);
    acceptor->open(endpoint.protocol(), code);
    if (!code) acceptor->set_option(tcp::acceptor::reuse_address(true), code);
    if (!code) acceptor->bind(endpoint, code);
    if (!code) acceptor->listen(boost::asio::socket_base::max_listen_connections, code);
    if (code == boost::asio::error::address_in_use) return failed(ErrorKind::already_exists, code);
    if (code == boost::asio::error::access_denied) return failed(ErrorKind::denied, code);
    if (code) return failed(ErrorKind::unavailable, code);
    const auto taken = acceptor->local_endpoint(code).port();
    if (code) return failed(ErrorKind::unavailable, code);
    state_->acceptors.push_back(acceptor);
    state_->accepting.spawn("accept", State::accept(state_, acceptor));
    return taken;
}

Task<> StreamServer::stop(Duration grace) {
    // The server may be destroyed while we wait.
    auto state = state_;
    state->close_acceptors();
    co_await state->accepting.wait();
    (void)co_await with_deadline(state->clock, grace, State::all_ended(state));
    state->open.cancel();
    co_await state->open.wait();
}

}  // namespace sluice::net
