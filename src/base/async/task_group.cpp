#include "base/async/task_group.hpp"

#include "base/async/signal.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <cstdio>
#include <cstdlib>
#include <list>
#include <utility>

namespace sluice {
namespace {

void die_unless_cancelled(const std::string& name, const std::exception_ptr& thrown) {
    if (!thrown) return;
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::asio::multiple_exceptions& several) {
        // Both sides of a || that is cancelled end by a cancellation each; the first stands for
        // both.
        die_unless_cancelled(name, several.first_exception());
        return;
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) return;
        std::fprintf(stderr, "sluice: task %s ended by %s\n", name.c_str(), error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sluice: task %s ended by %s\n", name.c_str(), error.what());
    }
    std::abort();
}

}  // namespace

struct TaskGroup::State {
    explicit State(Executor where) : executor(std::move(where)), ended(executor) {}
    Executor executor;
    Signal ended;

    struct Running {
        boost::asio::cancellation_signal signal;
        bool has_begun = false;
        bool is_cancelled = false;
    };
    std::list<Running> running;

    struct Ended;
};

// What is called when a task has ended. It gives its slot itself: behind bind_cancellation_slot
// Asio 1.81 emits later, through a pointer into a signal that may have gone with its task by then.
struct TaskGroup::State::Ended {
    using cancellation_slot_type = boost::asio::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept { return here->signal.slot(); }

    void operator()(const std::exception_ptr& thrown) const {
        die_unless_cancelled(name, thrown);
        // The slot is in use until this returns, so the signal goes afterwards.
        boost::asio::post(state->executor, [state = state, here = here] {
            state->running.erase(here);
            if (state->running.empty()) state->ended.notify_all();
        });
    }

    // The state lives as long as any of its tasks, so a group may go before they have ended.
    std::shared_ptr<State> state;
    std::list<State::Running>::iterator here;
    std::string name;
};

namespace {

// Asio cannot end a task that has not begun, so one that is cancelled so early never begins.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): both in the State.
Task<> unless_cancelled(bool& has_begun, const bool& is_cancelled, Task<> task) {
    has_begun = true;
    if (!is_cancelled) co_await std::move(task);
}

}  // namespace

TaskGroup::TaskGroup(Executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() {
    cancel();
}

void TaskGroup::spawn(std::string name, Task<> task) {
    auto& running = state_->running;
    const auto here = running.emplace(running.end());
    boost::asio::co_spawn(state_->executor,
                          unless_cancelled(here->has_begun, here->is_cancelled, std::move(task)),
                          State::Ended{state_, here, std::move(name)});
}

void TaskGroup::cancel() {
    // Emitting may end a task at once; its entry goes later, so the list holds still.
    for (auto& task : state_->running) {
        // Once is enough: a task stays cancelled. Later its last wait may be gone, with its
        // context.
        if (std::exchange(task.is_cancelled, true)) continue;
        if (task.has_begun) task.signal.emit(boost::asio::cancellation_type::terminal);
    }
}

Task<> TaskGroup::wait() {
    auto state = state_;
    while (!state->running.empty()) co_await state->ended.wait();
}

std::size_t TaskGroup::size() const {
    return state_->running.size();
}

Executor TaskGroup::executor() const {
    return state_->executor;
}

}  // namespace sluice
