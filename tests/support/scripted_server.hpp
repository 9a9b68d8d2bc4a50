// A server that answers what a test tells it to, streams that a test feeds by hand, and a client
// that can lose its connection: for faults that a real server brings about only by luck.
#pragma once

#include "base/async/signal.hpp"
#include "net/http.hpp"

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

// The test's end of one streamed body.
class Feed {
   public:
    explicit Feed(Executor executor) : signal_(std::move(executor)) {}

    void push(std::string bytes);
    void push_line(std::string line) { push(std::move(line) + "\n"); }
    void end();
    // As a connection that is reset.
    void break_off();
    // The reader has gone.
    bool is_closed() const { return closed_; }

   private:
    friend class FeedReader;
    Signal signal_;
    std::deque<std::string> bytes_;
    bool ended_ = false;
    bool broken_ = false;
    bool closed_ = false;
};

class ScriptedServer final : public net::Handler {
   public:
    using Answer = std::function<net::Response(const net::Request&)>;

    explicit ScriptedServer(Executor executor) : executor_(std::move(executor)) {}

    // For requests whose "METHOD target" begins so. What was said last is asked first; with `times`
    // it answers only so often.
    void on(std::string beginning, Answer answer, int times = -1);
    void on(std::string beginning,
            int status,
            std::string body,
            net::Headers headers = {},
            int times = -1);
    // Each such request opens a feed, which appears in `feeds`.
    void on_stream(std::string beginning,
                   std::vector<std::string> first_lines = {},
                   int times = -1);

    Task<net::Response> handle(net::Request request) override;

    // "METHOD target" of all requests so far, without the random timeoutSeconds.
    std::vector<std::string> asked() const;
    std::vector<net::Request> requests;
    std::vector<std::shared_ptr<Feed>> feeds;

   private:
    struct Rule {
        std::string beginning;
        Answer answer;
        int times;
    };
    Executor executor_;
    std::list<Rule> rules_;
};

// Stands before a client: no connection while `is_down`, and `cut` breaks off what is open.
class FaultyClient final : public net::HttpClient {
   public:
    FaultyClient(Executor executor, net::HttpClient& inner)
        : executor_(std::move(executor)), inner_(inner) {}

    Task<Result<net::Response>> send(net::Request request) override;
    Task<Result<net::Response>> open(net::Request request) override;

    bool is_down = false;
    // Asked before each request: an Error to answer with, or nothing.
    std::function<std::optional<Error>(const net::Request&)> fault;
    // The answer does not arrive, though the server has acted.
    std::function<bool(const net::Request&)> loses_answer;
    void cut();
    std::size_t sent = 0;

   private:
    friend class CuttableReader;
    std::optional<Error> refusal(const net::Request& request);

    Executor executor_;
    net::HttpClient& inner_;
    std::uint64_t cuts_ = 0;
    std::list<Signal*> readers_;
};

}  // namespace sluice::test
