#include "lab/mesh/deck.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace sluice;
using namespace sluice::mesh;

TEST_CASE("over every hundred requests the shares of a deck are exact") {
    SeededRandom random(7);
    for (const int weight : {1, 5, 20, 33, 50, 99}) {
        Deck deck({100 - weight, weight});
        for (int round = 0; round < 5; ++round) {
            std::array<int, 2> dealt{};
            for (int i = 0; i < 100; ++i) ++dealt[deck.deal(random)];
            CHECK(dealt[1] == weight);
        }
    }
}

TEST_CASE("a deck is in lowest terms, and no larger than a thousand cards") {
    CHECK(Deck({80, 20}).size() == 5);
    CHECK(Deck({50, 50}).size() == 2);
    CHECK(Deck({997, 3}).size() == 1000);
    CHECK(Deck({99'999, 1}).size() == 1000);
    CHECK(Deck({0, 7}).size() == 1);
}

TEST_CASE("a client that alternates does not fall into step with a deck") {
    SeededRandom random(11);
    Deck deck({50, 50});
    std::array<std::array<int, 2>, 2> seen{};
    for (int i = 0; i < 4000; ++i) ++seen[static_cast<std::size_t>(i % 2)][deck.deal(random)];
    for (const auto& kind : seen) {
        for (const int count : kind) CHECK(count > 850);
    }
}

TEST_CASE("independent draws come near the weights") {
    SeededRandom random(3);
    int second = 0;
    for (int i = 0; i < 10'000; ++i) second += draw({80, 20}, random) == 1;
    CHECK(second > 1850);
    CHECK(second < 2150);
}
