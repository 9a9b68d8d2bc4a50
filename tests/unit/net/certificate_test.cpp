// Until when a certificate is good, and for whom.
#include "net/certificate.hpp"

#include "certificates.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("a certificate says until when it is good and for whom, and its chain says no more") {
    const net::testing::Authority authority("us");
    const auto identity = authority.issue("shop.example.org");
    const auto read = net::read_certificate(identity.certificate + authority.pem());
    REQUIRE(read);
    CHECK(read->names == std::vector<std::string>{"shop.example.org"});
    const auto left = read->not_after - Time{std::chrono::system_clock::now().time_since_epoch()};
    CHECK(left > 50min);
    CHECK(left < 70min);
    const auto address = net::read_certificate(authority.issue("127.0.0.1").certificate);
    REQUIRE(address);
    CHECK(address->names == std::vector<std::string>{"127.0.0.1"});
}

TEST_CASE("what is no certificate is told to be none, and a key is not one") {
    const net::testing::Authority authority("us");
    const auto identity = authority.issue("shop.example.org");
    for (const auto& text : {std::string(),
                             std::string("shop"),
                             identity.key,
                             identity.certificate.substr(0, 200),
                             std::string("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                                         "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF"
                                         "\n\nAAAA\n-----END CERTIFICATE-----\n")}) {
        CHECK_FALSE(net::read_certificate(text));
    }
}
