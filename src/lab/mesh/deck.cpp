#include "lab/mesh/deck.hpp"

#include "base/core/result.hpp"

#include <algorithm>
#include <numeric>

namespace sluice::mesh {

namespace {

// How many cards each weight gets: in lowest terms, or scaled to the largest deck by largest
// remainder.
std::vector<std::size_t> counts_of(const std::vector<int>& weights) {
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
    std::int64_t divisor = 0;
    for (const auto weight : weights) divisor = std::gcd(divisor, std::int64_t{weight});
    SLUICE_ASSERT(sum > 0);

    std::vector<std::size_t> counts;
    if (sum / divisor <= static_cast<std::int64_t>(Deck::cards_max)) {
        for (const auto weight : weights)
            counts.push_back(static_cast<std::size_t>(weight / divisor));
        return counts;
    }
    std::vector<std::pair<double, std::size_t>> remainders;
    std::size_t given = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double exact =
            static_cast<double>(weights[i]) * Deck::cards_max / static_cast<double>(sum);
        counts.push_back(static_cast<std::size_t>(exact));
        given += counts.back();
        remainders.emplace_back(static_cast<double>(counts.back()) - exact, i);
    }
    std::sort(remainders.begin(), remainders.end());
    for (std::size_t i = 0; given < Deck::cards_max; ++i, ++given) ++counts[remainders[i].second];
    return counts;
}

}  // namespace

Deck::Deck(std::vector<int> weights) : weights_(std::move(weights)) {
    const auto counts = counts_of(weights_);
    for (std::size_t i = 0; i < counts.size(); ++i)
        cards_.insert(cards_.end(), counts[i], static_cast<std::uint16_t>(i));
    next_ = cards_.size();
}

std::size_t Deck::deal(Random& random) {
    if (next_ == cards_.size()) {
        for (std::size_t i = cards_.size(); i > 1; --i)
            std::swap(cards_[i - 1], cards_[random.below(i)]);
        next_ = 0;
    }
    return cards_[next_++];
}

std::size_t draw(const std::vector<int>& weights, Random& random) {
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    auto value = random.below(sum);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto weight = static_cast<std::uint64_t>(weights[i]);
        if (value < weight) return i;
        value -= weight;
    }
    return weights.size() - 1;
}

}  // namespace sluice::mesh
