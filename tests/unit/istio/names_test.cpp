#include "istio/names.hpp"

#include <doctest/doctest.h>

using namespace sluice::istio;

TEST_CASE("a gRPC code is known by its name and its number") {
    CHECK(grpc_code_named("PERMISSION_DENIED") == 7);
    CHECK(grpc_code_named("16") == 16);
    CHECK_FALSE(grpc_code_named("17"));
    CHECK_FALSE(grpc_code_named("unavailable"));
}

TEST_CASE("a port's protocol is its name up to the first dash") {
    for (const auto* name : {"http", "http-web", "http2", "grpc-web", "tcp-x", "mongo", "redis"}) {
        CAPTURE(name);
        CHECK(names_a_protocol(name));
    }
    for (const auto* name : {"", "web", "https2", "web-http", "udp"}) {
        CAPTURE(name);
        CHECK_FALSE(names_a_protocol(name));
    }
}
