#include "web/prometheus.hpp"

#include "base/core/address.hpp"
#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace sluice::web {
namespace {

using boost::asio::experimental::awaitable_operators::operator||;
using std::chrono::seconds;

constexpr Duration limit = seconds{5};
constexpr std::size_t body_max = std::size_t{16} * 1024 * 1024;
// At once; who comes later waits its turn, and that counts in its five seconds.
constexpr std::size_t running_max = 8;
constexpr std::size_t slots_max = 512;  // of each kind
constexpr std::size_t bytes_max = std::size_t{32} * 1024 * 1024;
// Four moments of a graph: who slides along the past comes back to few of them.
constexpr std::size_t past_max = 24;
// Whoever asks has given up by then; nobody waits on for what was lost.
constexpr Duration waited_max = limit + seconds{1};
// Of a few windows, two each; a moment of the past is seldom asked for twice.
constexpr std::size_t made_max = 16;
constexpr Duration kept = std::chrono::minutes{2};
constexpr Duration learned_for = std::chrono::minutes{5};

std::string words_for(const Error& error) {
    if (error.kind == ErrorKind::timed_out) return "Prometheus did not answer in 5 s";
    if (error.kind == ErrorKind::unreachable) return "Prometheus does not answer";
    return error.message;
}

Result<Samples> read(int status, std::string_view body, const Samples* /*tag*/) {
    return read_samples(status, body);
}
Result<Lines> read(int status, std::string_view body, const Lines* /*tag*/) {
    return read_lines(status, body);
}

// Of a configuration in YAML: the global one comes first.
std::optional<double> scrape_interval_of(std::string_view yaml) {
    constexpr std::string_view name = "scrape_interval:";
    const auto at = yaml.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    const auto rest = yaml.substr(at + name.size());
    const auto duration = parse_duration(trimmed(rest.substr(0, rest.find('\n'))));
    if (!duration) return std::nullopt;
    return std::chrono::duration<double>(*duration).count();
}

}  // namespace

template <typename T>
struct Prometheus::Slot {
    explicit Slot(Executor executor) : answered(std::move(executor)) {}
    std::shared_ptr<const Measured<T>> last;
    std::size_t bytes = 0;
    bool is_past = false;
    bool is_asking = false;
    Time used{};
    std::uint64_t use = 0;  // the number of the last one
    Signal answered;
};

