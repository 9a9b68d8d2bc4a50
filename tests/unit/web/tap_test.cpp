#include "web/tap.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::web;

namespace {

TapRow from_to(std::string source, std::string destination) {
    const auto ns = [](const std::string& whose) { return whose.substr(0, whose.find('/')); };
    TapRow row{.source = std::move(source), .destination = std::move(destination)};
    if (row.source != "unknown") row.source_ns = ns(row.source);
    if (row.destination != "unknown") row.destination_ns = ns(row.destination);
    row.headers = {{"User-Agent", "curl/8.5"}, {"Authorization", "Bearer very-secret"}};
    return row;
}

bool is_meant(const std::string& query, const TapRow& row) {
    const auto asked = Asked::read("/tap?" + query);
    REQUIRE(asked);
    const auto filter = TapFilter::read(*asked);
    REQUIRE(filter);
    return filter->is_meant(row, headers_json(row.headers));
}

std::string refusal_of(const std::string& query) {
    const auto asked = Asked::read("/tap?" + query);
    REQUIRE(asked);
    const auto filter = TapFilter::read(*asked);
    return filter ? std::string() : filter.error().message;
}

}  // namespace

TEST_CASE("a direction is that of the workload and the namespaces that are asked for") {
    const auto row = from_to("test/gateway", "shop/cart");
    CHECK(is_meant("dir=in&workload=shop/cart", row));
    CHECK_FALSE(is_meant("dir=out&workload=shop/cart", row));
    CHECK(is_meant("dir=out&workload=gateway", row));
    CHECK(is_meant("dir=in&ns=shop", row));
    CHECK_FALSE(is_meant("dir=out&ns=shop", row));
    // Both have to hold of one and the same side.
    CHECK_FALSE(is_meant("dir=in&ns=test&workload=cart", row));
    CHECK(is_meant("workload=shop/cart", row));
}

TEST_CASE("without a workload and a namespace a direction asks for a side that the mesh knows") {
    const auto from_outside = from_to("unknown", "shop/cart");
    CHECK(is_meant("dir=in", from_outside));
    CHECK_FALSE(is_meant("dir=out", from_outside));
    const auto to_nobody = from_to("shop/cart", "unknown");
    CHECK_FALSE(is_meant("dir=in", to_nobody));
    CHECK(is_meant("dir=out", to_nobody));
    CHECK_FALSE(is_meant("dir=in&workload=unknown", to_nobody));
}

TEST_CASE("a header is found by its name, or by its name and a part of its value") {
    const auto row = from_to("test/gateway", "shop/cart");
    CHECK(is_meant("header=user-agent", row));
    CHECK(is_meant("header=USER-AGENT%3A%20curl", row));
    CHECK(is_meant("header=user-agent:", row));
    CHECK_FALSE(is_meant("header=user-agent:wget", row));
    CHECK_FALSE(is_meant("header=user", row));
    CHECK_FALSE(is_meant("header=cookie", row));
    CHECK(is_meant("header=authorization", row));
}

TEST_CASE("nobody finds out a secret by asking for it") {
    CHECK(
        refusal_of("header=Authorization:Bearer%20very") ==
        "parameter header: the value of \"Authorization\" is told to nobody, so only its name can "
        "be asked for");
    CHECK(refusal_of("header=x-api-key:k").find("x-api-key") != std::string::npos);
    // Even if nothing refused it: only what is told is looked at.
    TapFilter filter{.header = "authorization", .value = "very"};
    const auto row = from_to("test/gateway", "shop/cart");
    CHECK_FALSE(filter.is_meant(row, headers_json(row.headers)));
}

TEST_CASE("a direction and a header that say nothing are refused by their names") {
    CHECK(refusal_of("dir=up") == "parameter dir: \"up\" is none of in, out");
    CHECK(refusal_of("dir=in,out") == "parameter dir: longer than 3 bytes");
    CHECK(refusal_of("header=:curl") == "parameter header: there is no name before the colon");
    CHECK(refusal_of("header=" + std::string(301, 'a')) ==
          "parameter header: longer than 300 bytes");
}

TEST_CASE("another direction or header is another question") {
    const auto text_of = [](const std::string& query) {
        return TapFilter::read(*Asked::read("/tap?" + query))->text();
    };
    CHECK(text_of("dir=in") != text_of("dir=out"));
    CHECK(text_of("header=a") != text_of("header=a:b"));
    CHECK(text_of("header=A%3Ab") == text_of("header=A:b"));
}
