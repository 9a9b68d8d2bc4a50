// The same key to the same pod: Ketama's ring and Google's maglev, and what of a request is the
// key.
#pragma once

#include "base/async/random.hpp"
#include "lab/mesh/route.hpp"
#include "lab/mesh/traffic_policy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh {

// Of a text; the same on every machine.
std::uint64_t stable_hash(std::string_view text);

// Which of some pods a key belongs to. Most keys stay where they are when a pod comes or goes.
class HashTable {
   public:
    HashTable() = default;
    // By the pods' addresses, in their order.
    HashTable(const ConsistentHash& policy, const std::vector<std::string>& members);

    // The index of a member; there is at least one.
    std::size_t member_of(std::uint64_t key) const;
    bool empty() const { return ring_.empty() && table_.empty(); }

   private:
    void fill_ring(std::uint64_t size, const std::vector<std::string>& members);
    void fill_table(std::uint64_t size, const std::vector<std::string>& members);

    std::vector<std::pair<std::uint64_t, std::uint32_t>> ring_;  // sorted by place
    std::vector<std::uint32_t> table_;
};

struct HashKey {
    // Nothing: the request has no key, and any pod will do.
    std::optional<std::uint64_t> key;
    // For the answer, when a cookie was made.
    std::string set_cookie;
};
// `peer` is the caller's address, "127.0.0.1:53012".
HashKey key_of(const ConsistentHash& policy,
               const RequestHead& request,
               std::string_view peer,
               Random& random);

}  // namespace sluice::mesh
