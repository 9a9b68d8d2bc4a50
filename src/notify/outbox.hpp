// What is to be told to people and to other systems, outside of the work it tells about: in order
// for each line, bounded, and never in the way.
#pragma once

#include "base/async/task_group.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace sluice::notify {

struct OutboxOptions {
    // Of one line; past it the oldest that waits is dropped.
    std::size_t line_max = 100;
    // Deliveries under way, over all lines: each may hold a socket for as long as its receiver
    // likes.
    std::size_t at_once_max = 64;
};

class Outbox {
   public:
    // Gives what keeps the outbox, and whatever the deliveries use, until one has unwound: for an
    // owner that may go while they wait.
    using Hold = std::function<std::shared_ptr<const void>()>;
    using OnDropped = std::function<void(const std::string& line)>;

    explicit Outbox(Executor executor, OutboxOptions options = {}, Hold hold = {});

    // Queues it and returns. A delivery begins when the one before it in the same line has ended.
    // It ends by itself: its waits have deadlines, and it reports its own failures.
    void post(const std::string& line, Task<> delivery);
    void on_dropped(OnDropped callback) { on_dropped_ = std::move(callback); }

    // Waiting or under way.
    std::size_t pending() const { return pending_; }
    std::uint64_t dropped() const { return dropped_; }

    // What still waits is forgotten, what is under way is cancelled.
    void cancel();
    Task<> wait();

   private:
    struct Line {
        std::deque<Task<>> waiting;
        bool busy = false;  // under way, or in its turn
    };

    void start_what_may();
    Task<> deliver(std::shared_ptr<const void> hold, std::string line, Task<> delivery);

    OutboxOptions options_;
    Hold hold_;
    OnDropped on_dropped_;
    std::map<std::string, Line> lines_;
    std::deque<std::string> turns_;  // lines with something to begin, each once
    std::size_t under_way_ = 0;
    std::size_t pending_ = 0;
    std::uint64_t dropped_ = 0;
    TaskGroup deliveries_;
};

}  // namespace sluice::notify
