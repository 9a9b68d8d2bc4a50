// What tests over real loopback sockets share: a context that runs until a task has ended, and a
// raw connection that says exactly the bytes it is told.
#pragma once

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "net/client.hpp"
#include "net/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>

namespace sluice::net::testing {

using boost::asio::ip::tcp;
using namespace std::chrono_literals;

constexpr auto quietly = boost::asio::as_tuple(boost::asio::deferred);

// Answers by a function of the test, which may be a coroutine function.
class FunctionHandler final : public Handler {
   public:
    using Function = std::function<Task<Response>(Request)>;
    explicit FunctionHandler(Function function) : function_(std::move(function)) {}
    Task<Response> handle(Request request) override { return function_(std::move(request)); }

   private:
    Function function_;
};

inline Task<> finish(Task<> task, bool& ended) {
    co_await std::move(task);
    ended = true;
}

struct World {
    boost::asio::io_context context{1};
    std::unique_ptr<Clock> clock = make_real_clock();
    TaskGroup group{context.get_executor()};

    ~World() {
        group.cancel();
        settle();
    }

    // Runs everything until the task has ended; 20 s are far more than any test needs.
    void run(Task<> task) {
        bool ended = false;
        group.spawn("test", finish(std::move(task), ended));
        const auto until = clock->now() + 20s;
        context.restart();
        while (!ended && clock->now() < until) context.run_one_for(100ms);
        REQUIRE(ended);
    }

    // Lets what was cancelled end.
    void settle() {
        context.restart();
        for (int turns = 0; turns < 1000 && context.poll() > 0; ++turns) context.restart();
    }

    Executor executor() { return context.get_executor(); }
};

// A connection without any notion of HTTP.
class Raw {
   public:
    Raw(Executor executor, std::uint16_t port) : socket_(executor) {
        socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    }

    Task<> write(std::string bytes) {
        co_await boost::asio::async_write(socket_, boost::asio::buffer(bytes), quietly);
    }
    // Until the other side closes.
    Task<std::string> read_all() {
        std::string all = std::exchange(kept_, {});
        char part[4096];
        while (true) {
            const auto [code, count] =
                co_await socket_.async_read_some(boost::asio::buffer(part), quietly);
            all.append(part, count);
            if (code) co_return all;
        }
    }
    // Until the text has come, which is part of what is returned.
    Task<std::string> read_until(std::string text) {
        char part[4096];
        while (true) {
            const auto at = kept_.find(text);
            if (at != std::string::npos) {
                auto head = kept_.substr(0, at + text.size());
                kept_.erase(0, at + text.size());
                co_return head;
            }
            const auto [code, count] =
                co_await socket_.async_read_some(boost::asio::buffer(part), quietly);
            kept_.append(part, count);
            if (code) co_return std::exchange(kept_, {});
        }
    }
    void close() { socket_.close(); }
    tcp::socket& socket() { return socket_; }

   private:
    tcp::socket socket_;
    std::string kept_;
};

}  // namespace sluice::net::testing
