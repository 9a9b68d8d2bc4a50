// What a dashboard knows, told by hand.
#pragma once

#include "base/async/random.hpp"
#include "base/async/virtual_clock.hpp"
#include "base/core/text.hpp"
#include "web/known.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <memory>
#include <set>
#include <string>

namespace sluice::web::test {

// A server that has nothing of any kind, and says no to some.
class EmptyServer final : public net::HttpClient {
   public:
    explicit EmptyServer(Clock& clock) : clock_(clock) {}
    std::set<std::string, std::less<>> refused, absent;  // plurals

    Task<Result<net::Response>> send(net::Request request) override {
        const std::string_view target = request.target;
        const auto path = target.substr(0, target.find('?'));
        const auto plural = path.substr(path.rfind('/') + 1);
        if (refused.contains(plural)) co_return status(403);
        if (absent.contains(plural)) co_return status(404);
        if (target.find("sendInitialEvents") != std::string_view::npos) co_return status(400);
        if (target.find("watch=true") != std::string_view::npos) {
            co_await clock_.sleep_for(std::chrono::hours{1});
            co_return Error{ErrorKind::unreachable, "connection reset"};
        }
        net::Response response;
        response.body = R"({"kind":"List","metadata":{"resourceVersion":"0"},"items":[]})";
        co_return response;
    }
    Task<Result<net::Response>> open(net::Request request) override {
        return send(std::move(request));
    }

   private:
    static net::Response status(int code) {
        net::Response response;
        response.status = code;
        response.body = fmt::format(R"({{"kind":"Status","code":{}}})", code);
        return response;
    }
    Clock& clock_;
};

struct KnownWorld {
    KnownWorld()
        : known(std::make_shared<Known>(
              Known::World{
                  .executor = context.get_executor(),
                  .clock = clock,
                  .random = random,
                  .client = std::make_shared<kube::Client>(
                      clock, http, kube::Connection{.origin = {.host = "api", .port = 443}}),
                  .log = log},
              "")) {}

    // Under a version that has not been before.
    void tell(const kube::Resource& resource, Json object) {
        put(object, {"apiVersion"}, Json(resource.api_version()));
        put(object, {"kind"}, Json(resource.kind));
        const auto key = kube::key_of(object);
        put(object,
            {"metadata", "uid"},
            Json(fmt::format("{}/{}/{}", resource.plural, key.ns, key.name)));
        put(object, {"metadata", "resourceVersion"}, Json(std::to_string(++version)));
        known->note(resource, object);
    }
    // How many objects were parsed since this was asked last.
    std::uint64_t parsed() {
        const auto before = std::exchange(parsed_before, known->parsed());
        return parsed_before - before;
    }

    boost::asio::io_context context;
    VirtualClock clock{context, Time{std::chrono::seconds{1767225600}}};
    SeededRandom random{1};
    EmptyServer http{clock};
    Logger log{clock, {.level = LogLevel::error}, [](std::string_view) {}};
    std::shared_ptr<Known> known;
    int version = 0;
    std::uint64_t parsed_before = 0;
};

inline JsonObject meta(std::string_view name, std::string_view ns = "test") {
    return {{"namespace", ns}, {"name", name}};
}

// Rests, once promoted; `status` instead says otherwise.
inline Json a_canary(std::string_view name,
                     std::string_view status = R"({"phase": "Initialized"})") {
    Json object = boost::json::parse(R"({"spec": {
        "provider": "istio",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment"},
        "service": {"port": 9898},
        "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 80, "stepWeight": 20,
          "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]}}})");
    put(object, {"metadata"}, meta(name));
    put(object, {"spec", "targetRef", "name"}, Json(name));
    put(object, {"status"}, boost::json::parse(status));
    return object;
}

}  // namespace sluice::web::test
