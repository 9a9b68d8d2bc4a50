// Which pods a release waits for, and why they are not ready, in one line: what the person reads
// who was woken. Names of ConfigMaps and Secrets may stand in it, so it is for those who may list
// the pods.
#pragma once

#include "api/canary.hpp"
#include "kube/client.hpp"

#include <optional>
#include <string>

namespace sluice::release {

// The workload whose pods must get ready before the Canary gets on; nothing while it waits for
// something else.
std::optional<std::string> awaited_workload(const api::Canary& canary);
// "the pods of web to be ready: its readiness probe does not pass (1 pod)"
std::string with_reason(std::string waits_for, const std::string& reason);

struct PodsReason {
    std::string whole;
    std::string in_short;  // kube::Words::kept
};
// What the pods that it waits for wait for. Empty too for who may not read them.
Task<PodsReason> read_pods_wait_for(kube::Client& client, api::Canary canary);

}  // namespace sluice::release
