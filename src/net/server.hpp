// An HTTP/1.1 server: keep-alive, streamed answers, limits, graceful stop.
#pragma once

#include "base/async/clock.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::net {

struct ServerOptions {
    std::size_t header_limit = std::size_t{60} * 1024;  // more: 431
    std::size_t headers_max = 100;                      // more: 431
    std::size_t body_limit =
        std::size_t{8} * 1024 * 1024;  // more: 413; of no account to a streamed body
    // A body that has not come along with its head is handed on as Request::stream, and read from
    // the connection only as fast as the handler reads it.
    bool stream_bodies = false;
    Duration head_timeout =
        std::chrono::seconds{30};  // for a request's head and body, once it has begun
    Duration idle_timeout = std::chrono::seconds{120};
    // For a caller to take some more of its answer, and to send some more of a streamed body.
    Duration stall_timeout = std::chrono::seconds{30};
    Duration tunnel_idle_timeout = std::chrono::hours{1};  // after an upgrade
    std::size_t connections_max = 10'000;
};

class HttpServer {
   public:
    // Clock and handler outlive the server and what it was doing: who wants to be sure stops it
    // first. A caller that goes away cancels the handler that works for it, and destroys the stream
    // that it was reading.
    HttpServer(Executor executor, Clock& clock, Handler& handler, ServerOptions options = {});
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    // Closes everything at once.
    ~HttpServer();

    // Starts to accept. Port 0 takes a free one. May be called for several addresses.
    // already_exists: "listening on 127.0.0.1:8080: address already in use"; denied for a
    // privileged port.
    Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
    // On all addresses of this machine: IPv6 and IPv4 by one socket, or IPv4 alone where there is
    // no IPv6.
    Result<std::uint16_t> listen_everywhere(std::uint16_t port);
    // No new connections; those idle close, those at work may finish within `grace`, then
    // everything is closed.
    Task<> stop(Duration grace);

    struct State;

   private:
    std::shared_ptr<State> state_;
};

}  // namespace sluice::net
