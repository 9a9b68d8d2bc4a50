// A cluster for tests: a clock that stands still, a seeded random source, and deliveries that run
// when the test says so.
#pragma once

#include "base/async/virtual_clock.hpp"
#include "lab/apiserver/cluster.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace sluice::lab {

inline Json json(std::string_view text) {
    auto parsed = parse_json(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

struct ACluster {
    boost::asio::io_context context;
    VirtualClock clock{context, parse_rfc3339("2026-01-25T20:00:00Z").value()};
    SeededRandom random{7};
    Cluster cluster{clock, random};

    ACluster() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
    }
    void settle() { clock.settle(); }

    ObjectPtr create(const Resource& resource,
                     std::string_view text,
                     const WriteOptions& options = {}) {
        auto made = cluster.create(resource, json(text), options);
        if (!made) FAIL(made.error().message);
        return *made;
    }
};

inline Json a_deployment(std::string_view name = "web") {
    return JsonObject{
        {"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata", JsonObject{{"name", name}, {"namespace", "default"}}},
        {"spec",
         JsonObject{
             {"selector", JsonObject{{"matchLabels", JsonObject{{"app", name}}}}},
             {"template",
              JsonObject{
                  {"metadata", JsonObject{{"labels", JsonObject{{"app", name}}}}},
                  {"spec",
                   JsonObject{{"containers",
                               JsonArray{JsonObject{{"name", "web"}, {"image", "demo:1"}}}}}}}}}}};
}

}  // namespace sluice::lab
