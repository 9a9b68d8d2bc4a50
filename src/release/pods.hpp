// Why the pods that a release waits for are not ready, in one line: what the person reads who was
// woken. Names of ConfigMaps and Secrets may stand in it, so it is for those who may list the pods.
#pragma once

#include "api/canary.hpp"
#include "kube/client.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sluice::release {

// By the pod's own condition.
bool is_ready(const Json& pod);
// "CrashLoopBackOff: exit code 1"; empty when it is ready, or nothing says why it is not.
std::string why_not_ready(const Json& pod);
// By the labels of its selector; a workload without any selects nothing.
bool is_selected(const Json& workload, const Json& pod);
// What most of the workload's pods that are not ready wait for: "CreateContainerConfigError:
// configmap "app" not found (2 pods)". Only those of its newest template count. Empty when nothing
// says it. `pods` may hold those of others.
std::string pods_wait_for(const Json& workload, const std::vector<Json>& pods);

// The workload whose pods must get ready before the Canary gets on; nothing while it waits for
// something else.
std::optional<std::string> awaited_workload(const api::Canary& canary);
// "the pods of web to be ready: its readiness probe does not pass (1 pod)"
std::string with_reason(std::string waits_for, const std::string& reason);
// What the pods that it waits for wait for. Empty too for who may not read them.
Task<std::string> read_pods_wait_for(kube::Client& client, api::Canary canary);

}  // namespace sluice::release
