#include "web/load.hpp"

#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::web {
namespace {

using std::chrono::seconds;

constexpr std::size_t runs_kept = 20;
constexpr double least_milliseconds = 0.05;
constexpr double growth = 1.05;
// A sender keeps to so many a second, that a slow answer holds up few of them.
constexpr double per_worker = 10;
constexpr Duration patience = seconds{10};

std::size_t bucket_of(double milliseconds) {
    if (milliseconds <= least_milliseconds) return 0;
    return static_cast<std::size_t>(std::log(milliseconds / least_milliseconds) / std::log(growth));
}

}  // namespace

void LatencySketch::add(double milliseconds) {
    ++counts_[std::min(bucket_of(milliseconds), counts_.size() - 1)];
    ++total_;
}

std::optional<double> LatencySketch::quantile(double q) const {
    if (total_ == 0) return std::nullopt;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen < wanted) continue;
        // The middle of the bucket.
        return least_milliseconds * std::pow(growth, static_cast<double>(i) + 0.5);
    }
    return std::nullopt;
}

struct LoadRuns::Run {
    std::string id, gateway, url;
    net::Request request;
    double per_second = 0;
    int workers = 1;
    Time began{};
    Time until{};
    std::string_view state = "running";  // running, ended or stopped
    std::uint64_t sent = 0, ok = 0, failed = 0;
    std::string failure;
    LatencySketch latencies;

    bool is_over() const { return state != "running"; }
};

LoadRuns::LoadRuns(Executor executor, Clock& clock, net::HttpClient& http)
    : clock_(clock), http_(http), tasks_(std::move(executor)) {}

Result<std::string> LoadRuns::start(const Wanted& wanted, std::string id) {
    const auto running =
        std::ranges::count_if(runs_, [](const auto& run) { return !run->is_over(); });
    if (running >= at_once_max) {
        return Error{ErrorKind::too_many,
                     fmt::format("{} runs of test load are under way", running)};
    }
    auto request = net::request_for(wanted.url);
    if (!request) return request.error();
    auto run = std::make_shared<Run>();
    run->id = std::move(id);
    run->gateway = wanted.gateway;
    run->url = wanted.url;
    run->request.origin = request->origin;
    run->request.target = request->target;
    run->request.timeout = patience;
    run->request.headers.set("User-Agent", "sluice-load");
    if (!wanted.host.empty()) run->request.headers.set("Host", wanted.host);
    run->per_second = std::clamp(wanted.per_second, 1.0, per_second_max);
    run->workers = static_cast<int>(std::ceil(run->per_second / per_worker));
    run->began = clock_.now();
    run->until = run->began + wanted.length;
    runs_.push_front(run);
    while (runs_.size() > runs_kept && runs_.back()->is_over()) runs_.pop_back();
    for (int worker = 0; worker < run->workers; ++worker) {
        tasks_.spawn("test load", send(run, worker));
    }
    tasks_.spawn("watching test load", watch(run));
    return run->id;
}

Task<> LoadRuns::send(std::shared_ptr<Run> run, int worker) {
    const auto pause = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(run->workers / run->per_second));
    // The workers' beats lie between each other's, so the stream is even.
    auto next = run->began + pause * worker / run->workers;
    while (next < run->until) {
        co_await clock_.sleep_until(next);
        if (run->is_over()) co_return;
        // A slow answer holds up its sender; what it missed is not made up for.
        next = std::max(next + pause, clock_.now());
        net::Request once;
        once.origin = run->request.origin;
        once.target = run->request.target;
        once.headers = run->request.headers;
        once.timeout = run->request.timeout;
        const auto sent = clock_.now();
        const auto answer = co_await http_.send(std::move(once));
        if (run->is_over()) co_return;
        ++run->sent;
        if (answer && answer->status < 500) {
            ++run->ok;
        } else {
            ++run->failed;
            run->failure =
                answer ? fmt::format("it answered {}", answer->status) : answer.error().message;
        }
        // Who waits longest for an answer that never comes waited, too.
        run->latencies.add(std::chrono::duration<double, std::milli>(clock_.now() - sent).count());
    }
}

Task<> LoadRuns::watch(std::shared_ptr<Run> run) {
    note_change();
    while (!run->is_over() && clock_.now() < run->until) {
        co_await clock_.sleep_until(std::min(clock_.now() + seconds{1}, run->until));
        if (!run->is_over() && clock_.now() < run->until) note_change();
    }
    if (run->is_over()) co_return;
    run->state = "ended";
    note_change();
}

bool LoadRuns::stop(const std::string& id) {
    const auto found = std::ranges::find_if(runs_, [&](const auto& run) { return run->id == id; });
    if (found == runs_.end()) return false;
    auto& run = **found;
    if (run.is_over()) return true;
    run.state = "stopped";
    run.until = clock_.now();
    note_change();
    return true;
}

void LoadRuns::cancel() {
    changed_ = nullptr;
    for (const auto& run : runs_) {
        if (!run->is_over()) run->state = "stopped";
    }
    tasks_.cancel();
}

JsonObject LoadRuns::json_of(const Run& run) {
    const auto p99 = run.latencies.quantile(0.99);
    std::string reason = run.failure;
    if (reason.empty() && !p99) reason = "no answer yet";
    return {{"id", run.id},
            {"gateway", run.gateway},
            {"url", run.url},
            {"workers", run.workers},
            {"qps", run.per_second},
            {"state", run.state},
            {"startedAt", time_json(run.began)},
            {"until", time_json(run.until)},
            {"sent", run.sent},
            {"ok", run.ok},
            {"failed", run.failed},
            {"p99", optional_json(p99)},
            {"reason", text_json(reason)}};
}

Json LoadRuns::run_json(const std::string& id) const {
    const auto found = std::ranges::find_if(runs_, [&](const auto& run) { return run->id == id; });
    return found == runs_.end() ? Json(nullptr) : Json(json_of(**found));
}

Json LoadRuns::runs_json() const {
    JsonArray all;
    for (const auto& run : runs_) all.push_back(json_of(*run));
    return all;
}

}  // namespace sluice::web