// While it lives its slot is being asked; however that ends, those who wait go on.
template <typename T>
struct Prometheus::Asking {
    explicit Asking(std::shared_ptr<Slot<T>> of) : slot(std::move(of)) { slot->is_asking = true; }
    Asking(Asking&&) noexcept = default;
    Asking& operator=(Asking&&) = delete;
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    ~Asking() {
        if (!slot) return;
        slot->is_asking = false;
        slot->answered.notify_all();
    }
    std::shared_ptr<Slot<T>> slot;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is taken, and cut.
Prometheus::Prometheus(Executor executor, Clock& clock, net::HttpClient& http, std::string address)
    : executor_(executor), clock_(clock), http_(http), one_ended_(executor), tasks_(executor) {
    auto [bare, authorization] = split_address(trimmed(address));
    bare.resize(std::min(bare.find_first_of("?#"), bare.size()));
    authorization_ = std::move(authorization);
    health_.url = bare;
    if (bare.empty()) {
        health_.error = "no Prometheus was named: --metrics-server";
        return;
    }
    auto url = net::parse_url(bare);
    if (!url) {
        health_.error = fmt::format("{} is not a valid address", bare);
        return;
    }
    server_ = *std::move(url);
    while (server_.target.ends_with('/')) server_.target.pop_back();
}

Prometheus::~Prometheus() = default;

Task<> Prometheus::kept_alive(std::shared_ptr<Prometheus> self, Task<> task) {
    co_await std::move(task);
}

Task<> Prometheus::stop() {
    const auto self = shared_from_this();
    tasks_.cancel();
    co_await tasks_.wait();
}

void Prometheus::note(const Result<net::Response>& answer) {
    // An answer that refuses one question is an answer.
    const bool ok = answer && answer->status < 500;
    if (ok != health_.ok || !health_.since) health_.since = clock_.now();
    health_.ok = ok;
    if (ok) {
        health_.error.clear();
    } else {
        health_.error = answer ? fmt::format("Prometheus answered {}", answer->status)
                               : words_for(answer.error());
        health_.last_error = health_.error;
    }
}

Task<Result<net::Response>> Prometheus::get(std::string path) {
    if (server_.target.empty() && server_.origin.host.empty()) {
        co_return Error{ErrorKind::unavailable, health_.error};
    }
    const auto until = clock_.now() + limit;
    while (running_ >= running_max) {
        co_await (one_ended_.wait() || clock_.sleep_until(until));
        if (clock_.now() < until) continue;
        co_return Error{ErrorKind::timed_out,
                        words_for(Error{ErrorKind::timed_out, "waiting its turn"})};
    }
    net::Request request;
    request.origin = server_.origin;
    request.target = server_.target + path;
    request.headers.set("Accept", "application/json");
    if (!authorization_.empty()) request.headers.set("Authorization", authorization_);
    request.timeout = until - clock_.now();
    request.body_limit = body_max;
    struct Running {
        Prometheus& all;
        explicit Running(Prometheus& one) : all(one) { ++all.running_; }
        ~Running() {
            --all.running_;
            all.one_ended_.notify_all();
        }
    };
    const Running running(*this);
    ++asked_;
    auto answer = co_await http_.send(std::move(request));
    note(answer);
    if (!answer) co_return Error{answer.error().kind, words_for(answer.error())};
    co_return answer;
}

template <typename T>
Task<> Prometheus::fetch(Asking<T> asking, std::string path) {
    auto measured = std::make_shared<Measured<T>>();
    measured->at = clock_.now();
    auto answer = co_await get(std::move(path));
    if (answer) {
        measured->what = read(answer->status, answer->body, static_cast<const T*>(nullptr));
    } else {
        measured->what = answer.error();
    }
    asking.slot->bytes = measured->what ? bytes_of(*measured->what) : 0;
    asking.slot->last = std::move(measured);
    forget_old();
}

std::size_t Prometheus::bytes() const {
    std::size_t sum = 0;
    for (const auto& [name, slot] : samples_) sum += slot->bytes;
    for (const auto& [name, slot] : lines_) sum += slot->bytes;
    return sum;
}

void Prometheus::forget() {
    samples_.clear();
    lines_.clear();
    made_.clear();
}

bool Prometheus::is_made_of(const std::string& name, const Answered& answers) {
    const auto found = made_.find(name);
    if (found == made_.end()) return false;
    found->second.use = ++uses_;
    return std::ranges::equal(found->second.of, answers, [](const auto& one, const auto& answer) {
        return one.lock() == answer;
    });
}

void Prometheus::keep_made(const std::string& name,
                           const Answered& answers,
                           std::shared_ptr<const void> what) {
    made_[name] = {.of = {answers.begin(), answers.end()}, .what = std::move(what), .use = ++uses_};
    while (made_.size() > made_max) {
        made_.erase(
            std::ranges::min_element(made_, {}, [](const auto& one) { return one.second.use; }));
    }
}

// What nobody has used in a while goes, and of a flood of different questions, or of large answers,
// the oldest. Whoever waits for one keeps it.
void Prometheus::forget_old() {
    const auto now = clock_.now();
    const auto is_old = [&](const auto& entry) {
        return !entry.second->is_asking && entry.second->used + kept < now;
    };
    std::erase_if(samples_, is_old);
    std::erase_if(lines_, is_old);
    const auto used = [](const auto& entry) { return entry.second->use; };
    const auto is_past = [](const auto& entry) { return entry.second->is_past; };
    while (samples_.size() > slots_max)
        samples_.erase(std::ranges::min_element(samples_, {}, used));
    while (lines_.size() > slots_max) lines_.erase(std::ranges::min_element(lines_, {}, used));
    while (std::ranges::count_if(samples_, is_past) > static_cast<std::ptrdiff_t>(past_max)) {
        samples_.erase(std::ranges::min_element(samples_, {}, [&](const auto& entry) {
            return std::pair(!is_past(entry), used(entry));
        }));
    }
    while (bytes() > bytes_max) {
        const auto sample = std::ranges::min_element(samples_, {}, used);
        const auto line = std::ranges::min_element(lines_, {}, used);
        if (line == lines_.end() || (sample != samples_.end() && used(*sample) <= used(*line))) {
            samples_.erase(sample);
        } else {
            lines_.erase(line);
        }
    }
}

// The slots are this object's own.
template <typename T>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<std::shared_ptr<const Measured<T>>> Prometheus::through(Slots<T>& slots, Question question) {
    auto& place = slots[question.name];
    if (!place) place = std::make_shared<Slot<T>>(executor_);
    const auto slot = place;
    slot->used = clock_.now();
    slot->use = ++uses_;
    slot->is_past = question.is_past;
    forget_old();
    const bool is_old = !slot->last || clock_.now() >= slot->last->at + question.fresh;
    if (is_old && !slot->is_asking) {
        tasks_.spawn(
            "asking Prometheus",
            kept_alive(shared_from_this(), fetch<T>(Asking<T>(slot), std::move(question.path))));
    }
    // Spawned tasks may have answered at once.
    const auto until = clock_.now() + waited_max;
    while (slot->is_asking && clock_.now() < until) {
        co_await (slot->answered.wait() || clock_.sleep_until(until));
    }
    if (slot->last && !slot->is_asking) co_return slot->last;
    co_return std::make_shared<const Measured<T>>(Measured<T>{
        .what = Error{ErrorKind::cancelled, "the question to Prometheus was broken off"},
        .at = clock_.now()});
}

// NOLINTBEGIN(performance-unnecessary-value-param): arguments of a task.
Task<std::shared_ptr<const Measured<Samples>>> Prometheus::ask(std::string name,
                                                               std::string query,
                                                               Duration fresh,
                                                               std::optional<std::int64_t> at) {
    // NOLINTEND(performance-unnecessary-value-param)
    auto path = "/api/v1/query?query=" + percent_encoded(query);
    if (at) path += fmt::format("&time={}", *at);
    return through<Samples>(samples_,
                            {.name = std::move(name),
                             .path = std::move(path),
                             .fresh = fresh,
                             .is_past = at.has_value()});
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): arguments of a task.
Task<std::shared_ptr<const Measured<Lines>>> Prometheus::ask_over(std::string query,
                                                                  Grid grid,
                                                                  Duration fresh) {
    auto path = fmt::format("/api/v1/query_range?query={}&start={}&end={}&step={}",
                            percent_encoded(query),
                            grid.from,
                            grid.to,
                            grid.step);
    auto name = path;
    return through<Lines>(lines_,
                          {.name = std::move(name), .path = std::move(path), .fresh = fresh});
}

void Prometheus::learn() {
    const auto now = clock_.now();
    if (!health_.ok || (learned_ && now < *learned_ + learned_for)) return;
    learned_ = now;
    tasks_.spawn("learning about Prometheus", kept_alive(shared_from_this(), learn_now()));
}

Task<> Prometheus::learn_now() {
    const auto build = co_await get("/api/v1/status/buildinfo");
    if (build && build->status == 200) {
        const auto read = parse_json(build->body);
        const auto version = read ? text_at(*read, {"data", "version"}) : std::string_view{};
        if (!version.empty()) health_.version = std::string(version);
    }
    const auto config = co_await get("/api/v1/status/config");
    if (config && config->status == 200) {
        const auto read = parse_json(config->body);
        if (read) health_.scrape_interval = scrape_interval_of(text_at(*read, {"data", "yaml"}));
    }
    const auto flags = co_await get("/api/v1/status/flags");
    if (flags && flags->status == 200) {
        const auto read = parse_json(flags->body);
        if (!read) co_return;
        const auto lookback = parse_duration(text_at(*read, {"data", "query.lookback-delta"}));
        if (lookback) {
            health_.lookback = std::chrono::duration<double>(*lookback).count();
        }
        // Zero is: as the other limit, or the default, has it.
        const auto retention = text_at(*read, {"data", "storage.tsdb.retention.time"});
        if (retention != "0s") health_.retention = retention;
    }
}

}  // namespace sluice::web
