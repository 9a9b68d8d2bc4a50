#include "release/pods.hpp"

#include "delivery/canary/workloads.hpp"
#include "kube/pods.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace sluice::release {

using api::Phase;

std::optional<std::string> awaited_workload(const api::Canary& canary) {
    const auto& status = canary.status;
    if (canary.invalid || canary.unbuilt || canary.suspended || status.rollback) return {};
    switch (status.phase) {
        case Phase::initializing:
        case Phase::promoting:
            return canary.primary_name();
        case Phase::progressing:
            if (!canary.skip_analysis && status.failed_checks >= canary.analysis.threshold)
                return {};
            if (status.unready_since) return canary.target.name;
            if (status.primary_unready_since) return canary.primary_name();
            return {};
        case Phase::terminating:
            return status.routed_at ? std::optional<std::string>() : canary.target.name;
        case Phase::none:
        case Phase::initialized:
        case Phase::waiting:
        case Phase::waiting_promotion:
        case Phase::finalising:
        case Phase::succeeded:
        case Phase::failed:
        case Phase::terminated:
            return {};
    }
    return {};
}

std::string with_reason(std::string waits_for, const std::string& reason) {
    if (reason.empty()) return waits_for;
    // "the pods of web-primary to be ready; the checks go on"
    const auto end = std::min(waits_for.find(';'), waits_for.size());
    return waits_for.insert(end, ": " + reason);
}

Task<PodsReason> read_pods_wait_for(kube::Client& client, api::Canary canary) {
    const auto name = awaited_workload(canary);
    const auto kind = canary::workload_kind(canary.target.kind);
    if (!name || name->empty() || !kind || *kind == canary::Kind::service) co_return PodsReason{};
    const auto& resource = *kind == canary::Kind::daemon_set ? kube::resources::daemon_sets
                                                             : kube::resources::deployments;
    const auto workload = co_await client.get(resource, {canary.ns, *name});
    if (!workload) co_return PodsReason{};
    const auto selector = kube::selector_of(*workload);
    if (selector.empty()) co_return PodsReason{};
    const auto pods =
        co_await client.list(kube::resources::pods, {.ns = canary.ns, .label_selector = selector});
    if (!pods) co_return PodsReason{};
    co_return PodsReason{
        .whole = kube::pods_wait_for(*workload, pods->items),
        .in_short = kube::pods_wait_for(*workload, pods->items, kube::Words::kept)};
}

}  // namespace sluice::release
