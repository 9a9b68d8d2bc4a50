#include "net/in_process.hpp"

#include "base/async/deadline.hpp"

#include <fmt/format.h>

namespace sluice::net {
namespace {

// A body that is there already.
class ReadyBody final : public BodyReader {
   public:
    explicit ReadyBody(std::string body) : body_(std::move(body)) {}
    Task<Result<std::string>> next() override { co_return std::exchange(body_, {}); }

   private:
    std::string body_;
};

// What a server would see: the body either whole or as a stream, and a Host.
Request as_received(Request request) {
    if (!request.headers.get("Host")) {
        request.headers.add("Host", to_string(request.origin).substr(request.origin.tls ? 8 : 7));
    }
    return request;
}

// The handler outlives the client and what it was asked.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<Result<Response>> ask(Handler& handler, Request request) {
    const bool is_head = request.method == "HEAD";
    auto response = co_await handler.handle(as_received(std::move(request)));
    if (is_head) {
        response.body.clear();
        response.stream = nullptr;
    }
    co_return response;
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<Result<Response>> ask_whole(Handler& handler, Request request) {
    const auto limit = request.body_limit;
    auto answer = co_await ask(handler, std::move(request));
    if (!answer) co_return answer.error();
    Response response;
    response.status = answer->status;
    response.headers = std::move(answer->headers);
    auto body = co_await read_whole(std::move(*answer), limit);
    if (!body) co_return body.error();
    response.body = std::move(*body);
    co_return response;
}

}  // namespace

Task<Result<Response>> InProcessClient::send(Request request) {
    const auto timeout = request.timeout;
    return with_deadline<Response>(clock_, timeout, ask_whole(handler_, std::move(request)));
}

Task<Result<Response>> InProcessClient::open(Request request) {
    const auto timeout = request.timeout;
    const bool may_be_in_place = request.short_body_in_place;
    auto answer =
        co_await with_deadline<Response>(clock_, timeout, ask(handler_, std::move(request)));
    if (!answer) co_return answer.error();
    if (!answer->stream && !answer->upgraded && !may_be_in_place) {
        answer->stream = std::make_unique<ReadyBody>(std::exchange(answer->body, {}));
    }
    co_return answer;
}

}  // namespace sluice::net
