#include "metrics/template.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

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

TEST_CASE("a query may count, compare, choose and repeat as Go's templates do") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{{ printf \"%s-%s\" name `x` }}", "web-canary-x"},
        {"{{ target | printf \"%s.%s\" namespace }}", "prod.web"},
        {"{{ printf \"%5d|%-5d|%05d|%+d|%x|%q|%v\" 42 42 42 42 255 \"a\\\"b\" true }}",
         "   42|42   |00042|+42|ff|\"a\\\"b\"|true"},
        {"{{ printf \"%.2f %g %e %6.1f %T\" 1.5 100000.0 1.0 2.25 3 }}",
         "1.50 100000 1.000000e+00    2.2 int"},
        {"{{ printf \"%d %s %z %\" \"a\" 1 2 }}", "%!d(string=a) %!s(int=1) %!z(int=2) %!(NOVERB)"},
        {"{{ printf \"%s\" }} {{ printf \"a\" 1 \"b\" }}",
         "%!s(MISSING) a%!(EXTRA int=1, string=b)"},
        {"{{ printf \"%[2]s %[1]s %[5]s %*d\" \"a\" \"b\" }}",
         "b a %!s(BADINDEX) %!(BADWIDTH)%!d(MISSING)"},
        {"{{ print 1 2 \"a\" \"b\" 3 4 }} {{ println target 1 }}", "1 2ab3 4 web 1\n"},
        {"{{ index variables \"direction\" }} {{ index variables \"none\" }}|", "inbound |"},
        {"{{ len target }} {{ len variables }} {{ index target 0 }} {{ slice target 1 2 }}",
         "3 1 119 e"},
        {"{{ if eq target \"api\" \"web\" }}a{{ else }}b{{ end }}", "a"},
        {"{{ if and (ne 1 2) (lt 1 2) (le 2 2) (gt 1.5 1.0) (ge \"b\" \"a\") (not false) }}yes"
         "{{ end }}",
         "yes"},
        {"{{ if eq interval \"1m\" }}a{{ else if eq interval \"30s\" }}b{{ else }}c{{ end }}", "b"},
        {"{{ or \"\" target }} {{ and target 0 }} {{ or 0 \"\" }}|", "web 0 |"},
        {"{{ with variables }}{{ .direction }}{{ end }}", "inbound"},
        {"{{ with \"\" }}a{{ else with target }}{{ . }}{{ end }}", "web"},
        {"{{ range $k, $v := variables }}{{ $k }}={{ $v }};{{ . }}{{ end }}",
         "direction=inbound;inbound"},
        {"{{ range 4 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}"
         "{{ . }}{{ end }}",
         "02"},
        {"{{ range 0 }}a{{ else }}none{{ end }}", "none"},
        {"{{ $x := target }}{{ if true }}{{ $x = \"y\" }}{{ $z := 1 }}{{ end }}{{ $x }}", "y"},
        {"{{ $m := variables }}{{ $m.direction }} {{ (variables).direction }}", "inbound inbound"},
        {"{{ urlquery \"a b&c\" }} {{ html \"<\" }} {{ js \"'\" }}", "a+b%26c &lt; \\'"},
        {"{{ . }} {{ $ }} {{ printf \"%v\" . }} {{ print nil }}",
         "<no value> <no value> <nil> <nil>"},
        {"{{ variables }} {{ 1.0 }} {{ 0x10 }} {{ 1_000 }} {{ 'a' }} {{ -3 }} {{ true }}",
         "map[direction:inbound] 1 16 1000 97 -3 true"},
        {"{{ define \"t\" }}[{{ . }}]{{ end }}{{ template \"t\" target }}"
         "{{ block \"u\" 1 }}<{{ . }}>{{ end }}",
         "[web]<1>"},
        {"a \n{{- /* why */ -}}\n b {{- \"c\" }}", "abc"},
        {"{{ if /* no */ true }}{{ end }}", ""},
        {"{{ \"a\\tb\\u00e9\\x41\\101\" }}",
         "a\tb\xC3\xA9"
         "AA"},
        {"{{\n  target\n}}", "web"},
    };
    for (const auto& [text, wanted] : cases) {
        CAPTURE(text);
        const auto made = render(text, a_model());
        if (text.find("/* no */") != std::string::npos) {
            CHECK_FALSE(made);
            continue;
        }
        CHECK((made ? *made : made.error().message) == wanted);
    }
}

