#include "controller/dependents.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::controller;
using kube::ObjectKey;

TEST_CASE("an object wakes the Canaries that it concerns, and no longer than it does") {
    Dependents dependents;
    const ObjectKey web{"prod", "web"};
    const ObjectKey shop{"prod", "shop"};
    const Concern target{"deployments", {"prod", "web"}};
    const Concern service{"services", {"prod", "web"}};
    dependents.set(web, {target, service});
    dependents.set(shop, {target});
    CHECK(dependents.of(target) == std::vector<ObjectKey>{shop, web});
    CHECK(dependents.of({"services", {"test", "web"}}).empty());
    dependents.set(web, {service});
    CHECK(dependents.of(target) == std::vector<ObjectKey>{shop});
    dependents.erase(web);
    dependents.erase(web);
    CHECK(dependents.of(service).empty());
    CHECK(dependents.concerns(shop) == std::vector<Concern>{target});
}
