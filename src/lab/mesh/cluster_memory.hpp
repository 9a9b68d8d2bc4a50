// What one caller's proxy remembers of a cluster whose DestinationRule asks for more than a
// balancing: what is under way, who fails, and which pod a key belongs to. Other clusters have
// none.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/signal.hpp"
#include "lab/mesh/consistent_hash.hpp"
#include "lab/mesh/outlier.hpp"
#include "lab/mesh/route_table.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::mesh {

class ClusterMemory {
   public:
    // A place among those that a limit counts; given back when it goes.
    class Place {
       public:
        Place() = default;
        Place(Place&& other) noexcept = default;
        Place& operator=(Place&& other) noexcept;
        ~Place();

       private:
        friend class ClusterMemory;
        enum class Kind { request, retry };
        Place(std::shared_ptr<ClusterMemory> memory, Kind kind);

        std::shared_ptr<ClusterMemory> memory_;
        Kind kind_ = Kind::request;
    };

    // Waits for a connection where they are all in use and somebody may wait; nothing when there is
    // no room, or none until then.
    static Task<std::optional<Place>> take(std::shared_ptr<ClusterMemory> memory,
                                           Clock& clock,
                                           Limits limits,
                                           Time until);
    // Without waiting.
    static std::optional<Place> take_now(const std::shared_ptr<ClusterMemory>& memory,
                                         const Limits& limits);
    static std::optional<Place> take_retry(const std::shared_ptr<ClusterMemory>& memory,
                                           const Limits& limits);

    // Those that are not left out; all of them when that is everybody, or more than the rules
    // allow.
    std::vector<const Endpoint*> healthy(const OutlierRules& rules,
                                         std::vector<const Endpoint*> pods,
                                         Time now) const;
    const Endpoint* member_of(const ConsistentHash& policy,
                              const std::vector<const Endpoint*>& pods,
                              std::uint64_t key);

    OutlierDetector outliers;

   private:
    bool has_room(const Limits& limits) const;
    bool has_connection(const Limits& limits) const;

    std::uint64_t requests_ = 0, waiting_ = 0, retries_ = 0;
    std::optional<Signal> freed_;
    HashTable table_;
    std::uint64_t table_of_ = 0;  // fingerprint of its policy and members
};

}  // namespace sluice::mesh
