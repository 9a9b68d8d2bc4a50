#include "support/scripted_server.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <regex>

namespace sluice::test {

class FeedReader final : public net::BodyReader {
   public:
    explicit FeedReader(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
    ~FeedReader() override { feed_->closed_ = true; }

    Task<Result<std::string>> next() override {
        auto feed = feed_;
        while (feed->bytes_.empty() && !feed->ended_ && !feed->broken_)
            co_await feed->signal_.wait();
        if (!feed->bytes_.empty()) {
            auto bytes = std::move(feed->bytes_.front());
            feed->bytes_.pop_front();
            co_return bytes;
        }
        if (feed->broken_) co_return Error{ErrorKind::unreachable, "connection reset by peer"};
        co_return std::string{};
    }

   private:
    std::shared_ptr<Feed> feed_;
};

void Feed::push(std::string bytes) {
    bytes_.push_back(std::move(bytes));
    signal_.notify_all();
}

void Feed::end() {
    ended_ = true;
    signal_.notify_all();
}

void Feed::break_off() {
    broken_ = true;
    signal_.notify_all();
}

void ScriptedServer::on(std::string beginning, Answer answer, int times) {
    rules_.push_front({std::move(beginning), std::move(answer), times});
}

void ScriptedServer::on(
    std::string beginning, int status, std::string body, net::Headers headers, int times) {
    on(
        std::move(beginning),
        [=](const net::Request&) {
            net::Response response;
            response.status = status;
            response.headers = headers;
            response.body = body;
            return response;
        },
        times);
}

void ScriptedServer::on_stream(std::string beginning,
                               std::vector<std::string> first_lines,
                               int times) {
    on(
        std::move(beginning),
        [this, first_lines = std::move(first_lines)](const net::Request&) {
            auto feed = std::make_shared<Feed>(executor_);
            for (const auto& line : first_lines) feed->push_line(line);
            feeds.push_back(feed);
            net::Response response;
            response.stream = std::make_unique<FeedReader>(std::move(feed));
            return response;
        },
        times);
}

Task<net::Response> ScriptedServer::handle(net::Request request) {
    const auto what = request.method + " " + request.target;
    requests.push_back(std::move(request));
    for (auto& rule : rules_) {
        if (rule.times == 0 || !what.starts_with(rule.beginning)) continue;
        if (rule.times > 0) --rule.times;
        co_return rule.answer(requests.back());
    }
    net::Response response;
    response.status = 404;
    response.body = "404 page not found\n";
    co_return response;
}

std::vector<std::string> ScriptedServer::asked() const {
    static const std::regex random_part("&timeoutSeconds=[0-9]+");
    std::vector<std::string> all;
    for (const auto& request : requests)
        all.push_back(request.method + " " + std::regex_replace(request.target, random_part, ""));
    return all;
}

class CuttableReader final : public net::BodyReader {
   public:
    CuttableReader(FaultyClient& client, std::unique_ptr<net::BodyReader> inner)
        : client_(client), inner_(std::move(inner)), cut_(client.executor_), born_(client.cuts_) {
        client_.readers_.push_back(&cut_);
    }
    ~CuttableReader() override { client_.readers_.remove(&cut_); }

    Task<Result<std::string>> next() override {
        using boost::asio::experimental::awaitable_operators::operator||;
        auto first = co_await (inner_->next() || wait_for_cut());
        if (first.index() == 0) co_return std::move(std::get<0>(first));
        co_return Error{ErrorKind::unreachable, "connection reset by peer"};
    }

   private:
    Task<> wait_for_cut() {
        while (client_.cuts_ == born_) co_await cut_.wait();
    }

    FaultyClient& client_;
    std::unique_ptr<net::BodyReader> inner_;
    Signal cut_;
    std::uint64_t born_;
};

std::optional<Error> FaultyClient::refusal(const net::Request& request) {
    ++sent;
    if (is_down) return Error{ErrorKind::unreachable, "connection refused"};
    return fault ? fault(request) : std::nullopt;
}

Task<Result<net::Response>> FaultyClient::send(net::Request request) {
    if (const auto error = refusal(request)) co_return *error;
    const bool is_lost = loses_answer && loses_answer(request);
    auto answer = co_await inner_.send(std::move(request));
    if (is_lost) co_return Error{ErrorKind::unreachable, "connection reset by peer"};
    co_return answer;
}

Task<Result<net::Response>> FaultyClient::open(net::Request request) {
    if (const auto error = refusal(request)) co_return *error;
    auto answer = co_await inner_.open(std::move(request));
    if (answer && answer->stream)
        answer->stream = std::make_unique<CuttableReader>(*this, std::move(answer->stream));
    co_return answer;
}

void FaultyClient::cut() {
    ++cuts_;
    for (auto* reader : readers_) reader->notify_all();
}

}  // namespace sluice::test
