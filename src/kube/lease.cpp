#include "kube/lease.hpp"

#include "base/async/deadline.hpp"
#include "base/core/duration.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::kube {
namespace {

const Resource& leases = resources::leases;

}  // namespace

Result<void> check(const LeaseOptions& options) {
    const auto refuse = [](std::string why) {
        return Error{ErrorKind::invalid, "leader election: " + std::move(why)};
    };
    if (options.lease.name.empty() || options.lease.ns.empty())
        return refuse("the Lease needs a namespace and a name");
    if (options.identity.empty()) return refuse("no identity");
    if (options.lease_duration <= options.renew_deadline) {
        return refuse(fmt::format("the lease duration {} must be longer than the renew deadline {}",
                                  go_text(options.lease_duration),
                                  go_text(options.renew_deadline)));
    }
    if (options.renew_deadline <= options.retry_period + options.retry_period / 5) {
        return refuse(
            fmt::format("the renew deadline {} must be longer than 1.2 times the retry period {}",
                        go_text(options.renew_deadline),
                        go_text(options.retry_period)));
    }
    if (options.lease_duration < std::chrono::seconds{1})
        return refuse("a Lease lasts whole seconds");
    return {};
}

LeaderElection::LeaderElection(Executor executor,
                               Clock& clock,
                               Random& random,
                               Client& client,
                               Logger& log,
                               LeaseOptions options)
    : clock_(clock),
      random_(random),
      client_(client),
      log_(log),
      options_(std::move(options)),
      signal_(std::move(executor)) {}

LeaderElection::~LeaderElection() = default;

// Ends when the lease is lost or `stop` was called.
Task<> LeaderElection::run(std::function<void()> on_started, std::function<void()> on_stopped) {
    while (!stopping_ && co_await try_to_hold() != Attempt::held) {
        co_await pause(until_next_try());
    }
    if (!leads_) co_return;
    const bool started = !stopping_;
    if (started && on_started) on_started();

    while (!stopping_) {
        co_await pause(
            std::min(options_.retry_period, renewed_ + options_.renew_deadline - clock_.now()));
        if (stopping_) break;
        const auto attempt = co_await try_to_hold();
        if (attempt == Attempt::taken_by_other ||
            clock_.now() >= renewed_ + options_.renew_deadline)
            break;
    }
    leads_ = false;
    if (started && on_stopped) on_stopped();
    if (stopping_ && options_.release_on_stop) co_await give_back();
}

void LeaderElection::stop() {
    stopping_ = true;
    signal_.notify_all();
}

bool LeaderElection::leads() const {
    return leads_;
}

std::optional<std::string> LeaderElection::refusal(Time now) const {
    if (!leads_) return "not the leader";
    if (now < renewed_ + options_.renew_deadline) return std::nullopt;
    return fmt::format("the Lease {} was last renewed {} ago, another may take it",
                       to_string(options_.lease),
                       go_text(now - renewed_));
}

const std::string& LeaderElection::holder() const {
    return holder_;
}

std::int64_t LeaderElection::transitions() const {
    return transitions_;
}

void LeaderElection::on_new_leader(std::function<void(const std::string&)> callback) {
    on_new_leader_ = std::move(callback);
}

// Uneven, so that several candidates do not ask at once for ever, and never longer than the retry
// period: a renewal is then seen soon enough for the lease to be taken at the latest a retry period
// after it has run out.
Duration LeaderElection::until_next_try() {
    const auto part = [&](double least, double most) {
        const std::chrono::duration<double> whole(options_.retry_period);
        return std::chrono::duration_cast<Duration>(whole *
                                                    (least + (most - least) * random_.unit()));
    };
    const auto usual = part(0.5, 0.9);
    if (holder_.empty()) return usual;
    const auto lasts =
        std::chrono::seconds{integer_at(seen_, {"spec", "leaseDurationSeconds"}).value_or(0)};
    const auto left = seen_at_ + lasts - clock_.now();
    if (left <= Duration{0}) return usual;
    return std::min(usual, left + part(0, 0.1));
}

