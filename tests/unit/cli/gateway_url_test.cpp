#include "cli/gateway_url.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE(
    "a gateway's address is where it listens, else what its status says, else there is none") {
    const Json gateway = boost::json::parse(R"({"status":{"GatewayAddress":["127.112.0.1"]}})");
    const Json elsewhere = boost::json::parse(
        R"({"metadata":{"annotations":{"sluice.dev/lab-address":"127.112.0.1:8080"}}})");
    const Json plain = boost::json::parse(
        R"({"metadata":{"annotations":{"sluice.dev/lab-address":"127.112.0.2:80"}}})");
    CHECK(cli::gateway_url(gateway, elsewhere) == "http://127.112.0.1:8080/");
    CHECK(cli::gateway_url(gateway, plain) == "http://127.112.0.2/");
    CHECK(cli::gateway_url(gateway, JsonObject{}) == "http://127.112.0.1/");
    CHECK(cli::gateway_url(JsonObject{}, JsonObject{}) == std::nullopt);
}

TEST_CASE("the URL of a Gateway of the Gateway API is its address and first port") {
    const auto gateway = [](int port, const char* annotation) {
        return Json(JsonObject{
            {"metadata", {{"annotations", {{"sluice.dev/lab-address", annotation}}}}},
            {"spec", {{"listeners", JsonArray{JsonObject{{"port", port}}}}}},
            {"status", {{"addresses", JsonArray{JsonObject{{"value", "127.112.64.1"}}}}}}});
    };
    CHECK(cli::entry_url(gateway(80, "")) == "http://127.112.64.1/");
    CHECK(cli::entry_url(gateway(8080, "")) == "http://127.112.64.1:8080/");
    CHECK(cli::entry_url(gateway(80, "127.112.64.1:18080,127.112.64.1:9000")) ==
          "http://127.112.64.1:18080/");
    CHECK(cli::entry_url(JsonObject{}) == std::nullopt);
    const Json service{
        {"metadata", {{"annotations", {{"sluice.dev/lab-address", "127.112.128.1:80"}}}}}};
    CHECK(cli::ingress_url(service) == "http://127.112.128.1/");
    CHECK(cli::ingress_url(JsonObject{}) == std::nullopt);
}
