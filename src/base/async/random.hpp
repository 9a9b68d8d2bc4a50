// Randomness, handed in. Seeded everywhere but in app/, where the seed comes from the system.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

class Random {
   public:
    Random() = default;
    Random(const Random&) = delete;
    Random& operator=(const Random&) = delete;
    virtual ~Random() = default;

    virtual std::uint64_t next() = 0;

    // Evenly in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);
    // In [0, 1).
    double unit();
    // RFC 4122 version 4.
    std::string uuid();
    // Kubernetes' alphabet for generated names: bcdfghjklmnpqrstvwxz2456789.
    std::string name_suffix(std::size_t length = 5);
};

// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and the same on every machine.
class SeededRandom final : public Random {
   public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() override;

   private:
    std::uint64_t state_;
};

}  // namespace sluice
