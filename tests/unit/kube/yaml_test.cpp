#include "kube/yaml.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace sluice;
using namespace sluice::kube;

namespace {

Json one(std::string_view text) {
    const auto documents = parse_yaml_documents(text);
    REQUIRE_MESSAGE(documents, (documents ? "" : documents.error().message));
    REQUIRE(documents->size() == 1);
    return documents->front();
}

std::string refusal(std::string_view text, const YamlLimits& limits = {}) {
    const auto documents = parse_yaml_documents(text, limits);
    REQUIRE_FALSE(documents);
    return documents.error().message;
}

}  // namespace

TEST_CASE("plain scalars are read by YAML 1.1, as kubectl reads them") {
    struct Case {
        const char* yaml;
        const char* json;
    };
    for (const auto& [yaml, json] : {
             Case{"a: yes", R"({"a":true})"},
             Case{"n: 1", R"({"false":1})"},
             Case{"on: Off", R"({"true":false})"},
             Case{"a: 0644", R"({"a":420})"},
             Case{"a: 0o17", R"({"a":15})"},
             Case{"a: 0x1F", R"({"a":31})"},
             Case{"a: -0b11", R"({"a":-3})"},
             Case{"a: 1_000", R"({"a":1000})"},
             Case{"a: 08", R"({"a":8})"},
             Case{"a: 1.10", R"({"a":1.1E0})"},
             Case{"a: 1e3", R"({"a":1000})"},
             Case{"a: 18446744073709551615", R"({"a":18446744073709551615})"},
             Case{"a: -9223372036854775808", R"({"a":-9223372036854775808})"},
             Case{"a: 1.2.3", R"({"a":"1.2.3"})"},
             Case{"a: 10s", R"({"a":"10s"})"},
             Case{"a: 'yes'", R"({"a":"yes"})"},
             Case{"a: \"1\"", R"({"a":"1"})"},
             Case{"a: !!str 1", R"({"a":"1"})"},
             Case{"a: !!int 1", R"({"a":1})"},
             Case{"a:", R"({"a":null})"},
             Case{"a: ~", R"({"a":null})"},
             Case{"a: 2026-01-25T19:54:42Z", R"({"a":"2026-01-25T19:54:42Z"})"},
             Case{"1: a\n2.5: b", R"({"1":"a","2.5":"b"})"},
             Case{"a: .", R"({"a":"."})"},
             Case{"a: +", R"({"a":"+"})"},
             Case{"a: <<", R"({"a":"<<"})"},
         }) {
        CAPTURE(yaml);
        CHECK(to_text(one(yaml)) == json);
    }
}

TEST_CASE("a text holds several documents, and empty ones are left out") {
    const auto documents =
        parse_yaml_documents("# first\n---\nkind: A\n---\n# nothing\n---\nkind: B\n...\n");
    REQUIRE(documents);
    REQUIRE(documents->size() == 2);
    CHECK(text_at((*documents)[0], {"kind"}) == "A");
    CHECK(text_at((*documents)[1], {"kind"}) == "B");
    CHECK(parse_yaml_documents("")->empty());
    CHECK(parse_yaml_documents("# only this\n")->empty());
}

TEST_CASE("aliases and merge keys are carried out") {
    CHECK(to_text(one("base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\n")) ==
          R"({"base":{"x":1,"z":2},"use":{"z":3,"x":1}})");
    CHECK(to_text(one("a: &a [1, 2]\nb: *a\n")) == R"({"a":[1,2],"b":[1,2]})");
    CHECK(to_text(one("a: &k key\n*k : 1\n")) == R"({"a":"key","key":1})");
}

TEST_CASE("a billion laughs end at the limit on aliases") {
    std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 10; ++i) {
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int k = 0; k < 10; ++k) text += (k > 0 ? ",*a" : "*a") + std::to_string(i - 1);
        text += "]\n";
    }
    CHECK(refusal(text) == "line 5: aliases repeat too much");
    CHECK(refusal("a: &a [*a]") == "line 1: an alias inside of what it names");
}

TEST_CASE("what is malformed is refused with its line") {
    CHECK(refusal("a: 1\nb: [\n").starts_with("line "));
    CHECK(refusal("a: 1\n  b: 2\n").starts_with("line 2: "));
    CHECK(refusal("a: 1\nb: 2\na: 3\n") == "line 3: key \"a\" already set in map");
    CHECK(refusal("a: .inf\n") == "line 1: .inf cannot be said in JSON");
    CHECK(refusal("? [a]\n: 1\n") == "line 1: a key that is not a scalar");
    CHECK(refusal("a: !!int x\n") == "line 1: !!int that is none: x");
    CHECK(refusal("a: *nobody\n").starts_with("line 1: "));
    CHECK(refusal("\t\"a\": \x01").starts_with("line 1: "));
}

