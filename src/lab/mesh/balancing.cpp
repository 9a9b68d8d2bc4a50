// Which destination and which pod get the next request.
#include "lab/mesh/proxy_state.hpp"

#include <algorithm>

namespace sluice::mesh {

namespace {

constexpr std::size_t decks_max = 20'000;
constexpr int picks_max = 5;
constexpr std::size_t memories_max = 20'000;

std::vector<const Endpoint*> pods_of(const Upstream& cluster) {
    std::vector<const Endpoint*> pods;
    for (const auto& endpoint : cluster.port->endpoints) {
        if (cluster.takes(endpoint)) pods.push_back(&endpoint);
    }
    return pods;
}

std::uint64_t cluster_id(const Upstream& upstream) {
    std::uint64_t id = std::hash<std::string_view>()(upstream.service->host);
    id = id * 31 + upstream.port->number;
    if (upstream.subset != nullptr)
        id = id * 31 + std::hash<std::string_view>()(upstream.subset->name);
    return id;
}

}  // namespace

// The pods that may be asked: all of them where there is no subset, so that nothing is copied.
class MeshProxy::State::Choices {
   public:
    explicit Choices(const Upstream& upstream) : all_(upstream.port->endpoints) {
        is_whole_ = upstream.subset == nullptr || upstream.subset->labels.empty();
        if (is_whole_) return;
        for (const auto& endpoint : all_) {
            if (upstream.takes(endpoint)) some_.push_back(&endpoint);
        }
    }
    Choices(const Upstream& upstream, std::vector<const Endpoint*> some)
        : all_(upstream.port->endpoints), is_whole_(false), some_(std::move(some)) {}
    std::size_t size() const { return is_whole_ ? all_.size() : some_.size(); }
    const Endpoint& operator[](std::size_t index) const {
        return is_whole_ ? all_[index] : *some_[index];
    }

   private:
    const std::vector<Endpoint>& all_;
    bool is_whole_;
    std::vector<const Endpoint*> some_;
};

std::size_t MeshProxy::State::choose_destination(const Route& route, const Workload& caller) {
    if (route.destinations.size() == 1) return 0;
    if (options.split == Split::random) return draw(route.weights, random);
    const auto id = route.id ^ (caller.hash * 0x9e3779b97f4a7c15ULL);
    auto known = decks.find(id);
    if (known == decks.end()) {
        // Routes that are gone leave their decks behind; they are small, but not for ever.
        if (decks.size() >= decks_max) decks.clear();
        known = decks.emplace(id, Deck(route.weights)).first;
    } else if (known->second.weights() != route.weights) {
        known->second = Deck(route.weights);
    }
    return known->second.deal(random);
}

const Endpoint* MeshProxy::State::choose_endpoint(const Upstream& cluster,
                                                  const std::vector<std::uint64_t>& tried,
                                                  ClusterMemory* memory,
                                                  std::optional<std::uint64_t> key) {
    if (memory == nullptr) return choose_among(Choices(cluster), cluster, tried);
    auto pods = pods_of(cluster);
    if (pods.empty()) return nullptr;
    const auto& policy = *cluster.policy;
    if (policy.outliers) pods = memory->healthy(*policy.outliers, std::move(pods), clock.now());
    if (policy.hash && key) return memory->member_of(*policy.hash, pods, *key);
    return choose_among(Choices(cluster, std::move(pods)), cluster, tried);
}

const Endpoint* MeshProxy::State::choose_among(const Choices& choices,
                                               const Upstream& cluster,
                                               const std::vector<std::uint64_t>& tried) {
    if (choices.size() == 0) return nullptr;
    if (choices.size() == 1) return &choices[0];
    const auto load = [&](const Endpoint& endpoint) {
        const auto found = active.find(endpoint.id);
        return found == active.end() ? 0 : found->second;
    };
    const auto pick = [&]() -> const Endpoint* {
        switch (cluster.balancing) {
            case LoadBalancing::round_robin:
                return &choices[turns[cluster_id(cluster)]++ % choices.size()];
            case LoadBalancing::random:
                return &choices[random.below(choices.size())];
            case LoadBalancing::least_request:
                break;
        }
        const auto& one = choices[random.below(choices.size())];
        const auto& other = choices[random.below(choices.size())];
        return load(other) < load(one) ? &other : &one;
    };
    const auto* picked = pick();
    for (int i = 1; i < picks_max && !tried.empty(); ++i) {
        if (std::find(tried.begin(), tried.end(), picked->id) == tried.end()) break;
        picked = pick();
    }
    return picked;
}

std::shared_ptr<ClusterMemory> MeshProxy::State::memory_of(const Upstream& cluster,
                                                           const Workload& caller) {
    if (cluster.policy == nullptr) return nullptr;
    const auto id = cluster_id(cluster) ^ (caller.hash * 0x9e3779b97f4a7c15ULL);
    if (memories.size() >= memories_max && !memories.contains(id)) memories.clear();
    auto& memory = memories[id];
    if (memory == nullptr) memory = std::make_shared<ClusterMemory>();
    return memory;
}

void MeshProxy::State::try_began(const Endpoint& pod) {
    ++active[pod.id];
    ++metrics.upstream_active;
}

void MeshProxy::State::try_ended(const Endpoint& pod, const RequestRecord* arrived) {
    --metrics.upstream_active;
    if (const auto under_way = active.find(pod.id);
        under_way != active.end() && --under_way->second <= 0) {
        active.erase(under_way);
    }
    if (arrived != nullptr && arrived->destination->in_mesh) metrics.add(*arrived);
}

void MeshProxy::State::report(const Upstream& cluster,
                              ClusterMemory* memory,
                              const Endpoint& pod,
                              OutlierDetector::Result result) {
    if (memory == nullptr || !cluster.policy->outliers) return;
    memory->outliers.report(
        *cluster.policy->outliers, pod.id, result, pods_of(cluster).size(), clock.now());
}

}  // namespace sluice::mesh
