#include "base/core/excerpt.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("an excerpt is one line, and no character of it is cut") {
    CHECK(excerpt("  a\nb\tc\r\n", 100) == "a b c");
    CHECK(excerpt("0123456789", 4) == "0123");
    CHECK(excerpt("aéé", 4) == "aé");
    CHECK(excerpt("aéé", 5) == "aéé");
    CHECK(excerpt("€", 2).empty());
    CHECK(excerpt("well\xff then", 100) == "well");
    CHECK(excerpt("", 100).empty());
}
