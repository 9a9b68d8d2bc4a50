#include "base/core/quantity.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("a quantity has one text, in the family of suffixes that was written") {
    struct Case {
        std::string_view written, kept;
    };
    const Case cases[]{{"2000m", "2"},
                       {"2", "2"},
                       {"0.5", "500m"},
                       {".5", "500m"},
                       {"1.", "1"},
                       {"100m", "100m"},
                       {"1500m", "1500m"},
                       {"1024Mi", "1Gi"},
                       {"1.5Gi", "1536Mi"},
                       {"1000Mi", "1000Mi"},
                       {"1024", "1024"},
                       {"1000", "1k"},
                       {"1500M", "1500M"},
                       {"2000M", "2G"},
                       {"0.5Ki", "512"},
                       {"1.5Ki", "1536"},
                       {"0.1Ki", "102400m"},
                       {"2e3", "2e3"},
                       {"12E4", "120e3"},
                       {"1e-3", "1e-3"},
                       {"1e0", "1"},
                       {"5E", "5E"},
                       {"1Ei", "1Ei"},
                       {"0", "0"},
                       {"0Mi", "0"},
                       {"00010", "10"},
                       {"+3", "3"},
                       {"-2000m", "-2"},
                       {"1n", "1n"},
                       {"0.1n", "1n"},
                       {"100000000000000000000", "9223372036854775807"},
                       {"8Ei", "9223372036854775807"}};
    for (const auto& one : cases) {
        CAPTURE(one.written);
        CHECK(canonical_quantity(one.written) == one.kept);
        CHECK(canonical_quantity(one.kept) == one.kept);
    }
}

TEST_CASE("what is not a quantity is none") {
    for (const std::string_view text :
         {"", "m", "1x", "1.2.3", ".", "e3", "1 Gi", "--1", "1e", "1KiB"}) {
        CAPTURE(text);
        CHECK_FALSE(canonical_quantity(text).has_value());
    }
}
