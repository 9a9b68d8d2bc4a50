#include "lab/apiserver/garbage.hpp"

#include "a_cluster.hpp"

using namespace sluice;
using namespace sluice::lab;
namespace resources = sluice::kube::resources;

namespace {

// A chain of config maps: each is owned by the one before.
struct Chain {
    ACluster lab;

    ObjectPtr add(std::string_view name, const ObjectPtr& owner) {
        JsonObject metadata{{"name", name}, {"namespace", "default"}};
        if (owner) {
            metadata["ownerReferences"] =
                JsonArray{kube::owner_reference_to(resources::config_maps, *owner)};
        }
        return lab.cluster.create(resources::config_maps, JsonObject{{"metadata", metadata}})
            .value();
    }
    ObjectPtr find(std::string_view name) {
        return lab.cluster.find(resources::config_maps, {"default", std::string(name)});
    }
    void remove(std::string_view name, std::string_view propagation) {
        const auto removed = lab.cluster.remove(resources::config_maps,
                                                {"default", std::string(name)},
                                                {.propagation = std::string(propagation)});
        REQUIRE(removed.has_value());
    }
    void finish(std::string_view name) {
        REQUIRE(lab.cluster
                    .patch(resources::config_maps,
                           {"default", std::string(name)},
                           PatchKind::merge,
                           json(R"({"metadata":{"finalizers":null}})"))
                    .has_value());
        lab.settle();
    }
};

}  // namespace

TEST_CASE("in the background the owner goes first and its dependents follow") {
    Chain chain;
    const auto a = chain.add("a", nullptr);
    const auto b = chain.add("b", a);
    chain.add("c", b);
    chain.remove("a", "Background");
    CHECK(chain.find("a") == nullptr);
    CHECK(chain.find("b") != nullptr);
    chain.lab.settle();
    CHECK(chain.find("b") == nullptr);
    CHECK(chain.find("c") == nullptr);
}

TEST_CASE("in the foreground the owner waits for its dependents and theirs") {
    Chain chain;
    const auto a = chain.add("a", nullptr);
    const auto b = chain.add("b", a);
    chain.add("c", b);
    REQUIRE(chain.lab.cluster
                .patch(resources::config_maps,
                       {"default", "c"},
                       PatchKind::merge,
                       json(R"({"metadata":{"finalizers":["x.io/hold"]}})"))
                .has_value());
    chain.remove("a", "Foreground");
    chain.lab.settle();
    REQUIRE(chain.find("a") != nullptr);
    CHECK(*sluice::find(*chain.find("a"), {"metadata", "finalizers"}) ==
          json(R"(["foregroundDeletion"])"));
    CHECK(chain.find("b") != nullptr);
    CHECK(chain.find("c") != nullptr);
    chain.finish("c");
    CHECK(chain.find("c") == nullptr);
    CHECK(chain.find("b") == nullptr);
    CHECK(chain.find("a") == nullptr);
}

TEST_CASE("orphans stay and forget their owner") {
    Chain chain;
    const auto a = chain.add("a", nullptr);
    chain.add("b", a);
    chain.remove("a", "Orphan");
    chain.lab.settle();
    CHECK(chain.find("a") == nullptr);
    REQUIRE(chain.find("b") != nullptr);
    CHECK(sluice::find(*chain.find("b"), {"metadata", "ownerReferences"}) == nullptr);
}

TEST_CASE("an object with a second owner stays and loses the reference to the first") {
    Chain chain;
    const auto a = chain.add("a", nullptr);
    const auto other = chain.add("other", nullptr);
    const auto reference = [](const ObjectPtr& owner) {
        auto made = kube::owner_reference_to(resources::config_maps, *owner);
        drop(made, {"controller"});
        return made;
    };
    const JsonObject metadata{{"name", "b"},
                              {"namespace", "default"},
                              {"ownerReferences", JsonArray{reference(a), reference(other)}}};
    REQUIRE(chain.lab.cluster.create(resources::config_maps, JsonObject{{"metadata", metadata}})
                .has_value());
    chain.remove("a", "Background");
    chain.lab.settle();
    REQUIRE(chain.find("b") != nullptr);
    CHECK(*sluice::find(*chain.find("b"), {"metadata", "ownerReferences"}) ==
          Json(JsonArray{reference(other)}));
}

