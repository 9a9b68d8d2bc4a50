#include "lab/apiserver/schema.hpp"

#include "a_cluster.hpp"

using namespace sluice;
using namespace sluice::lab;

namespace {

// The texts of what is wrong with {"spec": value} by a schema of spec.
std::vector<std::string> wrong_with(std::string_view spec_schema, std::string_view spec) {
    const Schema schema(
        JsonObject{{"type", "object"}, {"properties", JsonObject{{"spec", json(spec_schema)}}}});
    std::vector<std::string> texts;
    for (const auto& error : schema.violations(JsonObject{{"spec", json(spec)}}, nullptr)) {
        texts.push_back(error.reason + " " + error.field + ": " + error.body);
    }
    return texts;
}

std::string in_object(std::string_view member) {
    return R"({"type":"object","properties":{"n":)" + std::string(member) + "}}";
}

}  // namespace

TEST_CASE("every violation of a schema is worded as Kubernetes words it") {
    struct Case {
        std::string schema;
        std::string_view value;
        std::string_view text;
    };
    const Case cases[]{
        {R"({"type":"object","required":["a"]})",
         "{}",
         "FieldValueRequired spec.a: Required value"},
        {in_object(R"({"type":"integer"})"),
         R"({"n":"x"})",
         R"(FieldValueTypeInvalid spec.n: Invalid value: "string": spec.n in body must be of type integer: "string")"},
        {in_object(R"({"type":"integer"})"),
         R"({"n":1.5})",
         R"(FieldValueTypeInvalid spec.n: Invalid value: "number": spec.n in body must be of type integer: "number")"},
        {in_object(R"({"type":"string","enum":["a","b"]})"),
         R"({"n":"x"})",
         R"(FieldValueNotSupported spec.n: Unsupported value: "x": supported values: "a", "b")"},
        {in_object(R"({"type":"integer","enum":[1,2]})"),
         R"({"n":3})",
         "FieldValueNotSupported spec.n: Unsupported value: 3: supported values: 1, 2"},
        {in_object(R"({"type":"integer","minimum":1})"),
         R"({"n":0})",
         "FieldValueInvalid spec.n: Invalid value: 0: spec.n in body should be greater than or "
         "equal to 1"},
        {in_object(R"({"type":"number","maximum":10})"),
         R"({"n":11})",
         "FieldValueInvalid spec.n: Invalid value: 11: spec.n in body should be less than or equal "
         "to 10"},
        {in_object(R"({"type":"integer","minimum":1,"exclusiveMinimum":true})"),
         R"({"n":1})",
         "FieldValueInvalid spec.n: Invalid value: 1: spec.n in body should be greater than 1"},
        {in_object(R"({"type":"integer","maximum":1,"exclusiveMaximum":true})"),
         R"({"n":1})",
         "FieldValueInvalid spec.n: Invalid value: 1: spec.n in body should be less than 1"},
        {in_object(R"({"type":"integer","multipleOf":2})"),
         R"({"n":3})",
         "FieldValueInvalid spec.n: Invalid value: 3: spec.n in body should be a multiple of 2"},
        {in_object(R"x({"type":"string","pattern":"^[0-9]+(m|s)"})x"),
         R"({"n":"5x"})",
         R"(FieldValueInvalid spec.n: Invalid value: "5x": spec.n in body should match '^[0-9]+(m|s)')"},
        {in_object(R"({"type":"string","minLength":1})"),
         R"({"n":""})",
         R"(FieldValueInvalid spec.n: Invalid value: "": spec.n in body should be at least 1 chars long)"},
        {in_object(R"({"type":"string","maxLength":3})"),
         R"({"n":"abcd"})",
         "FieldValueTooLong spec.n: Too long: may not be more than 3 bytes"},
        {in_object(R"({"type":"array","maxItems":1,"items":{"type":"integer"}})"),
         R"({"n":[1,2]})",
         "FieldValueTooMany spec.n: Too many: 2: must have at most 1 items"},
        {in_object(R"({"type":"array","minItems":1,"items":{"type":"integer"}})"),
         R"({"n":[]})",
         "FieldValueInvalid spec.n: Invalid value: 0: spec.n in body should have at least 1 items"},
        {in_object(R"({"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}})"),
         R"({"n":["x","y","x"]})",
         R"(FieldValueDuplicate spec.n[2]: Duplicate value: "x")"},
        {in_object(R"({"type":"array","x-kubernetes-list-type":"map",
                       "x-kubernetes-list-map-keys":["name"],
                       "items":{"type":"object","x-kubernetes-preserve-unknown-fields":true}})"),
         R"({"n":[{"name":"a","v":1},{"name":"a","v":2}]})",
         R"(FieldValueDuplicate spec.n[1]: Duplicate value: {"name":"a"})"},
        {in_object(R"({"type":"string","format":"date-time"})"),
         R"({"n":"x"})",
         R"(FieldValueTypeInvalid spec.n: Invalid value: "x": spec.n in body must be of type date-time: "x")"},
        {R"({"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}]})",
         "{}",
         R"(FieldValueInvalid spec: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid)"},
        {R"({"type":"object","anyOf":[{"required":["a"]},{"required":["b"]}]})",
         "{}",
         R"(FieldValueInvalid spec: Invalid value: "": "spec" must validate at least one schema (anyOf))"},
        {R"({"type":"object","allOf":[{"required":["a"]},{"required":["b"]}]})",
         R"({"a":1})",
         R"(FieldValueInvalid spec: Invalid value: "": "spec" must validate all the schemas (allOf))"},
        {R"({"type":"object","not":{"required":["a"]}})",
         R"({"a":1})",
         R"(FieldValueInvalid spec: Invalid value: "": "spec" must not validate the schema (not))"},
        {in_object(R"({"x-kubernetes-int-or-string":true})"),
         R"({"n":true})",
         R"(FieldValueTypeInvalid spec.n: Invalid value: "boolean": spec.n in body must be of type integer,string: "boolean")"},
        {in_object(R"({"type":"array","items":{"type":"object","required":["name"]}})"),
         R"({"n":[{"name":1},{}]})",
         "FieldValueRequired spec.n[1].name: Required value"},
        {in_object(R"({"type":"object","additionalProperties":{"type":"string"}})"),
         R"({"n":{"a/b":1}})",
         R"(FieldValueTypeInvalid spec.n[a/b]: Invalid value: "integer": spec.n[a/b] in body must be of type string: "integer")"},
        {R"({"type":"object","properties":{"group":{"type":"string"}},"x-kubernetes-validations":[
             {"rule":"(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
              "message":"Must have port for Service reference"}]})",
         R"({"group":"","kind":"Service"})",
         R"(FieldValueInvalid spec: Invalid value: "object": Must have port for Service reference)"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.schema);
        CHECK(wrong_with(one.schema, one.value) == std::vector<std::string>{std::string(one.text)});
    }
}

