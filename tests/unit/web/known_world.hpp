// What a dashboard knows, told by hand: nothing is read from a server.
#pragma once

#include "base/async/random.hpp"
#include "base/async/virtual_clock.hpp"
#include "support/scripted_http.hpp"
#include "web/known.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <memory>
#include <string>

namespace sluice::web::test {

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
    testing::ScriptedHttp http{clock};
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
