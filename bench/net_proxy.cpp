// What a request costs through a bare proxy (a Handler with a SocketClient) beside a direct one:
// CPU of the thread that serves, which runs proxy and app, as the lab does; the load has its own
// thread. What the lab's mesh can at best be.
#include "app/real_world.hpp"
#include "load.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

namespace sluice::bench {
namespace {

using namespace net;

class App final : public Handler {
   public:
    Task<Response> handle(Request) override {
        co_return Response{.status = 200,
                           .headers = {{"Content-Type", "text/plain"}},
                           .body = std::string(1024, 'x')};
    }
};

class Proxy final : public Handler {
   public:
    Proxy(SocketClient& client, Origin to) : client_(client), to_(std::move(to)) {}
    Task<Response> handle(Request request) override {
        request.origin = to_;
        request.short_body_in_place = true;
        auto answer = co_await client_.open(std::move(request));
        if (!answer) co_return Response{.status = 503, .body = answer.error().message};
        co_return std::move(*answer);
    }

   private:
    SocketClient& client_;
    Origin to_;
};

}  // namespace

Figures net_proxy() {
    const auto clock = make_real_clock();
    boost::asio::io_context context{1};
    App app;
    HttpServer behind(context.get_executor(), *clock, app);
    const auto app_port = behind.listen("127.0.0.1", 0).value();
    SocketClient client(context.get_executor(), *clock, {.idle_per_origin = 64});
    Proxy proxy(client, {.host = "127.0.0.1", .port = app_port});
    HttpServer front(context.get_executor(), *clock, proxy);
    const auto proxy_port = front.listen("127.0.0.1", 0).value();

    return figures_of(compare(context, *clock, app_port, proxy_port), "bare proxy");
}

}  // namespace sluice::bench
