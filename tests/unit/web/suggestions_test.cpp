#include "web/suggestions.hpp"

#include <doctest/doctest.h>

namespace sluice::web {
namespace {

std::string suggested(std::string code, std::string text = "") {
    return suggestion_for({.code = std::move(code), .object = "", .field = "", .text = text});
}

TEST_CASE("what retries hide has a way out for each side that asks") {
    CHECK(suggested("SLU0007",
                    "the mesh tries again what failed, and metric errors asks the callers: it "
                    "does not see what the retries hide") ==
          "ask reporter=\"destination\" in its query, or set retries.attempts: 0");
    CHECK(suggested("SLU0007",
                    "the mesh tries again what failed: users see fewer failures than "
                    "request-success-rate counts")
              .starts_with("set retries.attempts: 0"));
}

TEST_CASE("a release that callers within the mesh do not see says how they would") {
    CHECK(suggested("SLU0012").starts_with("add mesh to spec.service.gateways"));
}

TEST_CASE("what depends on what was meant has no suggestion") {
    // A schema's own message, and a Canary's own mistake, say what is wanted.
    CHECK(suggested("IST0106", "Schema validation error: unknown field").empty());
    CHECK(suggested("", "must be positive").empty());
}

}  // namespace
}  // namespace sluice::web
