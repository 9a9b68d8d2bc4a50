#include "cli/table.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::cli;

namespace {

Json a_table() {
    return JsonObject{
        {"columnDefinitions",
         JsonArray{JsonObject{{"name", "Name"}},
                   JsonObject{{"name", "Status"}},
                   JsonObject{{"name", "Weight"}},
                   JsonObject{{"name", "LastTransitionTime"}}}},
        {"rows",
         JsonArray{JsonObject{
             {"cells", JsonArray{"podinfo", "Progressing", 20, "2026-11-25T13:47:14Z"}}}}}};
}

}  // namespace

TEST_CASE("a table is padded as kubectl pads it") {
    const auto lines = wide_table(a_table());
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "NAME      STATUS        WEIGHT   LASTTRANSITIONTIME");
    CHECK(lines[1] == "podinfo   Progressing   20       2026-11-25T13:47:14Z");
}

TEST_CASE("columns that do not fit are left out whole") {
    CHECK(wide_table(a_table(), 53).at(0) == "NAME      STATUS        WEIGHT   LASTTRANSITIONTIME");
    const auto lines = wide_table(a_table(), 52);
    CHECK(lines.at(0) == "NAME      STATUS        WEIGHT   …");
    CHECK(lines.at(1) == "podinfo   Progressing   20");
    CHECK(wide_table(a_table(), 33).at(0) == "NAME      STATUS        …");
}
