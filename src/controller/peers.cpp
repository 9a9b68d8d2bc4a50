#include "controller/peers.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <set>

namespace sluice::controller {
namespace {

const std::string lease_name = "flagger-leader-election";

bool is_ours(const Json& deployment, const Self& self) {
    const auto key = kube::key_of(deployment);
    return !self.pod.empty() && key.ns == self.ns && self.pod.starts_with(key.name + "-");
}

Result<std::optional<std::string>> without_knowing(const Error& error, std::string_view doing) {
    if (error.kind == ErrorKind::not_found || error.kind == ErrorKind::denied) {
        return std::optional<std::string>{};
    }
    return error.with(doing);
}

}  // namespace

Peers::Peers(Clock& clock, kube::Client& client, Self self)
    : clock_(clock), client_(client), self_(std::move(self)) {}

Task<Result<std::optional<std::string>>> Peers::find_running() {
    auto deployment = co_await running_deployment();
    if (!deployment || *deployment) co_return deployment;
    for (const auto& ns : std::set<std::string>{
             self_.ns, "smm-system", "kube-system", "flagger-system", "istio-system"}) {
        if (ns.empty()) continue;
        auto lease = co_await held_lease(ns);
        if (!lease || *lease) co_return lease;
    }
    co_return std::optional<std::string>{};
}

Task<Result<std::optional<std::string>>> Peers::running_deployment() {
    const auto found = co_await client_.list(kube::resources::deployments,
                                             {.label_selector = "app.kubernetes.io/name=flagger"});
    if (!found) co_return without_knowing(found.error(), "looking for a Deployment of Flagger");
    for (const auto& deployment : found->items) {
        if (is_ours(deployment, self_)) continue;
        if (integer_at(deployment, {"status", "readyReplicas"}).value_or(0) == 0) continue;
        const auto key = kube::key_of(deployment);
        co_return std::optional(fmt::format("Deployment {}.{} is running", key.name, key.ns));
    }
    co_return std::optional<std::string>{};
}

// Clocks of two machines are never compared: a record that changes is alive, and one that stands
// still is over when its own duration has passed here.
Task<Result<std::optional<std::string>>> Peers::held_lease(std::string ns) {
    const auto lease = co_await client_.get(kube::resources::leases, {ns, lease_name});
    if (!lease) {
        co_return without_knowing(lease.error(),
                                  fmt::format("reading Lease {}.{}", lease_name, ns));
    }
    const auto holder = text_at(*lease, {"spec", "holderIdentity"});
    if (holder.empty()) co_return std::optional<std::string>{};
    const auto* spec = find(*lease, {"spec"});
    const auto record = to_text(spec == nullptr ? Json() : *spec);
    auto& seen = leases_[ns];
    if (seen.record != record) seen = {.record = record, .since = clock_.now()};
    const std::chrono::seconds lasts{
        integer_at(*lease, {"spec", "leaseDurationSeconds"}).value_or(60)};
    if (clock_.now() >= seen.since + lasts) co_return std::optional<std::string>{};
    co_return std::optional(fmt::format("Lease {}.{} is held by {}", lease_name, ns, holder));
}

}  // namespace sluice::controller
