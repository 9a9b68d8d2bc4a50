// Bytes over TCP without HTTP: what a proxy forwards of protocols that it does not know.
#pragma once

#include "base/async/clock.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::net {

class DuplexStream : public ByteStream {
   public:
    // Nothing more will be written; the other side may go on.
    virtual void end_writing() = 0;
    // At once, in both directions: a read that waits ends.
    virtual void close() = 0;
};

class Connector {
   public:
    Connector() = default;
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;
    virtual ~Connector() = default;

    // unreachable: "connecting to 127.64.0.1:6379: connection refused"; timed_out.
    virtual Task<Result<std::unique_ptr<DuplexStream>>> connect(std::string address,
                                                                std::uint16_t port,
                                                                Duration timeout) = 0;
};

class TcpConnector final : public Connector {
   public:
    // The clock outlives every call.
    explicit TcpConnector(Clock& clock) : clock_(clock) {}
    Task<Result<std::unique_ptr<DuplexStream>>> connect(std::string address,
                                                        std::uint16_t port,
                                                        Duration timeout) override;

   private:
    Clock& clock_;
};

class StreamHandler {
   public:
    StreamHandler() = default;
    StreamHandler(const StreamHandler&) = delete;
    StreamHandler& operator=(const StreamHandler&) = delete;
    virtual ~StreamHandler() = default;

    // `peer` is the caller's address, "127.0.0.1:53012".
    virtual Task<> handle(std::unique_ptr<DuplexStream> stream, std::string peer) = 0;
};

// Accepts connections and hands each one over.
class StreamServer {
   public:
    // Clock and handler outlive the server and what it was doing: who wants to be sure stops it
    // first.
    StreamServer(Executor executor, Clock& clock, StreamHandler& handler);
    StreamServer(const StreamServer&) = delete;
    StreamServer& operator=(const StreamServer&) = delete;
    ~StreamServer();

    // As HttpServer's.
    Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
    // No new connections; those open may end within `grace`, then they are cut.
    Task<> stop(Duration grace);

    struct State;

   private:
    std::shared_ptr<State> state_;
};

}  // namespace sluice::net
