// One connection of the client: made, written to, read from, and kept for the next request.
#pragma once

#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "net/buffer.hpp"
#include "net/client.hpp"
#include "net/deadlines.hpp"
#include "net/message_parser.hpp"
#include "net/message_writer.hpp"
#include "net/pieces.hpp"
#include "net/tls.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <map>
#include <optional>
#include <vector>

namespace sluice::net {

class ClientConnection;

// What a connection is kept for. TLS identities are told apart by what they say.
struct PoolKey {
    Origin origin;
    std::optional<Origin> proxy;
    std::shared_ptr<const TlsOptions> tls;
    std::string proxy_authorization;  // as whom a tunnel was asked for
};
// The same without copies, to look one up.
struct PoolView {
    const Origin& origin;
    const std::optional<Origin>& proxy;
    const TlsOptions* tls;
    std::string_view proxy_authorization;
};
struct PoolOrder {
    using is_transparent = void;
    bool operator()(const PoolKey& a, const PoolKey& b) const;
    bool operator()(const PoolKey& a, const PoolView& b) const;
    bool operator()(const PoolView& a, const PoolKey& b) const;
};

struct SocketClient::State : std::enable_shared_from_this<State> {
    using Idle = std::vector<std::unique_ptr<ClientConnection>>;  // the latest last
    struct Pool {
        Idle idle;
        std::shared_ptr<TlsContext> tls;
    };

    State(Executor the_executor, Clock& the_clock, ClientOptions the_options);
    ~State();

    // A kept connection that still seems alive, or null.
    std::unique_ptr<ClientConnection> take(const PoolView& wanted);
    void keep(std::unique_ptr<ClientConnection> connection);
    // Closes and forgets a kept one.
    void drop(ClientConnection* connection);
    void close_all();

    Executor executor;
    Clock& clock;
    ClientOptions options;
    Deadlines deadlines;
    TaskGroup lookups;
    std::map<PoolKey, Pool, PoolOrder> pools;
    bool is_closed = false;
};

class ClientConnection {
   public:
    using Shared = std::shared_ptr<SocketClient::State>;

    ClientConnection(Shared state, PoolKey key);

    // Name lookup, TCP, the proxy's CONNECT and TLS, by `due` and within the connect timeout.
    Task<Result<void>> connect(Time due, Duration timeout);

    // The request's head and body. Trouble is no reason not to look for an answer: a server may
    // refuse a body before it has come.
    Task<Result<void>> send(const Request* request);
    // Reads until the answer's head is there, past any 1xx save 101.
    Task<Result<void>> read_head(std::optional<std::size_t> body_limit, ExpectedBody expected);
    // Reads until more of the body is there or the message is done.
    Task<Result<void>> read_body();

    // The next bytes after an upgrade; empty at the end.
    Task<Result<std::string>> read_raw();
    Task<Result<void>> write_raw(std::string bytes);

    void arm(Time due, Duration timeout);
    void disarm() { deadline_.disarm(); }
    void begin_idle(Duration limit);
    void end_idle() { is_idle_ = false; }
    // False when the other side has closed it or sent what nobody asked for.
    bool seems_alive();
    bool may_be_kept() const;
    // Not a byte of the present answer has come.
    bool is_untouched() const { return !parser_.has_begun() && !has_expired_; }
    bool has_expired() const { return has_expired_; }

    MessageParser& parser() { return parser_; }
    Message& message() { return parser_.message; }
    const PoolKey& key() const { return key_; }
    const Shared& state() const { return state_; }

   private:
    struct Lookup;
    static Task<> look_up(std::shared_ptr<Lookup> lookup, std::string host);
    Task<Result<std::vector<boost::asio::ip::address>>> addresses_of(std::string host);
    Task<Result<void>> connect_tcp(Origin to);
    Task<Result<void>> ask_proxy();
    Task<Result<void>> shake_hands();
    Task<boost::system::error_code> write(Pieces pieces);
    Task<boost::system::error_code> read_some();
    void commit(std::size_t count, std::size_t room);
    Task<Result<void>> send_stream(std::shared_ptr<BodyReader> body, Framing framing);
    // What stands in the way of the bytes: the deadline, a cancellation, or the network.
    Error trouble(const boost::system::error_code& code, std::string_view otherwise) const;
    void deadline_passed();

    Shared state_;
    PoolKey key_;
    boost::asio::ip::tcp::socket socket_;
    std::shared_ptr<TlsContext> context_;
    std::unique_ptr<TlsStream> tls_;
    Buffer in_;
    std::size_t room_ = 8 * 1024;  // for the next read
    std::string out_;
    MessageParser parser_{MessageParser::Kind::response};
    Deadlines::Entry deadline_;
    std::shared_ptr<Lookup> lookup_;
    Duration timeout_{};
    bool has_expired_ = false;
    bool is_idle_ = false;
    bool wants_close_ = false;  // this request asked for `Connection: close`
};

}  // namespace sluice::net
