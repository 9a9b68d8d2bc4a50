#include "metrics/template.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using metrics::QueryModel;
using metrics::render;

namespace {

QueryModel a_model() {
    return {.name = "web-canary",
            .ns = "prod",
            .target = "web",
            .service = "shop",
            .ingress = "edge",
            .route = "r",
            .interval = "30s",
            .variables = {{"direction", "inbound"}}};
}

}  // namespace

TEST_CASE("a query's functions say what its Canary is") {
    CHECK(render("{{ name }} {{namespace}} {{ target }} {{ service }} {{ ingress }} {{ route }} "
                 "[{{ interval }}]",
                 a_model())
              .value() == "web-canary prod web shop edge r [30s]");
    CHECK(render("{{ variables.direction }}", a_model()).value() == "inbound");
    CHECK(render("plain {braces}", a_model()).value() == "plain {braces}");
    CHECK(render("a {{- target -}} b{{/* why */}}{{ \"c\" }}", a_model()).value() == "awebbc");
}

TEST_CASE("a query that cannot be rendered says why") {
    CHECK(render("{{ targets }}", a_model()).error().message ==
          "template parsing failed: template: query:1: function \"targets\" not defined");
    CHECK(render("up\n{{ target", a_model()).error().message ==
          "template parsing failed: template: query:2: unclosed action");
    CHECK(render("{{ }}", a_model()).error().message ==
          "template parsing failed: template: query:1: missing value for command");
    CHECK(render("{{ variables.x }}", a_model()).error().message ==
          "template excution failed: template: query: at <variables.x>: map has no entry for key "
          "\"x\"");
    CHECK(render("{{ if target }}", a_model()).error().message ==
          "template parsing failed: template: query:1: \"if target\" is not built yet");
}

TEST_CASE("runs of blanks become one") {
    CHECK(metrics::with_single_blanks("  a\n\t b  c\n") == "a b c");
    CHECK(metrics::with_single_blanks("").empty());
}
