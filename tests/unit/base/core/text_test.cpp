#include "base/core/text.hpp"

#include "base/core/sha256.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("numbers are shown as Go's %v shows them") {
    CHECK(go_number(99) == "99");
    CHECK(go_number(0.5) == "0.5");
    CHECK(go_number(500) == "500");
    CHECK(go_number(1e6) == "1e+06");
    CHECK(go_number(123456) == "123456");
    CHECK(go_number(1234567) == "1.234567e+06");
    CHECK(go_number(0.00001) == "1e-05");
    CHECK(go_number(0) == "0");
}

TEST_CASE("base64 goes both ways and refuses what is malformed") {
    for (const auto* text : {"", "a", "ab", "abc", "abcd"})
        CHECK(from_base64(base64(text)) == text);
    CHECK(base64("hello") == "aGVsbG8=");
    CHECK_FALSE(from_base64("aGVsbG8"));
    CHECK_FALSE(from_base64("a=Vs"));
    CHECK_FALSE(from_base64("!!!!"));
}

TEST_CASE("lists that people write lose their blanks") {
    CHECK(split_list(" app, name ,,x") == std::vector<std::string>{"app", "name", "x"});
    CHECK(split("a,,b", ',').size() == 3);
}

TEST_CASE("percent encoding goes both ways") {
    CHECK(percent_encoded("a b/{x}") == "a%20b%2F%7Bx%7D");
    CHECK(percent_decoded("a%20b%2") == "a b%2");
    CHECK(percent_decoded("app+in", {.plus_is_blank = true}) == "app in");
}

TEST_CASE("SHA-256 is that of FIPS 180-4") {
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("broken UTF-8 is recognised") {
    CHECK(is_utf8("gr\u00fc\u00df \u20ac"));
    CHECK_FALSE(is_utf8("\xC0\x80"));
    CHECK_FALSE(is_utf8("\xED\xA0\x80"));
    CHECK_FALSE(is_utf8("\xE2\x82"));
}
