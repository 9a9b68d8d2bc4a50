// The answers that are still being written: so that all of them can be ended at once.
#pragma once

#include "base/async/signal.hpp"

#include <vector>

namespace sluice::lab {

class OpenStream {
   public:
    OpenStream() = default;
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;
    virtual ~OpenStream() = default;

    virtual void end() = 0;
};

// In the order in which they were opened, so that a run in virtual time repeats exactly.
class OpenStreams {
   public:
    void add(OpenStream& stream) { streams_.push_back(&stream); }
    void remove(OpenStream& stream) { std::erase(streams_, &stream); }

    void end_all() {
        // Ending one may destroy it, or another, or open a new one, which stays.
        for (auto left = streams_.size(); left > 0 && !streams_.empty(); --left) {
            auto* first = streams_.front();
            streams_.erase(streams_.begin());
            first->end();
        }
    }

   private:
    std::vector<OpenStream*> streams_;
};

}  // namespace sluice::lab
