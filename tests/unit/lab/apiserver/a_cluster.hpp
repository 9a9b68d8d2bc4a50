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

// A definition of widgets.lab.io/v1 with the given schema of spec; both subresources.
inline Json a_definition(std::string_view spec_schema) {
    auto crd = json(R"({
        "apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
        "metadata":{"name":"widgets.lab.io"},
        "spec":{"group":"lab.io","scope":"Namespaced",
                "names":{"plural":"widgets","kind":"Widget","shortNames":["wd"]},
                "versions":[{"name":"v1","served":true,"storage":true,
                    "subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas",
                                                         "statusReplicasPath":".status.replicas",
                                                         "labelSelectorPath":".status.selector"}},
                    "schema":{"openAPIV3Schema":{"type":"object","properties":{
                        "spec":{},
                        "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}})");
    auto& version = find(crd, {"spec", "versions"})->get_array().front();
    put(version, {"schema", "openAPIV3Schema", "properties", "spec"}, json(spec_schema));
    return crd;
}

inline const Resource widgets{"lab.io", "v1", "widgets", "Widget"};

inline Json a_widget(std::string_view spec, std::string_view name = "w1") {
    return JsonObject{{"apiVersion", "lab.io/v1"},
                      {"kind", "Widget"},
                      {"metadata", JsonObject{{"name", name}, {"namespace", "default"}}},
                      {"spec", json(spec)}};
}

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
