#include "loadtester/task.hpp"

#include "loadtester/arguments.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::loadtester;

namespace {

using Words = std::vector<std::string>;

std::string refusal(std::string_view line) {
    const auto words = split_command(line);
    return words ? "none" : words.error().message;
}

}  // namespace

TEST_CASE("a command line is split as a shell would") {
    CHECK(*split_command("hey -z 1m  http://a") == Words{"hey", "-z", "1m", "http://a"});
    CHECK(*split_command(R"(hey -H 'Cookie: a=b' -d "{\"x\": 1}" a\ b "")") ==
          Words{"hey", "-H", "Cookie: a=b", "-d", R"({"x": 1})", "a b", ""});
    CHECK(*split_command("hey -z 1m \\\n  http://a\n") == Words{"hey", "-z", "1m", "http://a"});
    CHECK(split_command(" ")->empty());
}

TEST_CASE("what only a shell can do is refused by name") {
    CHECK(refusal("a | b") == "'|' needs a shell");
    CHECK(refusal("a && b") == "'&' needs a shell");
    CHECK(refusal("a $HOME") == "'$' needs a shell");
    CHECK(refusal("a \"$(b)\"") == "'$' needs a shell");
    CHECK(refusal("a 'b") == "a quote is not closed");
}

TEST_CASE("a payload is what the controller sends, and nothing stranger") {
    const auto payload = parse_payload(
        R"({"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"x",
            "metadata":{"cmd":"hey","logCmdOutput":"true"},"canaryWeight":10})");
    REQUIRE(payload);
    CHECK(payload->canary() == "podinfo.test");
    CHECK(payload->meta("cmd") == "hey");
    CHECK(payload->flag("logCmdOutput"));
    CHECK_FALSE(payload->flag("returnCmdOutput"));
    CHECK_FALSE(parse_payload("[]"));
    CHECK_FALSE(parse_payload(R"({"metadata":{"cmd":["a"]}})"));
    CHECK_FALSE(parse_payload(std::string(300 * 1024, ' ')));
}

TEST_CASE("options are read as Go's programs and as curl read them") {
    const Grammar go{.program = "hey", .with_value = {"z", "host"}, .alone = {"h2"}};
    auto read = read_arguments(go, {"-z", "1m", "--host=a", "-h2", "http://a"});
    REQUIRE(read);
    CHECK(read->value("z") == "1m");
    CHECK(read->value("host") == "a");
    CHECK(read->has("h2"));
    CHECK(read->rest == Words{"http://a"});
    CHECK(read_arguments(go, {"-z"}).error().message == "hey: option -z needs a value");
    CHECK(read_arguments(go, {"-x=1"}).error().message == "hey: unknown option -x");

    const Grammar letters{
        .program = "curl", .with_value = {"d", "data"}, .alone = {"s", "f"}, .letters = true};
    read = read_arguments(letters, {"-sfdbody", "--data", "more", "-d", "last", "http://a"});
    REQUIRE(read);
    CHECK(read->has("s"));
    CHECK(read->values("d") == Words{"body", "last"});
    CHECK(read->value("data") == "more");
    CHECK(read_arguments(letters, {"-sx"}).error().message == "curl: unknown option -x");
    CHECK(read_arguments(letters, {"-sd"}).error().message == "curl: option -d needs a value");
}
