// Why the pods of a workload are not ready, as they say it themselves. Pure.
#pragma once

#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace sluice::kube {

// By the pod's own condition.
bool is_ready(const Json& pod);
// "CrashLoopBackOff: exit code 1"; empty when it is ready, or nothing says why it is not.
std::string why_not_ready(const Json& pod);
// By the labels of its selector; a workload without any selects nothing.
bool is_selected(const Json& workload, const Json& pod);
// "app=web,tier=front": the selector as a list is asked by; empty when it has none.
std::string selector_of(const Json& workload);
// What most of the workload's pods that are not ready wait for: "CreateContainerConfigError:
// configmap "app" not found (2 pods)". Only those of its newest template count. Empty when nothing
// says it. `pods` may hold those of others.
enum class Words {
    all,       // for who may list the pods
    kept,      // "ImagePullBackOff of web:2": without what an app says at its end, which may be
               // anything
    in_short,  // and without names of ConfigMaps and Secrets: for who may read the Canary
};
std::string pods_wait_for(const Json& workload,
                          const std::vector<Json>& pods,
                          Words words = Words::all);

}  // namespace sluice::kube
