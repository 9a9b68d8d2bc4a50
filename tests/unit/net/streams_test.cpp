// Bytes over real sockets, without HTTP.
#include "net/streams.hpp"

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <optional>

using namespace sluice;
using namespace sluice::net;
using std::chrono::seconds;

namespace {

// Says back what it was told when the caller has said all of it.
class Repeats final : public StreamHandler {
   public:
    Task<> handle(std::unique_ptr<DuplexStream> stream, std::string peer) override {
        CHECK(peer.starts_with("127.0.0.1:"));
        std::string all;
        while (true) {
            auto bytes = co_await stream->read();
            if (!bytes) co_return;
            if (bytes->empty()) break;
            all += *bytes;
        }
        (void)co_await stream->write("again: " + all);
        stream->end_writing();
    }
};

struct Sockets {
    boost::asio::io_context context;
    std::unique_ptr<Clock> clock = make_real_clock();
    Repeats repeats;
    StreamServer server{context.get_executor(), *clock, repeats};
    TcpConnector connector{*clock};
    std::uint16_t port = 0;
    bool is_done = false;

    void run(Task<> (*scenario)(Sockets&)) {
        port = server.listen("127.0.0.1", 0).value();
        TaskGroup group(context.get_executor());
        group.spawn("scenario", whole(*this, scenario));
        context.run_for(seconds{20});
        REQUIRE(is_done);
    }
    static Task<> whole(Sockets& sockets, Task<> (*scenario)(Sockets&)) {
        co_await scenario(sockets);
        co_await sockets.server.stop(seconds{0});
        sockets.is_done = true;
        sockets.context.stop();
    }
};

Task<> half_closed(Sockets& sockets) {
    auto stream = co_await sockets.connector.connect("127.0.0.1", sockets.port, seconds{5});
    REQUIRE(stream.has_value());
    const std::string much(1'000'000, 'x');
    CHECK((co_await (*stream)->write(much)).has_value());
    (*stream)->end_writing();
    std::string answer;
    while (true) {
        auto bytes = co_await (*stream)->read();
        REQUIRE(bytes.has_value());
        if (bytes->empty()) break;
        answer += *bytes;
    }
    CHECK(answer == "again: " + much);
}

Task<> stopped(Sockets& sockets) {
    auto stream = co_await sockets.connector.connect("127.0.0.1", sockets.port, seconds{5});
    REQUIRE(stream.has_value());
    // Accepted before the server stops.
    CHECK((co_await (*stream)->write("x")).has_value());
    co_await sockets.clock->sleep_for(std::chrono::milliseconds{50});
    co_await sockets.server.stop(seconds{0});
    const auto bytes = co_await (*stream)->read();
    CHECK((!bytes || bytes->empty()));
    const auto refused = co_await sockets.connector.connect("127.0.0.1", sockets.port, seconds{5});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.starts_with("connecting to 127.0.0.1:"));
    CHECK_FALSE(
        (co_await sockets.connector.connect("nowhere", sockets.port, seconds{5})).has_value());
}

}  // namespace

TEST_CASE("a side that has said all still hears the other one out") {
    Sockets sockets;
    sockets.run(half_closed);
}

TEST_CASE("a server of streams that stops cuts what is open, and takes no more") {
    Sockets sockets;
    sockets.run(stopped);
}

TEST_CASE("a port that is taken is taken") {
    Sockets sockets;
    const auto port = sockets.server.listen("127.0.0.1", 0).value();
    StreamServer other(sockets.context.get_executor(), *sockets.clock, sockets.repeats);
    const auto taken = other.listen("127.0.0.1", port);
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error().kind == ErrorKind::already_exists);
}
