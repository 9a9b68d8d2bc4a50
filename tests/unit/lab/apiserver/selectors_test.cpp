#include "lab/apiserver/selectors.hpp"

#include "a_cluster.hpp"

using namespace sluice;
using namespace sluice::lab;

TEST_CASE("label selectors are read as kubectl writes them") {
    const auto labels = json(R"({"app":"web","tier":"front","x":""})").get_object();
    const auto matches = [&](std::string_view text) {
        const auto selector = parse_label_selector(text);
        REQUIRE_MESSAGE(selector.has_value(), text);
        return selector->matches(labels);
    };
    for (const std::string_view text : {"",
                                        "app=web",
                                        "app == web",
                                        "app!=api",
                                        "absent!=x",
                                        "app in (web,x),!y",
                                        "app in (api, web)",
                                        "tier notin (back)",
                                        "absent notin (a)",
                                        "app",
                                        "!gone",
                                        "x=",
                                        "app=web,tier=front"}) {
        CHECK_MESSAGE(matches(text), text);
    }
    for (const std::string_view text :
         {"app=api", "!app", "gone", "app notin (web)", "app=web,tier=back", "gone in (a)"}) {
        CHECK_FALSE_MESSAGE(matches(text), text);
    }
}

TEST_CASE("a malformed label selector is a requirement that cannot be parsed") {
    for (const std::string_view text : {"app in web", "=x", "app in (a", "a,,b", "app web"}) {
        const auto selector = parse_label_selector(text);
        REQUIRE_FALSE_MESSAGE(selector.has_value(), text);
        CHECK(selector.error().starts_with("unable to parse requirement: "));
    }
}

TEST_CASE("an object's own selector means the same and has a text") {
    const auto selector = label_selector_of(json(R"({
        "matchLabels":{"b":"2","a":"1"},
        "matchExpressions":[{"key":"tier","operator":"In","values":["x","y"]},
                            {"key":"old","operator":"DoesNotExist"}]})"));
    REQUIRE(selector.has_value());
    CHECK(to_string(*selector) == "a=1,b=2,tier in (x,y),!old");
    CHECK(selector->matches(json(R"({"a":"1","b":"2","tier":"y"})").get_object()));
    CHECK_FALSE(label_selector_of(json(R"({"matchExpressions":[{"key":"a","operator":"Is"}]})")));
}

TEST_CASE("field selectors know the fields of their kind") {
    ACluster lab;
    const auto& pods = *lab.cluster.kinds().find("", "v1", "pods");
    const auto pod = json(R"({"metadata":{"name":"p"},"spec":{"nodeName":"lab-1"},
                              "status":{"phase":"Running"}})");
    CHECK(parse_field_selector("spec.nodeName=lab-1,status.phase!=Succeeded", pods)->selects(pod));
    CHECK(parse_field_selector("metadata.name==p", pods)->selects(pod));
    CHECK(parse_field_selector("metadata.namespace=", pods)->selects(pod));
    CHECK_FALSE(parse_field_selector("status.phase=Failed", pods)->selects(pod));
    CHECK(parse_field_selector("spec.foo=1", pods).error() ==
          "field label not supported: spec.foo");
}
