#include "cli/arguments.hpp"

#include <doctest/doctest.h>

namespace sluice::cli {

using Words = std::vector<std::string>;

TEST_CASE("options of the cluster may stand before the verb") {
    CHECK(verb_first({"-n", "test", "status", "podinfo"}) ==
          Words{"status", "podinfo", "-n", "test"});
    CHECK(verb_first({"--context=east", "-ntest", "inject", "on", "a"}) ==
          Words{"inject", "on", "a", "--context=east", "-ntest"});
    CHECK(verb_first({"--kubeconfig", "k", "--namespace", "a", "list", "-A"}) ==
          Words{"list", "-A", "--kubeconfig", "k", "--namespace", "a"});
}

TEST_CASE("what stands behind the verb, or is no option of the cluster, stays where it is") {
    for (const auto& words : {Words{},
                              Words{"status", "podinfo", "-n", "test"},
                              Words{"--version"},
                              Words{"-o", "json", "status"},
                              Words{"-n"},
                              Words{"-n", "test"},
                              Words{"-n", "test", "--help"}}) {
        CHECK(verb_first(words) == words);
    }
}

}  // namespace sluice::cli