// One round of the algorithm of kubernetes.md A.8. Other machines' clocks are never compared: what
// counts is when we saw the record change.
Task<LeaderElection::Attempt> LeaderElection::try_to_hold() {
    // What is sent now is valid from now on, however long its answer takes.
    const auto sent = clock_.now();

    // Nobody has taken it as far as we know: renew what we saw without reading it again.
    if (leads_ && seen_.is_object() && sent < seen_at_ + options_.lease_duration) {
        auto wanted = seen_;
        put(wanted, {"spec"}, record(sent, false));
        const auto renewed = co_await ask(client_.update(leases, std::move(wanted)));
        if (renewed) {
            observe(*renewed);
            renewed_ = sent;
            co_return Attempt::held;
        }
    }

    const auto read = co_await ask(client_.get(leases, options_.lease));
    if (!read && read.error().kind == ErrorKind::not_found) {
        Json fresh = JsonObject{};
        put(fresh, {"metadata", "name"}, Json(options_.lease.name));
        put(fresh, {"metadata", "namespace"}, Json(options_.lease.ns));
        seen_ = nullptr;
        const auto sent_fresh = clock_.now();
        put(fresh, {"spec"}, record(sent_fresh, false));
        const auto made = co_await ask(client_.create(leases, std::move(fresh)));
        if (!made) {
            log_.debug(fmt::format(
                "creating Lease {}: {}", to_string(options_.lease), made.error().message));
            co_return Attempt::failed;
        }
        observe(*made);
        renewed_ = sent_fresh;
        leads_ = true;
        co_return Attempt::held;
    }
    if (!read) {
        log_.warn(
            fmt::format("reading Lease {}: {}", to_string(options_.lease), read.error().message));
        co_return Attempt::failed;
    }
    observe(*read);

    const bool ours = holder_ == options_.identity;
    if (!ours && !holder_.empty()) {
        const auto lasts =
            std::chrono::seconds{integer_at(seen_, {"spec", "leaseDurationSeconds"}).value_or(0)};
        if (clock_.now() < seen_at_ + lasts)
            co_return leads_ ? Attempt::taken_by_other : Attempt::failed;
    }
    // Who led and finds the lease in other hands, or given back, has been replaced.
    if (leads_ && !ours) co_return Attempt::taken_by_other;

    const auto sent_again = clock_.now();
    auto wanted = seen_;
    put(wanted, {"spec"}, record(sent_again, !ours));
    const auto taken = co_await ask(client_.update(leases, std::move(wanted)));
    if (!taken) {
        log_.debug(
            fmt::format("taking Lease {}: {}", to_string(options_.lease), taken.error().message));
        co_return Attempt::failed;
    }
    observe(*taken);
    renewed_ = sent_again;
    leads_ = true;
    co_return Attempt::held;
}

// A request that hangs leaves time for another one, and ends before we stop leading.
Task<Result<Json>> LeaderElection::ask(Task<Result<Json>> request) {
    auto limit = options_.renew_deadline / 2;
    if (leads_) limit = std::min(limit, renewed_ + options_.renew_deadline - clock_.now());
    return with_deadline<Json>(
        clock_, std::max<Duration>(limit, std::chrono::milliseconds{1}), std::move(request));
}

void LeaderElection::observe(const Json& lease) {
    seen_ = lease;
    auto spec = find(lease, {"spec"}) != nullptr ? canonical_text(*find(lease, {"spec"})) : "";
    if (spec != seen_record_ || seen_at_ == Time{}) {
        seen_record_ = std::move(spec);
        seen_at_ = clock_.now();
    }
    transitions_ = integer_at(lease, {"spec", "leaseTransitions"}).value_or(0);
    std::string holder(text_at(lease, {"spec", "holderIdentity"}));
    if (holder == holder_) return;
    holder_ = std::move(holder);
    if (!holder_.empty() && holder_ != options_.identity && on_new_leader_) on_new_leader_(holder_);
}

Json LeaderElection::record(Time now, bool changes_hands) const {
    Json spec = seen_.is_object() && find(seen_, {"spec"}) != nullptr ? *find(seen_, {"spec"})
                                                                      : Json(JsonObject{});
    const auto time = rfc3339_micros(now);
    const auto lasts =
        std::chrono::duration_cast<std::chrono::seconds>(options_.lease_duration).count();
    put(spec, {"holderIdentity"}, Json(options_.identity));
    put(spec, {"leaseDurationSeconds"}, lasts);
    if (changes_hands || find(spec, {"acquireTime"}) == nullptr)
        put(spec, {"acquireTime"}, Json(time));
    put(spec, {"renewTime"}, Json(time));
    const auto before = integer_at(spec, {"leaseTransitions"}).value_or(0);
    put(spec, {"leaseTransitions"}, changes_hands ? before + 1 : before);
    return spec;
}

// Best effort: should it fail, the lease runs out by itself.
Task<> LeaderElection::give_back() {
    constexpr int tries = 3;
    for (int i = 0; i < tries; ++i) {
        auto read = co_await ask(client_.get(leases, options_.lease));
        if (!read || text_at(*read, {"spec", "holderIdentity"}) != options_.identity) co_return;
        const auto now = rfc3339_micros(clock_.now());
        put(*read, {"spec", "holderIdentity"}, "");
        put(*read, {"spec", "leaseDurationSeconds"}, 1);
        put(*read, {"spec", "renewTime"}, Json(now));
        put(*read, {"spec", "acquireTime"}, Json(now));
        const auto given = co_await ask(client_.update(leases, *std::move(read)));
        if (given || given.error().kind != ErrorKind::conflict) co_return;
    }
}

Task<> LeaderElection::pause(Duration duration) {
    using boost::asio::experimental::awaitable_operators::operator||;
    co_await (clock_.sleep_for(duration) || wait_for_stop());
}

Task<> LeaderElection::wait_for_stop() {
    while (!stopping_) co_await signal_.wait();
}

}  // namespace sluice::kube
