#include "net/environment_proxy.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::net;

namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

ReadVariable reading(const Variables& variables) {
    return [variables](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    };
}

// Answers at once, and keeps what it was sent.
class Recorder final : public HttpClient {
   public:
    Task<Result<Response>> send(Request request) override {
        sent.push_back(std::move(request));
        co_return Response{};
    }
    Task<Result<Response>> open(Request request) override { return send(std::move(request)); }
    std::vector<Request> sent;
};

Task<> send(HttpClient& client, Request request, Result<Response>& slot) {
    slot = co_await client.send(std::move(request));
}

// What the request was when it left; an error where it did not.
Result<Request> sent_by(const Variables& variables, Request request) {
    Recorder recorder;
    EnvironmentProxyClient client(recorder, reading(variables));
    boost::asio::io_context context;
    Result<Response> answer = Error{ErrorKind::cancelled, "not answered"};
    boost::asio::co_spawn(context, send(client, std::move(request), answer), boost::asio::detached);
    context.run();
    if (!answer) return answer.error();
    return recorder.sent.at(0);
}

Request request_to(std::string_view url) {
    const auto parsed = parse_url(url);
    REQUIRE(parsed);
    Request request;
    request.origin = parsed->origin;
    return request;
}

const Variables both{{"HTTPS_PROXY", "http://me:pw@secure:3128"}, {"HTTP_PROXY", "plain:8080"}};

}  // namespace

TEST_CASE("the environment's proxies lead outward, each for its scheme") {
    const auto secure = sent_by(both, request_to("https://hooks.slack.com/x"));
    REQUIRE(secure);
    CHECK(secure->proxy == Origin{.tls = false, .host = "secure", .port = 3128});
    CHECK(secure->headers.get("Proxy-Authorization") == "Basic bWU6cHc=");
    const auto plain = sent_by(both, request_to("http://tester.test/"));
    REQUIRE(plain);
    CHECK(plain->proxy == Origin{.tls = false, .host = "plain", .port = 8080});
    CHECK_FALSE(plain->headers.get("Proxy-Authorization"));
}

TEST_CASE(
    "nobody stands between us and loopback, NO_PROXY's names, or a server that is not verified") {
    auto variables = both;
    variables["NO_PROXY"] = ".svc,10.0.0.0/8";
    for (const auto* url : {"http://127.0.0.1:80/",
                            "http://localhost/",
                            "http://tester.test.svc/",
                            "http://10.1.2.3/"}) {
        CHECK_FALSE(sent_by(variables, request_to(url))->proxy);
    }
    auto unverified = request_to("https://gate.example.com/");
    unverified.tls = std::make_shared<const TlsOptions>(TlsOptions{.verify = false});
    CHECK_FALSE(sent_by(both, unverified)->proxy);
    CHECK_FALSE(sent_by({}, request_to("http://tester.test/"))->proxy);
}

TEST_CASE("a proxy of its own goes before the environment's") {
    auto request = request_to("https://hooks.slack.com/x");
    request.proxy = Origin{.tls = false, .host = "own", .port = 1};
    CHECK(sent_by(both, request)->proxy->host == "own");
}

TEST_CASE("a variable that holds no address is named, without its password") {
    const auto sent = sent_by({{"HTTPS_PROXY", "http://me:secret@proxy:70000"}},
                              request_to("https://hooks.slack.com/x"));
    REQUIRE_FALSE(sent);
    CHECK(sent.error().message == "HTTPS_PROXY: URL http://proxy:70000: bad port");
}
