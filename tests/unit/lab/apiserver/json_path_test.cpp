#include "lab/apiserver/json_path.hpp"

#include "a_cluster.hpp"

namespace sluice::lab {

namespace {

std::string first(std::string_view path, const Json& root) {
    const auto query = JsonPathQuery::parse(path);
    if (!query) return "not understood";
    const auto* found = query->first(root);
    return found == nullptr ? "nothing" : to_text(*found);
}

}  // namespace

TEST_CASE("a printer column's path leads to fields, items, and items chosen by a comparison") {
    const auto root = json(R"({"spec":{"a":1,"b.c":2,"list":[10,20,30]},
        "status":{"conditions":[{"type":"Promoted","status":"True"},
                                {"type":"Ready","status":"False","n":3}]}})");
    CHECK(first(".spec.a", root) == "1");
    CHECK(first("spec.a", root) == "1");
    CHECK(first("{.spec.a}", root) == "1");
    CHECK(first("$.spec.a", root) == "1");
    CHECK(first(".spec['a']", root) == "1");
    CHECK(first(".spec['b.c']", root) == "2");
    CHECK(first(".spec.b\\.c", root) == "2");
    CHECK(first(".spec.list[1]", root) == "20");
    CHECK(first(".spec.list[-1]", root) == "30");
    CHECK(first(".spec.list[*]", root) == "10");
    CHECK(first(".spec.list[7]", root) == "nothing");
    CHECK(first(".spec.none.deeper", root) == "nothing");
    CHECK(first(".status.conditions[?(@.type==\"Ready\")].status", root) == "\"False\"");
    CHECK(first(".status.conditions[?(@.type=='Promoted')].status", root) == "\"True\"");
    CHECK(first(".status.conditions[?(@.type!='Promoted')].type", root) == "\"Ready\"");
    CHECK(first(".status.conditions[?(@.n>2)].type", root) == "\"Ready\"");
    CHECK(first(".status.conditions[?(@.n)].type", root) == "\"Ready\"");
    CHECK(first(".status.conditions[?(@.type==\"None\")].status", root) == "nothing");
    CHECK(JsonPathQuery::parse(".spec.list[*]")->all(root).size() == 3);
}

TEST_CASE("a path that is not understood is refused and not guessed") {
    for (const std::string_view path :
         {".a[", ".a[x]", ".a[?(@.b==c)]", ".a[?(b==1)]", ".a(b)", ".a[1:2]"}) {
        CHECK_MESSAGE(!JsonPathQuery::parse(path).has_value(), path);
    }
}

}  // namespace sluice::lab