TEST_CASE("an object whose owner never was does not stay") {
    Chain chain;
    chain.lab.create(resources::config_maps, R"({"metadata":{"name":"b","namespace":"default",
        "ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"a","uid":"nobody"}]}})");
    chain.lab.settle();
    CHECK(chain.find("b") == nullptr);
}

TEST_CASE("a namespace goes when everything in it went, and takes nothing new meanwhile") {
    ACluster lab;
    lab.create(resources::namespaces, R"({"metadata":{"name":"demo"}})");
    lab.create(resources::config_maps,
               R"({"metadata":{"name":"held","namespace":"demo","finalizers":["x.io/hold"]}})");
    lab.create(resources::config_maps, R"({"metadata":{"name":"free","namespace":"demo"}})");
    const auto leaving = lab.cluster.remove(resources::namespaces, {"", "demo"});
    REQUIRE(leaving.has_value());
    CHECK(text_at(**leaving, {"status", "phase"}) == "Terminating");
    lab.settle();
    CHECK(lab.cluster.find(resources::config_maps, {"demo", "free"}) == nullptr);
    CHECK(lab.cluster.find(resources::service_accounts, {"demo", "default"}) == nullptr);
    const auto ns = lab.cluster.find(resources::namespaces, {"", "demo"});
    REQUIRE(ns != nullptr);
    const auto& conditions = array_at(*ns, {"status", "conditions"});
    REQUIRE(conditions.size() == 2);
    CHECK(text_at(conditions[0], {"message"}) ==
          "Some resources are remaining: configmaps has 1 resource instances");
    CHECK(text_at(conditions[1], {"message"}) ==
          "Some content in the namespace has finalizers remaining: x.io/hold in 1 resource "
          "instances");

    const auto refused = lab.cluster.create(
        resources::config_maps, json(R"({"metadata":{"name":"new","namespace":"demo"}})"));
    CHECK(refused.error().code == 403);
    CHECK(refused.error().message ==
          "configmaps \"new\" is forbidden: unable to create new content in namespace demo because "
          "it is being terminated");
    CHECK(*find(refused.error().details, {"causes"}) ==
          json(R"([{"reason":"NamespaceTerminating","message":"namespace demo is being terminated",
                    "field":"metadata.namespace"}])"));

    REQUIRE(lab.cluster
                .patch(resources::config_maps,
                       {"demo", "held"},
                       PatchKind::merge,
                       json(R"({"metadata":{"finalizers":null}})"))
                .has_value());
    lab.settle();
    CHECK(lab.cluster.find(resources::namespaces, {"", "demo"}) == nullptr);
}

TEST_CASE("nothing can be added to the finalizers of what is being deleted") {
    ACluster lab;
    lab.create(resources::config_maps,
               R"({"metadata":{"name":"c","namespace":"default","finalizers":["x.io/hold"]}})");
    REQUIRE(lab.cluster.remove(resources::config_maps, {"default", "c"}).has_value());
    const auto refused =
        lab.cluster.patch(resources::config_maps,
                          {"default", "c"},
                          PatchKind::merge,
                          json(R"({"metadata":{"finalizers":["x.io/hold","x.io/more"]}})"));
    CHECK(refused.error().message ==
          "ConfigMap \"c\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be "
          "added if the object is being deleted, found new finalizers []string{\"x.io/more\"}");
}

TEST_CASE("events are forgotten an hour after they were written last") {
    ACluster lab;
    const auto event = [](std::string_view name) {
        return JsonObject{
            {"metadata", JsonObject{{"name", name}, {"namespace", "default"}}},
            {"involvedObject", JsonObject{{"kind", "Pod"}, {"namespace", "default"}}}};
    };
    REQUIRE(lab.cluster.create(resources::events, event("old")).has_value());
    lab.clock.run_for(std::chrono::minutes(59));
    REQUIRE(lab.cluster.create(resources::events, event("young")).has_value());
    CHECK(lab.cluster.find(resources::events, {"default", "old"}) != nullptr);
    lab.clock.run_for(std::chrono::minutes(2));
    REQUIRE(lab.cluster.create(resources::events, event("new")).has_value());
    CHECK(lab.cluster.find(resources::events, {"default", "old"}) == nullptr);
    CHECK(lab.cluster.find(resources::events, {"default", "young"}) != nullptr);
}
