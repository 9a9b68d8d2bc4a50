#include "base/core/address.hpp"

#include "base/core/text.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("a user in an address becomes a header and is not shown") {
    const auto plain = split_address("http://host:9090/a@b?c=d@e");
    CHECK(plain.bare == "http://host:9090/a@b?c=d@e");
    CHECK(plain.authorization.empty());

    const auto secret = split_address("https://me:s%2Fcret@host/path@1");
    CHECK(secret.bare == "https://host/path@1");
    CHECK(secret.authorization == "Basic " + base64("me:s/cret"));

    // As browsers read it: what stands before the last one is the user.
    CHECK(split_address("http://me:p@ss@host").bare == "http://host");
    // No URL, but its secret is one.
    CHECK(split_address("me:secret@host").bare == "host");
    CHECK(split_address("").bare.empty());
}

TEST_CASE("an address that is a secret is shown as far as its host") {
    CHECK(masked_address("https://hooks.slack.com/services/T0/B0/x") ==
          "https://hooks.slack.com/…");
    CHECK(masked_address("https://me:secret@chat.test:8443?key=1") == "https://chat.test:8443/…");
    CHECK(masked_address("http://sink.test/") == "http://sink.test/");
    CHECK(masked_address("xoxb-secret") == "…");
}
