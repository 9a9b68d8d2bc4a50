// Whose requests a chart shows: what Prometheus is asked for a node or an edge of the graph, by
// what it stands for. Pure.
#pragma once

#include "base/core/result.hpp"
#include "web/condense.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

// A selector's labels, the label by which two of them are told apart, and whose proxies count.
struct Subject {
    std::string selector;  // `destination_workload_namespace="test",destination_workload=~"a|b"`
    std::string by = "destination_workload";
    std::string_view reporter = "destination";
};
Subject of_workloads(const std::string& ns, const std::vector<std::string>& workloads);

// By the ids of the contract. `not_found` where there is none, or no question that would be honest:
// the message says why. A Service at the source of an edge stands for workloads: those are in
// `fronts`.
Result<Subject> subject_of_node(std::string_view id);
// What arrives at a gateway from outside no proxy before it counts: of a node that stands for
// gateways alone, what it sent on.
Result<Subject> subject_of_gateways(std::string_view id, const Fronts& fronts);
Result<Subject> subject_of_edge(std::string_view id, const Fronts& fronts);

// The namespaces that one has to see to be told of it.
std::vector<std::string> namespaces_of(std::string_view id);

}  // namespace sluice::web
