// One release under faults from beginning to end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::sim {

struct Outcome {
    std::string kind;                 // of world
    std::vector<std::string> broken;  // laws and endings; empty is well
    std::string phase;
    std::string digest;  // of everything that was logged and stored: the same seed gives the same
    int writes = 0;
};

// With `tell`, what happens goes to stdout as it happens. A brief one has few faults.
struct How {
    bool tell = false;
    bool brief = false;
};
Outcome play(std::uint64_t seed, How how = {});

}  // namespace sluice::sim
