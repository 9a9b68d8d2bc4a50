#include "routing/table.hpp"

#include "world.hpp"

using namespace sluice;
using namespace sluice::routing;

TEST_CASE("a provider that is not built is refused by name, with those that are") {
    const Table table;
    CHECK(table.find("istio") != nullptr);
    CHECK(table.find("istio2") == nullptr);
    CHECK(table.find("linkerd") == nullptr);
    CHECK(table.find("gatewayapi") == nullptr);
    CHECK(table.find("") == nullptr);
    CHECK(table.refusal("linkerd") ==
          "provider linkerd is not supported; known: gatewayapi:v1, gatewayapi:v1beta1, istio, "
          "kubernetes, nginx");
}

TEST_CASE("versions of the Gateway API are told apart by their beginning") {
    const Table table;
    CHECK(table.find("gatewayapi:v1")->kinds().front().version == "v1");
    CHECK(table.find("gatewayapi:v1beta1")->kinds().front().version == "v1beta1");
    CHECK(table.find("gatewayapi:v1beta1x") == table.find("gatewayapi:v1beta1"));
    CHECK(table.find("gatewayapi:v1alpha") == table.find("gatewayapi:v1"));
}

TEST_CASE("without a mesh nothing is split and nothing is written") {
    const Table table;
    const auto& none = *table.find("kubernetes");
    CHECK_FALSE(none.capabilities(a_canary()).weights);
    CHECK(none.objects(a_canary()).empty());
    CHECK_FALSE(none.read(a_canary(), {})->present);
    CHECK(none.ensure(a_canary(), {}, {})->empty());
    CHECK(none.route(a_canary(), {}, {.primary = 0, .canary = 100})->body == JsonObject{});
    CHECK(none.revert(a_canary(), {})->empty());
}
