#include "base/async/log.hpp"

#include "base/async/virtual_clock.hpp"
#include "base/core/json.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace sluice {
namespace {

std::string line_of(LogFormat format, const LogFields& fields) {
    std::string line;
    boost::asio::io_context context;
    const VirtualClock clock(context, Time{});
    Logger log(clock, {.format = format}, [&](std::string_view written) { line = written; });
    log.info("said", fields);
    return line;
}

}  // namespace

TEST_CASE("a field that is JSON stands in a JSON line as it is, and a text in quotes") {
    const auto line = line_of(
        LogFormat::json,
        {{"canary", "a\"b"}, {"decision", LogValue::json(R"({"what":"advance","wrote":[1]})")}});
    const auto read = parse_json(line);
    REQUIRE(read);
    CHECK(text_at(*read, {"msg"}) == "said");
    CHECK(text_at(*read, {"canary"}) == "a\"b");
    CHECK(text_at(*read, {"decision", "what"}) == "advance");
    CHECK(array_at(*read, {"decision", "wrote"}).size() == 1);
}

TEST_CASE("in a line of text every field stands in quotes") {
    const auto line = line_of(LogFormat::text, {{"decision", LogValue::json(R"({"a":1})")}});
    CHECK(line.ends_with(R"( level=info msg="said" decision="{\"a\":1}")"));
}

}  // namespace sluice