TEST_CASE("depth, size and number of values are bounded") {
    CHECK(refusal(std::string(100, '[')).find("nested deeper than 64") != std::string::npos);
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    CHECK(refusal(deep).find("nested deeper than 64") != std::string::npos);
    CHECK(refusal("- 1\n- 2\n- 3\n", {.values = 3}).find("more than 3 values") !=
          std::string::npos);
    CHECK(refusal("abcdef", {.bytes = 3}) == "YAML of 6 bytes is over the limit of 3");
}

TEST_CASE("JSON is YAML") {
    CHECK(to_text(one("{\n\t\"a\": \"x\\/y\",\t\"b\": [1]}")) == R"({"a":"x/y","b":[1]})");
    CHECK(to_text(one("{a: 1, b: [x]}")) == R"({"a":1,"b":["x"]})");
}

TEST_CASE("YAML is written as kubectl writes it") {
    const auto object =
        *parse_json(R"({"kind":"X","metadata":{"name":"web","labels":{},"annotations":{"a":"true"}},
        "spec":{"args":[],"items":[{"name":"a","ports":[1,2]},"*",[1,[2]]],"when":"2026-01-25T19:54:42Z",
        "text":"one\ntwo\n","open":"one\n\n  two","empty":"","n":null,"on":"on","url":"http://a:1/b","odd":"a: b"}})");
    CHECK(to_yaml(object) ==
          "kind: X\n"
          "metadata:\n"
          "  name: web\n"
          "  labels: {}\n"
          "  annotations:\n"
          "    a: \"true\"\n"
          "spec:\n"
          "  args: []\n"
          "  items:\n"
          "  - name: a\n"
          "    ports:\n"
          "    - 1\n"
          "    - 2\n"
          "  - '*'\n"
          "  - - 1\n"
          "    - - 2\n"
          "  when: \"2026-01-25T19:54:42Z\"\n"
          "  text: |\n"
          "    one\n"
          "    two\n"
          "  open: |-\n"
          "    one\n"
          "\n"
          "      two\n"
          "  empty: \"\"\n"
          "  \"n\": null\n"
          "  \"on\": \"on\"\n"
          "  url: http://a:1/b\n"
          "  odd: 'a: b'\n");
}

namespace {

rc::Gen<std::string> odd_text() {
    return rc::gen::container<std::string>(
        rc::gen::elementOf(std::string("aZ09 :#-?{}[],&*!|>'\"%@`~=<.\n\n\t\\/$()_+eExX\x01")));
}

Json odd_value(int depth) {
    switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
        case 0:
            return nullptr;
        case 1:
            return *rc::gen::arbitrary<bool>();
        case 2:
            return *rc::gen::arbitrary<std::int64_t>();
        case 3:
            return 0.1 * *rc::gen::inRange(-100000, 100000);
        case 4:
            return Json(*odd_text());
        case 5: {
            JsonArray array;
            const int size = *rc::gen::inRange(0, 4);
            for (int i = 0; i < size; ++i) array.push_back(odd_value(depth - 1));
            return array;
        }
        default: {
            JsonObject object;
            const int size = *rc::gen::inRange(0, 4);
            for (int i = 0; i < size; ++i) object[*odd_text()] = odd_value(depth - 1);
            return object;
        }
    }
}

}  // namespace

TEST_CASE("what is written reads back as the same value") {
    const bool held = rc::check([] {
        JsonObject object;
        object["value"] = odd_value(3);
        const Json value = object;
        const auto text = to_yaml(value);
        const auto read = parse_yaml_documents(text);
        if (!read) RC_LOG() << text << "\n" << read.error().message;
        RC_ASSERT(read);
        RC_LOG() << text << "\n" << to_text(value) << "\n" << to_text(read->front());
        RC_ASSERT(canonical_text(read->front()) == canonical_text(value));
    });
    CHECK(held);
}

TEST_CASE("a key too long for YAML's short form reads back as the same key") {
    const std::string key(2000, 'k');
    for (const Json& value : {Json("text"),
                              Json(JsonObject{{"a", 1}}),
                              Json(JsonArray{1, JsonObject{{"b", 2}}}),
                              Json("two\nlines\n")}) {
        const Json object = JsonObject{{"outer", JsonObject{{key, value}, {"next", 1}}}};
        const auto read = parse_yaml_documents(to_yaml(object));
        REQUIRE(read);
        CHECK(canonical_text(read->front()) == canonical_text(object));
    }
}
