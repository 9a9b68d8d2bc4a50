#include "base/core/json.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;

namespace {
Json json(std::string_view text) {
    return parse_json(text).value();
}
}  // namespace

TEST_CASE("malformed JSON is named with its place and deep JSON is refused") {
    CHECK(parse_json("{\"a\":}").error().kind == ErrorKind::bad_answer);
    CHECK(parse_json("{} x").error().kind == ErrorKind::bad_answer);
    CHECK(parse_json("{}  \n").has_value());
    CHECK(parse_json(std::string(100, '[')).error().kind == ErrorKind::too_large);
    CHECK(parse_json("[1,2,3]", {.bytes = 3}).error().kind == ErrorKind::too_large);
}

TEST_CASE("a number that no double holds is refused, for it could not be written again") {
    for (const auto* text : {"1e999", "[-1e999]", R"({"a": {"b": 2.5e3551616}})"}) {
        CAPTURE(text);
        CHECK(parse_json(text).error().kind == ErrorKind::bad_answer);
    }
    CHECK(parse_json("1e300"));
}

TEST_CASE("a path that is not there is no error") {
    const auto object = json(R"({"spec":{"replicas":3,"name":"web","ratio":0.5}})");
    CHECK(integer_at(object, {"spec", "replicas"}) == 3);
    CHECK(text_at(object, {"spec", "name"}) == "web");
    CHECK(text_at(object, {"spec", "replicas"}, "none") == "none");
    CHECK_FALSE(integer_at(object, {"spec", "ratio"}));
    CHECK(find(object, {"spec", "name", "deeper"}) == nullptr);
    CHECK(array_at(object, {"spec", "list"}).empty());
}

TEST_CASE("the merge patch between two objects turns one into the other and says nothing more") {
    const auto from = json(R"({"a":1,"b":{"c":[1],"d":2},"gone":true})");
    const auto to = json(R"({"a":1,"b":{"c":[1,2],"d":2},"new":{"x":1}})");
    const auto patch = merge_patch_between(from, to);
    CHECK(patch == json(R"({"b":{"c":[1,2]},"gone":null,"new":{"x":1}})"));
    auto patched = from;
    apply_merge_patch(patched, patch);
    CHECK(canonical_text(patched) == canonical_text(to));
    CHECK(merge_patch_between(to, to) == json("{}"));
}

TEST_CASE("a JSON patch applies whole or not at all") {
    auto object = json(R"({"a":[1,2],"b":{"c/d":1}})");
    REQUIRE(apply_json_patch(
        object,
        json(
            R"([{"op":"add","path":"/a/-","value":3},{"op":"replace","path":"/b/c~1d","value":2}])")));
    CHECK(object == json(R"({"a":[1,2,3],"b":{"c/d":2}})"));
    const auto before = object;
    CHECK_FALSE(apply_json_patch(
        object, json(R"([{"op":"remove","path":"/a/0"},{"op":"test","path":"/b","value":1}])")));
    CHECK(object == before);
}

TEST_CASE("canonical text writes every character as JSON does") {
    for (int c = 1; c < 128; ++c) {
        const auto text = std::string("a") + static_cast<char>(c) + "ü";
        CHECK(canonical_text(Json(text)) == to_text(Json(text)));
        CHECK(canonical_text(JsonObject{{text, 1}}) == to_text(JsonObject{{text, 1}}));
    }
}

TEST_CASE("canonical text does not depend on the order of keys") {
    CHECK(canonical_text(json(R"({"b":1,"a":{"d":1.0,"c":"x"}})")) ==
          R"({"a":{"c":"x","d":1},"b":1})");
}

TEST_CASE("putting makes the objects on the way and dropping says whether there was anything") {
    Json object;
    put(object, {"spec", "a"}, 1);
    CHECK(object == json(R"({"spec":{"a":1}})"));
    CHECK(drop(object, {"spec", "a"}));
    CHECK_FALSE(drop(object, {"spec", "a"}));
}
