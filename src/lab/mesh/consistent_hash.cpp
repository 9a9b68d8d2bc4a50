#include "lab/mesh/consistent_hash.hpp"

#include "base/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace sluice::mesh {

namespace {

constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

std::uint64_t mixed(std::uint64_t value) {
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdULL;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ULL;
    return value ^ (value >> 33);
}

std::optional<std::string> cookie_of(const RequestHead& request, std::string_view name) {
    if (request.headers == nullptr) return std::nullopt;
    for (const auto header : request.headers->all("cookie")) {
        for (const auto part : split(header, ';')) {
            const auto pair = trimmed(part);
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name)
                continue;
            auto value = trimmed(pair.substr(equals + 1));
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
                value = value.substr(1, value.size() - 2);
            return std::string(value);
        }
    }
    return std::nullopt;
}

std::string new_cookie(const ConsistentHash& policy, std::string_view value) {
    auto cookie = fmt::format("{}=\"{}\"", policy.name, value);
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(*policy.cookie_ttl).count();
    if (seconds > 0) cookie += fmt::format("; Max-Age={}", seconds);
    if (!policy.cookie_path.empty()) cookie += fmt::format("; Path={}", policy.cookie_path);
    for (const auto& attribute : policy.cookie_attributes) cookie += "; " + attribute;
    return cookie + "; HttpOnly";
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return mixed(hash);
}

HashTable::HashTable(const ConsistentHash& policy, const std::vector<std::string>& members) {
    if (members.empty()) return;
    if (policy.method == ConsistentHash::Method::ring)
        fill_ring(policy.size, members);
    else
        fill_table(std::max<std::uint64_t>(policy.size, members.size()), members);
}

// Each member stands at as many places of the ring, and a key belongs to the next one.
void HashTable::fill_ring(std::uint64_t size, const std::vector<std::string>& members) {
    // A power of two, so that one pod more or less seldom changes how many places each has.
    const auto each = std::bit_ceil((size + members.size() - 1) / members.size());
    ring_.reserve(each * members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
        for (std::uint64_t place = 0; place < each; ++place)
            ring_.emplace_back(stable_hash(fmt::format("{}_{}", members[i], place)),
                               static_cast<std::uint32_t>(i));
    }
    std::sort(ring_.begin(), ring_.end());
}

// Maglev (Eisenbud and others 2016): the members take places of the table in turn, each by an order
// of its own.
void HashTable::fill_table(std::uint64_t size, const std::vector<std::string>& members) {
    struct Turn {
        std::uint64_t next, step;
    };
    std::vector<Turn> turns;
    for (const auto& member : members) {
        const auto step = size == 1 ? 0 : stable_hash(member + "#step") % (size - 1) + 1;
        turns.push_back({stable_hash(member) % size, step});
    }
    table_.assign(size, nobody);
    for (std::uint64_t filled = 0; filled < size;) {
        for (std::size_t i = 0; i < turns.size() && filled < size; ++i) {
            auto& [next, step] = turns[i];
            // A table whose size is no prime may not be walked through by this step alone.
            for (std::uint64_t tried = 0; table_[next] != nobody; ++tried)
                next = (next + (tried < size ? step : 1)) % size;
            table_[next] = static_cast<std::uint32_t>(i);
            ++filled;
        }
    }
}

std::size_t HashTable::member_of(std::uint64_t key) const {
    if (!table_.empty()) return table_[key % table_.size()];
    const auto at = std::lower_bound(
        ring_.begin(), ring_.end(), key, [](const auto& place, std::uint64_t wanted) {
            return place.first < wanted;
        });
    return at == ring_.end() ? ring_.front().second : at->second;
}

HashKey key_of(const ConsistentHash& policy,
               const RequestHead& request,
               std::string_view peer,
               Random& random) {
    switch (policy.key) {
        case ConsistentHash::Key::header: {
            const auto value =
                request.headers == nullptr ? std::nullopt : request.headers->get(policy.name);
            if (!value) return {};
            return {stable_hash(*value), {}};
        }
        case ConsistentHash::Key::cookie: {
            if (const auto value = cookie_of(request, policy.name))
                return {stable_hash(*value), {}};
            if (!policy.cookie_ttl) return {};
            const auto value = fmt::format("{:016x}", random.next());
            return {stable_hash(value), new_cookie(policy, value)};
        }
        case ConsistentHash::Key::source_ip: {
            const auto address = peer.substr(0, std::min(peer.rfind(':'), peer.size()));
            if (address.empty()) return {};
            return {stable_hash(address), {}};
        }
        case ConsistentHash::Key::query: {
            const auto value = query_value(request.query, policy.name);
            if (!value) return {};
            return {stable_hash(*value), {}};
        }
    }
    return {};
}

}  // namespace sluice::mesh
