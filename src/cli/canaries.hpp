// `sluice get canary [NAME]` and `sluice list`: Canaries as kubectl shows them, and with the worst
// first.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"
#include "kube/client.hpp"

#include <map>
#include <string>
#include <vector>

namespace sluice::cli {

struct CanaryColumns {
    bool wide = false;
    bool with_namespace = false;
    bool with_outlook = false;  // what it waits for
};
// Why the pods are not ready that a Canary waits for, where it is known.
using PodsReasons = std::map<kube::ObjectKey, std::string>;
// A metav1.Table with the columns of the CRD (canary.md 1.7).
Json canary_table(const std::vector<Json>& canaries,
                  const PodsReasons& reasons,
                  CanaryColumns columns);

// By their severity, as the dashboard's list; by namespace and name among equals.
void put_worst_first(std::vector<Json>& canaries, Time now);

}  // namespace sluice::cli
