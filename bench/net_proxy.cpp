// What a request costs through a bare proxy (a Handler with a SocketClient) beside a direct one:
// CPU of the thread that serves, which runs proxy and app, as the lab does; the load has its own
// thread. Budget: 40 µs per proxied request, at least a quarter of the direct throughput.
#include "app/real_world.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include <thread>

using namespace sluice;
using namespace sluice::net;
using boost::asio::ip::tcp;

namespace {

constexpr int connections = 32;
constexpr int requests_each = 4000;

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

Task<> load(std::uint16_t port) {
    tcp::socket socket(co_await boost::asio::this_coro::executor);
    socket.connect({boost::asio::ip::address_v4::loopback(), port});
    socket.set_option(tcp::no_delay(true));
    const std::string request =
        "GET /some/path?and=query HTTP/1.1\r\nHost: podinfo.test:9898\r\nUser-Agent: hey/0.0.1\r\n"
        "Accept: text/plain\r\nX-Request-Id: 0123456789\r\n\r\n";
    char answer[4096];
    for (int i = 0; i < requests_each; ++i) {
        boost::asio::write(socket, boost::asio::buffer(request));
        std::size_t size = 0;
        // The head is short and the body has 1024 bytes.
        while (size < 1024 || std::string_view(answer, size).find("\r\n\r\n") + 4 + 1024 > size) {
            size += co_await socket.async_read_some(
                boost::asio::buffer(answer + size, sizeof answer - size), boost::asio::deferred);
        }
    }
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Cost {
    double cpu_us;
    double per_second;
};

Cost measure(boost::asio::io_context& serving, const Clock& clock, std::uint16_t port) {
    const auto began = clock.now();
    const auto before = cpu_seconds();
    auto keep = boost::asio::make_work_guard(serving);
    std::thread other([&serving, port] {
        boost::asio::io_context loading{1};
        for (int i = 0; i < connections; ++i) {
            boost::asio::co_spawn(loading, load(port), [](const std::exception_ptr& thrown) {
                if (thrown) std::rethrow_exception(thrown);
            });
        }
        loading.run();
        serving.stop();
    });
    serving.restart();
    serving.run();
    other.join();
    const double requests = connections * requests_each;
    const auto cpu = cpu_seconds() - before;
    const auto took = std::chrono::duration<double>(clock.now() - began).count();
    return {cpu * 1e6 / requests, requests / took};
}

}  // namespace

int main() {
    const auto clock = make_real_clock();
    boost::asio::io_context context{1};
    App app;
    HttpServer behind(context.get_executor(), *clock, app);
    const auto app_port = behind.listen("127.0.0.1", 0).value();
    SocketClient client(context.get_executor(), *clock, {.idle_per_origin = 64});
    Proxy proxy(client, {.host = "127.0.0.1", .port = app_port});
    HttpServer front(context.get_executor(), *clock, proxy);
    const auto proxy_port = front.listen("127.0.0.1", 0).value();

    measure(context, *clock, proxy_port);  // warms up
    const auto direct = measure(context, *clock, app_port);
    const auto proxied = measure(context, *clock, proxy_port);
    fmt::print("direct   {:6.1f} us CPU per request, {:8.0f} per second\n",
               direct.cpu_us,
               direct.per_second);
    fmt::print("proxied  {:6.1f} us CPU per request, {:8.0f} per second   (budget 40 us)\n",
               proxied.cpu_us,
               proxied.per_second);
    fmt::print("ratio    {:6.2f} by CPU                                  (budget 0.25)\n",
               direct.cpu_us / proxied.cpu_us);
}
