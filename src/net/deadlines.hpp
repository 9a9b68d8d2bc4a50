// Deadlines of many connections with one sleeper: moving one costs a store, where a timer for each
// request would cost more than the request.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/task_group.hpp"

#include <functional>
#include <map>
#include <memory>

namespace sluice::net {

class Deadlines {
   public:
    // The clock outlives this.
    Deadlines(Executor executor, Clock& clock);
    Deadlines(const Deadlines&) = delete;
    Deadlines& operator=(const Deadlines&) = delete;
    ~Deadlines() { end(); }

    // No deadline passes any more.
    void end();

    class Entry;

   private:
    struct State;
    static Task<> sleep(std::shared_ptr<State> state, Time until);
    std::shared_ptr<State> state_;
};

// One thing that must not take longer than it may. May outlive the Deadlines; then it never passes.
class Deadlines::Entry {
   public:
    // `passed` is called once for each armed deadline that passes, and may destroy this.
    Entry(const Deadlines& deadlines, std::function<void()> passed);
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

    void arm(Time due);
    void arm_in(Duration wait);
    void disarm() { due_ = Time::max(); }
    Time due() const { return due_; }

   private:
    friend class Deadlines;
    void leave();

    std::shared_ptr<State> state_;
    std::function<void()> passed_;
    Time due_ = Time::max();
    // Its place is never later than `due_`; a later `due_` moves it only when the sleeper gets
    // here.
    std::multimap<Time, Entry*>::iterator place_;
    bool is_placed_ = false;
};

}  // namespace sluice::net
