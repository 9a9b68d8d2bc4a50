// How the numbers of lists, overview and topology are computed: what Prometheus is asked for each.
// Pure.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"

#include <boost/json/array.hpp>

#include <string>

namespace sluice::web {

struct QueryWindows {
    Duration lists{};  // of the overview, workloads, Services and releases
    Duration edges{};  // of the topology
};
// `ns` is the one namespace that is looked at; empty: all.
JsonArray queries_json(const QueryWindows& windows, const std::string& ns);

}  // namespace sluice::web
