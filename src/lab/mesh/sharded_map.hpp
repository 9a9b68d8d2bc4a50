// A map by text that is copied in no time and shares what did not change: a changed entry costs the
// copy of one small part of it, so that one weight among thousands of services reaches the proxy at
// once.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::mesh {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
    }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

template <typename Value>
class ShardedMap {
   public:
    // Null when there is none. Lives as long as the map (or a copy that still holds it).
    const Value* find(std::string_view key) const {
        const auto& shard = shards_[index(key)];
        if (shard == nullptr) return nullptr;
        const auto at = shard->find(key);
        return at == shard->end() ? nullptr : &at->second;
    }
    void put(std::string_view key, Value value) {
        change(key).insert_or_assign(std::string(key), std::move(value));
    }
    void erase(std::string_view key) {
        if (find(key) == nullptr) return;
        auto& shard = change(key);
        shard.erase(shard.find(key));
    }
    std::size_t size() const {
        std::size_t count = 0;
        for (const auto& shard : shards_) count += shard == nullptr ? 0 : shard->size();
        return count;
    }
    template <typename Visit>
    void for_each(Visit visit) const {
        for (const auto& shard : shards_) {
            if (shard == nullptr) continue;
            for (const auto& [key, value] : *shard) visit(key, value);
        }
    }

   private:
    using Shard = TextMap<Value>;
    static constexpr std::size_t shard_count = 64;

    static std::size_t index(std::string_view key) { return (TextHash()(key) >> 7) % shard_count; }
    Shard& change(std::string_view key) {
        auto& shard = shards_[index(key)];
        auto copy = shard == nullptr ? std::make_shared<Shard>() : std::make_shared<Shard>(*shard);
        shard = copy;
        return *copy;
    }

    std::array<std::shared_ptr<const Shard>, shard_count> shards_{};
};

}  // namespace sluice::mesh
