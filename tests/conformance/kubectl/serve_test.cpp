#include "kubectl_lab.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <iostream>
#include <thread>

namespace sluice::conformance {

// For trying things by hand: conformance_kubectl --no-skip -tc='a bare API server*'
TEST_CASE("a bare API server stays up until it is killed" * doctest::skip()) {
    const Lab lab(Kubectl{});
    std::cout << fmt::format("kubectl --server=http://127.0.0.1:{}\n", lab.port()) << std::flush;
    for (;;) std::this_thread::sleep_for(std::chrono::hours{1});
}

}  // namespace sluice::conformance
