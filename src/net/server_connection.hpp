// One accepted connection: requests in, answers out, one after the other.
#pragma once

#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "net/buffer.hpp"
#include "net/deadlines.hpp"
#include "net/message_parser.hpp"
#include "net/message_writer.hpp"
#include "net/pieces.hpp"
#include "net/server.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <set>
#include <vector>

namespace sluice::net {

class ServerConnection;

// What the connections of one server share.
struct HttpServer::State {
    State(Executor the_executor, Clock& the_clock, Handler& the_handler, ServerOptions the_options);

    Executor executor;
    Clock& clock;
    Handler& handler;
    ServerOptions options;
    Deadlines deadlines;
    TaskGroup accepting;
    std::vector<std::shared_ptr<boost::asio::ip::tcp::acceptor>> acceptors;
    std::set<ServerConnection*> connections;
    Signal ended;  // each time a connection has ended
    bool is_stopping = false;
};

class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
   public:
    using Shared = std::shared_ptr<HttpServer::State>;

    ServerConnection(Shared state, boost::asio::ip::tcp::socket socket);
    ~ServerConnection();

    // Serves it until it ends.
    void start();
    // Ends it at once.
    void abort();
    bool is_idle() const { return phase_ == Phase::idle && in_.empty(); }

    // For the body's reader: the next bytes of the present request's body.
    Task<Result<std::string>> next_of_body(std::uint64_t serial);

   private:
    enum class Phase { idle, receiving, handling, sending, tunnel, leaving };
    // Why a request is not served: a status to answer with, or nothing more to say (0).
    struct Refusal {
        int status = 0;
        std::string_view why = {};
    };
    using Heard = std::optional<Refusal>;

    static Task<> serve(std::shared_ptr<ServerConnection> self);
    static Task<> watch_caller(std::shared_ptr<ServerConnection> self, std::uint64_t serial);
    static Task<> carry_back(std::shared_ptr<ServerConnection> self,
                             std::shared_ptr<ByteStream> other);

    void set_phase(Phase phase, Duration limit);
    void deadline_passed();
    Heard parse();
    Task<Heard> read_head();
    Task<Heard> read_body();
    Task<Heard> read_some();
    Request take_request();
    // True when the connection may be kept.
    Task<bool> answer(Response response);
    Task<bool> send(Pieces pieces);
    Task<bool> send_stream(std::unique_ptr<BodyReader> body, Framing framing);
    Task<> refuse(Refusal refusal);
    Task<> leave();
    Task<> tunnel(std::shared_ptr<ByteStream> other);
    Refusal refusal_of(ParseTrouble trouble) const;

    Shared state_;
    boost::asio::ip::tcp::socket socket_;
    Buffer in_;
    std::size_t room_ = 4 * 1024;  // for the next read
    std::string out_;
    MessageParser parser_{MessageParser::Kind::request};
    TaskGroup tasks_;
    Deadlines::Entry deadline_;
    Phase phase_ = Phase::idle;
    bool has_expired_ = false;
    bool is_watched_ = false;
    bool wants_continue_ = false;
    bool is_head_request_ = false;
    bool is_connect_request_ = false;
    std::uint64_t serial_ = 0;  // of the present request
    std::string peer_;
    Origin self_;
};

}  // namespace sluice::net
