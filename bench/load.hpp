// Load for a server on the thread that measures: thirty-two kept connections from a thread of their
// own, and what each request cost the serving thread.
#pragma once

#include "figures.hpp"
#include "timing.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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

// The same requests straight to the app and through the proxy, in turns; of each the median turn.
struct Comparison {
    Cost direct;
    Cost proxied;
};

inline Cost median(std::vector<Cost> costs) {
    std::ranges::sort(costs, {}, &Cost::cpu_us);
    return costs[costs.size() / 2];
}

inline Comparison compare(boost::asio::io_context& serving,
                          const Clock& clock,
                          std::uint16_t app,
                          std::uint16_t proxy) {
    constexpr int turns = 5;
    measure(serving, clock, proxy);  // warms up
    std::vector<Cost> direct;
    std::vector<Cost> proxied;
    for (int i = 0; i < turns; ++i) {
        direct.push_back(measure(serving, clock, app));
        proxied.push_back(measure(serving, clock, proxy));
    }
    return {median(std::move(direct)), median(std::move(proxied))};
}

inline Figures figures_of(const Comparison& costs, const std::string& which) {
    return {aside("us", which + ": CPU per request, straight to the app", costs.direct.cpu_us),
            at_most(40, "us", which + ": CPU per request through the proxy", costs.proxied.cpu_us),
            at_least(0.25,
                     "",
                     which + ": direct CPU / proxied CPU",
                     costs.direct.cpu_us / costs.proxied.cpu_us),
            aside("",
                  which + ": proxied / direct requests per second",
                  costs.proxied.per_second / costs.direct.per_second)};
}

}  // namespace sluice::bench
