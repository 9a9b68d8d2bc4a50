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
