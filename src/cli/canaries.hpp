// `sluice get canary [NAME]` and `sluice list`: Canaries as kubectl shows them, and with the worst
// first.
#pragma once

#include "base/core/json.hpp"

#include <string>
#include <vector>

namespace sluice::cli {

struct CanaryColumns {
    bool wide = false;
    bool with_namespace = false;
    bool with_outlook = false;  // what it waits for
};
// A metav1.Table with the columns of the CRD (canary.md 1.7).
Json canary_table(const std::vector<Json>& canaries, CanaryColumns columns);

// Failed and rolling back, then what fails checks, then what waits for people, then what is under
// way, then the rest; by namespace and name among equals.
void put_worst_first(std::vector<Json>& canaries);

}  // namespace sluice::cli