TEST_CASE("a query that cannot be parsed says why") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{{ targets }}", "1: function \"targets\" not defined"},
        {"up\n{{ target", "2: unclosed action"},
        {"{{ }}", "1: missing value for command"},
        {"{{ if }}{{ end }}", "1: missing value for if"},
        {"{{ if target }}", "1: unexpected EOF"},
        {"a\n{{ end }}", "2: unexpected {{end}}"},
        {"{{ else }}", "1: unexpected {{else}}"},
        {"{{ if true }}{{ else }}{{ else }}{{ end }}", "1: expected end; found {{else}}"},
        {"{{ $x }}", "1: undefined variable \"$x\""},
        {"{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "1: undefined variable \"$x\""},
        {"{{ (target }}", "1: unclosed left paren"},
        {"{{ target) }}", "1: unexpected right paren"},
        {"{{ \"a }}", "1: unterminated quoted string"},
        {"{{ `a }}", "1: unterminated raw quoted string"},
        {"{{ target @ }}", "1: unrecognized character in action: U+0040 '@'"},
        {"{{ 3k }}", "1: bad number syntax: \"3k\""},
        {"{{ target | 1 }}", "1: non executable command in pipeline stage 2"},
        {"{{ target, 1 }}", "1: unexpected \",\" in operand"},
        {"{{/* a }}", "1: unclosed comment"},
        {"{{ break }}", "1: {{break}} outside {{range}}"},
        {"{{ 1.5.a }}", "1: bad number syntax: \"1.5.a\""},
        {"{{ true.a }}", "1: unexpected . after term \"true\""},
    };
    for (const auto& [text, wanted] : cases) {
        CAPTURE(text);
        const auto made = render(text, a_model());
        REQUIRE_FALSE(made);
        CHECK(made.error().message == "template parsing failed: template: query:" + wanted);
    }
}

TEST_CASE("a query that cannot be carried out says where") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{{ variables.x }}",
         "1:12: executing \"query\" at <variables.x>: map has no entry for key \"x\""},
        {"a\n {{ eq 1 \"a\" }}",
         "2:4: executing \"query\" at <eq 1 \"a\">: error calling eq: incompatible types for "
         "comparison"},
        {"{{ target 1 }}",
         "1:3: executing \"query\" at <target>: wrong number of args for target: want 0 got 1"},
        {"{{ not }}",
         "1:3: executing \"query\" at <not>: wrong number of args for not: want 1 got 0"},
        {"{{ printf }}",
         "1:3: executing \"query\" at <printf>: wrong number of args for printf: want at least 1 "
         "got 0"},
        {"{{ 1 2 }}", "1:3: executing \"query\" at <1>: can't give argument to non-function 1"},
        {"{{ nil }}", "1:3: executing \"query\" at <nil>: nil is not a command"},
        {"{{ .x }}", "1:3: executing \"query\" at <.x>: nil data; no entry for key \"x\""},
        {"{{ target.x }}",
         "1:9: executing \"query\" at <target.x>: can't evaluate field x in type string"},
        {"{{ range target }}{{ end }}",
         "1:9: executing \"query\" at <target>: range can't iterate over web"},
        {"{{ index target 9 }}",
         "1:3: executing \"query\" at <index target 9>: error calling index: index out of range: "
         "9"},
        {"{{ template \"t\" }}",
         "1:3: executing \"query\" at <{{template \"t\"}}>: template \"t\" not defined"},
    };
    for (const auto& [text, wanted] : cases) {
        CAPTURE(text);
        const auto made = render(text, a_model());
        REQUIRE_FALSE(made);
        CHECK(made.error().message == "template excution failed: template: query:" + wanted);
    }
}

TEST_CASE("no query makes us work for ever, or run out of stack or memory") {
    const auto repeated = [](std::string_view text, int times) {
        std::string made;
        for (int i = 0; i < times; ++i) made += text;
        return made;
    };
    const std::vector<std::string> queries{
        "{{ range 1000000000000 }}{{ end }}",
        "{{ range 1000000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}",
        "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}",
        "{{ define \"t\" }}" + repeated("{{ if true }}", 80) + "{{ template \"t\" }}" +
            repeated("{{ end }}", 80) + "{{ end }}{{ template \"t\" }}",
        "{{ $x := \"aaaaaaaaaaaaaaaa\" }}" + repeated("{{ $x = print $x $x }}", 40) + "{{ $x }}",
        "{{ $x := printf \"%060000d\" 1 }}{{ range 1000000 }}{{ $y := $x }}{{ end }}",
        repeated("{{ if true }}", 4000),
        "{{ " + repeated("(", 10000) + " }}",
        "{{ " + repeated("not (", 5000) + "true" + repeated(")", 5000) + " }}",
        "{{ printf \"%99999999999999999999d\" 1 }}" + std::string(70'000, 'a'),
        "{{ printf \"%" + repeated("0", 60'000) + "65000d%65000d\" 1 2 }}",
    };
    for (const auto& text : queries) {
        CAPTURE(text.substr(0, 80));
        const auto made = render(text, a_model());
        CHECK_FALSE(made);
        if (!made) CHECK(made.error().message.size() < 1100);
    }
}

TEST_CASE("runs of blanks become one") {
    CHECK(metrics::with_single_blanks("  a\n\t b  c\n") == "a b c");
    CHECK(metrics::with_single_blanks("").empty());
}
