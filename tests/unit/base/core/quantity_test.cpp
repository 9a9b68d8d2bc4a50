#include "base/core/quantity.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("quantities are read in thousandths") {
    CHECK(parse_quantity_milli("100m") == 100);
    CHECK(parse_quantity_milli("0.1") == 100);
    CHECK(parse_quantity_milli("1") == 1000);
    CHECK(parse_quantity_milli("1Ki") == 1024000);
    CHECK(parse_quantity_milli("2e3") == 2000000);
    CHECK(parse_quantity_milli("1E") == std::nullopt);
    CHECK(parse_quantity_milli("100u") == 1);
    CHECK_FALSE(parse_quantity_milli(""));
    CHECK_FALSE(parse_quantity_milli("1x"));
    CHECK_FALSE(parse_quantity_milli("m"));
}
