#include "controller/schema.hpp"

#include "controller/state.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using controller::StateHome;

TEST_CASE("where a Canary CRD would drop a status field of ours, all of them are kept elsewhere") {
    auto definition = boost::json::parse(R"({"spec": {"versions": [{"name": "v1beta1",
        "schema": {"openAPIV3Schema": {"properties": {"status": {"properties": {}}}}}}]}})");
    for (const auto field : controller::own_field_names) {
        if (field == "routedAt") continue;
        put(find(definition, {"spec", "versions"})->as_array()[0],
            {"schema", "openAPIV3Schema", "properties", "status", "properties", field},
            JsonObject{});
    }
    CHECK(controller::state_home(definition).value() == StateHome::annotation);
    auto& version = find(definition, {"spec", "versions"})->as_array()[0];
    put(version,
        {"schema", "openAPIV3Schema", "properties", "status", "properties", "routedAt"},
        JsonObject{});
    CHECK(controller::state_home(definition).value() == StateHome::status);
    put(version,
        {"schema", "openAPIV3Schema", "properties", "status"},
        JsonObject{{"x-kubernetes-preserve-unknown-fields", true}});
    CHECK(controller::state_home(definition).value() == StateHome::status);
    CHECK(controller::state_home(boost::json::parse("{}")).error().kind == ErrorKind::unsupported);
}
