#include "cli/load.hpp"

#include "base/core/json.hpp"

#include <fmt/format.h>

namespace sluice::cli {

Load::Load(Executor executor, Clock& clock, net::HttpClient& client, LoadOptions options)
    : clock_(clock), client_(client), options_(std::move(options)), workers_(std::move(executor)) {}

void Load::start() {
    for (int worker = 0; worker < options_.workers; ++worker) {
        workers_.spawn(fmt::format("load {}", worker), work(worker));
    }
}

Task<> Load::stop() {
    workers_.cancel();
    co_await workers_.wait();
}

Seen Load::total() const {
    Seen sum;
    for (const auto& [version, seen] : by_version_) {
        sum.requests += seen.requests;
        sum.failed += seen.failed;
        sum.slow += seen.slow;
    }
    return sum;
}

Task<> Load::work(int worker) {
    const auto request = net::request_for(options_.url);
    if (!request) co_return;
    const Duration pause = Duration{std::chrono::seconds{1}} / options_.per_second;
    // The workers' beats lie between each other's, so the stream is even.
    auto next = clock_.now() + pause * worker / options_.workers;
    while (true) {  // ends by stop()
        co_await clock_.sleep_until(next);
        // A slow answer holds up this worker, as it does hey's; what it missed is not made up for.
        next = std::max(next + pause, clock_.now());

        net::Request once;
        once.origin = request->origin;
        once.target = request->target;
        once.timeout = std::chrono::seconds{10};
        const auto sent = clock_.now();
        const auto answer = co_await client_.send(std::move(once));
        const auto took = clock_.now() - sent;

        std::string version;
        if (answer) {
            if (const auto body = parse_json(answer->body)) version = text_at(*body, {"version"});
        }
        for (auto* seen : {&by_version_[version], &recent_[version]}) {
            ++seen->requests;
            if (!answer || answer->status >= 500) ++seen->failed;
            if (took > options_.slow) ++seen->slow;
        }
    }
}

}  // namespace sluice::cli
