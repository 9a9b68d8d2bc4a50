// What the lab runs in place of hey, wrk and curl: the same command lines, real requests, a summary
// in their form.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/task_group.hpp"
#include "loadtester/task.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::loadtester {

// One run of a load generator.
struct LoadPlan {
    enum class Style { hey, wrk } style = Style::hey;
    net::Request request;  // sent over and over
    std::string url;       // as written
    int workers = 50;
    std::int64_t requests = 200;  // over all workers; of no account with a duration
    std::optional<Duration> lasts;
    double per_second = 0;  // of each worker; 0: as fast as it goes
    bool follow_redirects = true;
    std::vector<std::string> remarks = {};  // what was asked for and is not done so
};
// The words behind the program's name. invalid: "hey: unknown option -x".
Result<LoadPlan> hey_plan(const std::vector<std::string>& arguments);
Result<LoadPlan> wrk_plan(const std::vector<std::string>& arguments);

// What came back.
struct LoadResult {
    Duration took{};
    std::vector<Duration> latencies;  // of answers; at most the first million
    std::map<int, std::uint64_t> statuses;
    std::map<std::string, std::uint64_t> errors;
    std::uint64_t bytes = 0;
    std::uint64_t answers() const;
};
std::string summary(const LoadPlan& plan, const LoadResult& result);

class Generator final : public TaskRunner {
   public:
    // Gives what keeps the generator, and what it works with, until its workers have unwound: for
    // an owner that may go while they run.
    using Hold = std::function<std::shared_ptr<const void>()>;

    // All outlive the generator.
    Generator(Executor executor, Clock& clock, net::HttpClient& http, Hold hold = {})
        : executor_(std::move(executor)), clock_(clock), http_(http), hold_(std::move(hold)) {}

    Task<Ended> run(Command command) override;

   private:
    struct Run;
    Task<Ended> make_load(LoadPlan plan, Duration limit);
    Task<> work(std::shared_ptr<Run> run, int worker);
    Task<Result<net::Response>> send(LoadPlan plan);
    Task<Ended> fetch(std::vector<std::string> arguments, Duration limit);

    Executor executor_;
    Clock& clock_;
    net::HttpClient& http_;
    Hold hold_;
};

// The programs whose command lines it understands.
inline constexpr std::string_view generated[] = {"hey", "wrk", "curl"};

}  // namespace sluice::loadtester
