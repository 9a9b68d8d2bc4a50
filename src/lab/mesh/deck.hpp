// The weighted choice: which destination gets the next request.
#pragma once

#include "base/async/random.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::mesh {

// `deck` is exact over every sum-of-weights requests; `random` draws each anew, as Envoy does.
enum class Split { deck, random };

// Cards in the proportion of the weights, shuffled and dealt one by one: after each deck the shares
// are exact, and no client that alternates between two paths can fall into step with it.
class Deck {
   public:
    static constexpr std::size_t cards_max = 1000;

    // Weights are not negative and at least one is positive.
    explicit Deck(std::vector<int> weights);

    // The index of a weight.
    std::size_t deal(Random& random);
    const std::vector<int>& weights() const { return weights_; }
    std::size_t size() const { return cards_.size(); }

   private:
    std::vector<int> weights_;
    std::vector<std::uint16_t> cards_;
    std::size_t next_;
};

// One independent draw.
std::size_t draw(const std::vector<int>& weights, Random& random);

}  // namespace sluice::mesh