TEST_CASE("values that fit have nothing wrong with them") {
    CHECK(
        wrong_with(in_object(R"({"x-kubernetes-int-or-string":true})"), R"({"n":"25%"})").empty());
    CHECK(wrong_with(in_object(R"({"x-kubernetes-int-or-string":true})"), R"({"n":1})").empty());
    CHECK(wrong_with(in_object(R"({"type":"integer"})"), R"({"n":3.0})").empty());
    CHECK(wrong_with(in_object(R"({"type":"string","nullable":true})"), R"({"n":null})").empty());
    CHECK(wrong_with(in_object(R"({"type":"string","maxLength":3})"), R"({"n":"äöü"})").empty());
    CHECK(wrong_with(in_object(R"({"type":"string","format":"unheard-of"})"), R"({"n":"x"})")
              .empty());
}

TEST_CASE("a field that may not change is compared with what it was") {
    const Schema schema(
        json(R"({"type":"object","properties":{"spec":{"type":"object","properties":{
        "selector":{"type":"string","x-kubernetes-validations":[
            {"rule":"self == oldSelf","message":".spec.selector is immutable"}]}}}}})"));
    const auto before = json(R"({"spec":{"selector":"a"}})");
    CHECK(schema.violations(before, nullptr).empty());
    CHECK(schema.violations(before, &before).empty());
    const auto errors = schema.violations(json(R"({"spec":{"selector":"b"}})"), &before);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].field == "spec.selector");
    CHECK(errors[0].body == R"(Invalid value: "b": .spec.selector is immutable)");
}

TEST_CASE("unknown fields are told and pruned, unless the schema keeps them") {
    const Schema schema(json(R"({"type":"object","properties":{
        "spec":{"type":"object","properties":{
            "a":{"type":"integer"},
            "list":{"type":"array","items":{"type":"object","properties":{"x":{"type":"integer"}}}},
            "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,
                    "properties":{"known":{"type":"object","properties":{}}}},
            "map":{"type":"object","additionalProperties":{"type":"object"}},
            "whole":{"type":"object","x-kubernetes-embedded-resource":true}}}}})"));
    auto object = json(R"({"apiVersion":"v","kind":"K","metadata":{"name":"n","nme":"typo"},"top":1,
        "spec":{"a":1,"b":2,"list":[{"x":1,"y":2}],"free":{"z":1,"known":{"q":1}},
                "map":{"m":{"n":1}},"whole":{"apiVersion":"v","kind":"K","metadata":{},"w":1}}})");
    CHECK(schema.unknown_fields(object) == std::vector<std::string>{"metadata.nme",
                                                                    "top",
                                                                    "spec.b",
                                                                    "spec.list[0].y",
                                                                    "spec.free.known.q",
                                                                    "spec.map.m.n",
                                                                    "spec.whole.w"});
    schema.prune(object);
    CHECK(object == json(R"({"apiVersion":"v","kind":"K","metadata":{"name":"n"},
        "spec":{"a":1,"list":[{"x":1}],"free":{"z":1,"known":{}},
                "map":{"m":{}},"whole":{"apiVersion":"v","kind":"K","metadata":{}}}})"));
}

TEST_CASE("defaults fill in what is missing, and null where null is not allowed") {
    const Schema schema(
        json(R"({"type":"object","properties":{"spec":{"type":"object","properties":{
        "n":{"type":"integer","default":3},
        "nullable":{"type":"integer","default":3,"nullable":true},
        "inner":{"type":"object","default":{},"properties":{"x":{"type":"string","default":"y"}}},
        "absent":{"type":"object","properties":{"x":{"type":"string","default":"y"}}},
        "list":{"type":"array","items":{"type":"object",
                                        "properties":{"k":{"type":"string","default":"v"}}}}}}}})"));
    auto object =
        json(R"({"spec":{"n":null,"nullable":null,"absent":null,"list":[{},{"k":"w"}]}})");
    schema.fill_in_defaults(object);
    CHECK(object == json(R"({"spec":{"n":3,"nullable":null,"inner":{"x":"y"},
                                     "list":[{"k":"v"},{"k":"w"}]}})"));
}
