#include "base/async/task_group.hpp"

#include "base/async/signal.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <cstdio>
#include <cstdlib>
#include <list>

namespace sluice {
namespace {

void die_unless_cancelled(const std::string& name, const std::exception_ptr& thrown) {
    if (!thrown) return;
    try {
        std::rethrow_exception(thrown);
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
    std::list<boost::asio::cancellation_signal> running;
};

TaskGroup::TaskGroup(Executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() {
    cancel();
}

void TaskGroup::spawn(std::string name, Task<> task) {
    auto& running = state_->running;
    const auto here = running.emplace(running.end());
    // The state lives as long as any of its tasks, so a group may go before they have ended.
    boost::asio::co_spawn(
        state_->executor,
        std::move(task),
        boost::asio::bind_cancellation_slot(
            here->slot(),
            [state = state_, here, name = std::move(name)](const std::exception_ptr& thrown) {
                die_unless_cancelled(name, thrown);
                // The slot is in use until this handler returns, so the signal goes afterwards.
                boost::asio::post(state->executor, [state, here] {
                    state->running.erase(here);
                    if (state->running.empty()) state->ended.notify_all();
                });
            }));
}

void TaskGroup::cancel() {
    // Emitting may end a task at once; its entry goes later, so the list holds still.
    for (auto& signal : state_->running) signal.emit(boost::asio::cancellation_type::terminal);
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
