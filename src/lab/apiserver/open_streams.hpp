// The answers that are still being written: so that all of them can be ended at once.
#pragma once

#include "base/async/signal.hpp"

#include <set>

namespace sluice::lab {

class OpenStream {
   public:
    OpenStream() = default;
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;
    virtual ~OpenStream() = default;

    virtual void end() = 0;
};

struct OpenStreams {
    std::set<OpenStream*> streams;

    void end_all() {
        // Ending one may destroy it, or another.
        const auto all = std::exchange(streams, {});
        for (auto* stream : all) stream->end();
    }
};

}  // namespace sluice::lab
