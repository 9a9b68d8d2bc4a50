#include "base/core/result.hpp"

#include <doctest/doctest.h>

using namespace sluice;

namespace {
Result<int> refuse() {
    return Error{ErrorKind::timed_out, "timed out after 5s"};
}
Result<int> answer() {
    return 42;
}
}  // namespace

TEST_CASE("a result holds a value or the reason why there is none") {
    CHECK(*answer() == 42);
    const auto refused = refuse();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().with("reading VirtualService prod/web").message ==
          "reading VirtualService prod/web: timed out after 5s");
    CHECK(refused.error().with("x").kind == ErrorKind::timed_out);
}
