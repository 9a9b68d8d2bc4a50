// The client over sockets: a pool of kept connections per origin and TLS identity.
#pragma once

#include "base/async/clock.hpp"
#include "net/http.hpp"

#include <memory>

namespace sluice::net {

struct ClientOptions {
    Duration connect_timeout = std::chrono::seconds{5};
    Duration idle_timeout = std::chrono::seconds{60};
    std::size_t idle_per_origin = 32;
};

class SocketClient final : public HttpClient {
   public:
    // The clock outlives the client, and the client every call; a stream may outlive it.
    SocketClient(Executor executor, Clock& clock, ClientOptions options = {});
    ~SocketClient() override;

    // A kept connection that turns out closed before any byte of the answer is tried once more on a
    // fresh one, for methods that may be repeated.
    Task<Result<Response>> send(Request request) override;
    Task<Result<Response>> open(Request request) override;

    // A bare connection to that address and port (its `tls` is of no account), for a handler that
    // serves CONNECT.
    Task<Result<std::unique_ptr<ByteStream>>> connect(Origin to, Duration timeout);

    struct State;

   private:
    std::shared_ptr<State> state_;
};

}  // namespace sluice::net
