// Test load for a lab: runs of requests, so many a second until a time, with what their senders
// saw. Bounded in rate, number and length.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/task_group.hpp"
#include "base/core/json.hpp"
#include "base/core/result.hpp"
#include "net/http.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::web {

// Latencies in buckets, each 5 % wider than the one before it.
class LatencySketch {
   public:
    void add(double milliseconds);
    std::optional<double> quantile(double q) const;

   private:
    std::array<std::uint32_t, 300> counts_{};
    std::uint64_t total_ = 0;
};

class LoadRuns {
   public:
    static constexpr int at_once_max = 4;
    static constexpr double per_second_max = 100;

    // All outlive the runs.
    LoadRuns(Executor executor, Clock& clock, net::HttpClient& http);

    struct Wanted {
        std::string gateway;  // "test/test-imgw", as it is shown
        std::string url;
        std::string host = {};  // for which it asks; empty: that of the URL
        double per_second = 20;
        std::chrono::seconds length{60};
    };
    // Its id; `too_many` while as many run as may, `invalid` for an address that is none.
    Result<std::string> start(const Wanted& wanted, std::string id);
    // False when there is none by that id. What has ended already stays as it ended.
    bool stop(const std::string& id);

    // As the contract has a LoadRun; null when there is none.
    Json run_json(const std::string& id) const;
    // Newest first.
    Json runs_json() const;
    // Called each second while something runs, and when it ends.
    void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

    void cancel();
    Task<> wait() { co_await tasks_.wait(); }

   private:
    struct Run;
    Task<> send(std::shared_ptr<Run> run, int worker);
    Task<> watch(std::shared_ptr<Run> run);
    void note_change() const {
        if (changed_) changed_();
    }
    static JsonObject json_of(const Run& run);

    Clock& clock_;
    net::HttpClient& http_;
    std::deque<std::shared_ptr<Run>> runs_;  // newest first
    std::function<void()> changed_;
    TaskGroup tasks_;
};

}  // namespace sluice::web
