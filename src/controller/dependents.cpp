#include "controller/dependents.hpp"

namespace sluice::controller {

void Dependents::set(const kube::ObjectKey& canary, std::vector<Concern> concerns) {
    const auto known = concerns_of_.find(canary);
    if (known != concerns_of_.end() && known->second == concerns) return;
    erase(canary);
    for (const auto& concern : concerns) canaries_of_[concern].insert(canary);
    concerns_of_[canary] = std::move(concerns);
}

void Dependents::erase(const kube::ObjectKey& canary) {
    const auto known = concerns_of_.find(canary);
    if (known == concerns_of_.end()) return;
    for (const auto& concern : known->second) {
        const auto found = canaries_of_.find(concern);
        if (found == canaries_of_.end()) continue;
        found->second.erase(canary);
        if (found->second.empty()) canaries_of_.erase(found);
    }
    concerns_of_.erase(known);
}

std::vector<kube::ObjectKey> Dependents::of(const Concern& object) const {
    const auto found = canaries_of_.find(object);
    if (found == canaries_of_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<Concern> Dependents::concerns(const kube::ObjectKey& canary) const {
    const auto known = concerns_of_.find(canary);
    return known == concerns_of_.end() ? std::vector<Concern>{} : known->second;
}

}  // namespace sluice::controller
