// Load for a server on the thread that measures: thirty-two kept connections from a thread of their
// own, and what each request cost the serving thread.
#pragma once

#include "base/async/clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include <string>
#include <string_view>
#include <thread>

namespace sluice::bench {

using boost::asio::ip::tcp;

constexpr int connections = 32;
constexpr int requests_each = 4000;

inline Task<> load(std::uint16_t port) {
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

inline double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of one request.
struct Cost {
    double cpu_us;
    double per_second;
};

inline Cost measure(boost::asio::io_context& serving, const Clock& clock, std::uint16_t port) {
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

inline void show(const Cost& direct, const Cost& proxied) {
    fmt::print("direct   {:6.1f} us CPU per request, {:8.0f} per second\n",
               direct.cpu_us,
               direct.per_second);
    fmt::print("proxied  {:6.1f} us CPU per request, {:8.0f} per second   (budget 40 us)\n",
               proxied.cpu_us,
               proxied.per_second);
    fmt::print("ratio    {:6.2f} by CPU                                  (budget 0.25)\n",
               direct.cpu_us / proxied.cpu_us);
}

}  // namespace sluice::bench
