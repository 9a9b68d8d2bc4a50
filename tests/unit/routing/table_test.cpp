#include "routing/table.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("a provider that is not built is refused by name, with those that are") {
    const routing::Table table;
    CHECK(table.find("istio") != nullptr);
    CHECK(table.find("linkerd") == nullptr);
    CHECK(table.find("") == nullptr);
    CHECK(table.refusal("linkerd") == "provider linkerd is not supported; known: istio");
}
