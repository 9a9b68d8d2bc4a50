#include "lab/workloads/jobs.hpp"

#include "lab/workloads/pod_questions.hpp"
#include "lab/workloads/replica_sets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;
using std::chrono::seconds;

constexpr Duration back_off_first = seconds{10};
constexpr Duration back_off_max = std::chrono::minutes{6};
constexpr auto create_retry = seconds{5};

bool is_true(const Json& status, std::string_view type) {
    const auto* condition = condition_in(status, type);
    return condition != nullptr && text_at(*condition, {"status"}) == "True";
}

bool is_over(const Json& status) {
    return is_true(status, "Complete") || is_true(status, "Failed");
}

void say_of_job(Json& status, const ConditionText& condition, Time now) {
    say(status, condition, now);
    for (auto& present : find(status, {"conditions"})->get_array()) {
        if (find(present, {"lastProbeTime"}) == nullptr) {
            put(present, {"lastProbeTime"}, Json(rfc3339(now)));
        }
    }
}

std::int64_t number(const Json& job, std::string_view field, std::int64_t otherwise) {
    return integer_at(job, {"spec", field}).value_or(otherwise);
}

}  // namespace

struct Jobs::Pass {
    ObjectKey key;
    const Json& job;
    Time now;
    Tally& tally;
    std::vector<ObjectPtr> active = {};
    std::int64_t terminating = 0;
    Json status = JsonObject{};

    std::int64_t succeeded() const { return static_cast<std::int64_t>(tally.succeeded.size()); }
    std::int64_t failed() const { return static_cast<std::int64_t>(tally.failed.size()); }
    std::int64_t running() const { return static_cast<std::int64_t>(active.size()); }
    std::optional<std::int64_t> completions() const {
        return integer_at(job, {"spec", "completions"});
    }
    std::optional<Time> started() const { return parse_rfc3339(text_at(status, {"startTime"})); }
};

Jobs::Jobs(Executor executor, Cluster& cluster, ObjectIndex& pods)
    : cluster_(cluster),
      events_(cluster, "job-controller"),
      pods_(cluster, pods, events_, resources::jobs),
      queue_(
          std::move(executor), cluster.clock(), [this](const ObjectKey& key) { reconcile(key); }) {
    pods.on_change([this](const Change& change) { on_pod(change); });
}

void Jobs::start() {
    subscription_ =
        cluster_.watch(resources::jobs, [this](const Change& change) { on_job(change); });
}

void Jobs::on_job(const Change& change) {
    if (change.kind == ChangeKind::deleted) {
        tallies_.erase(std::string(kube::uid_of(*change.object)));
        return;
    }
    queue_.add(kube::key_of(*change.object));
}

void Jobs::on_pod(const Change& change) {
    const auto keys = pods_.concerned(change);
    if (keys.empty()) return;
    count(*change.object, change.kind == ChangeKind::deleted);
    for (const auto& key : keys) queue_.add(key);
}

// A pod that went before it came to an end has failed, unless it was us who did not want it.
void Jobs::count(const Json& pod, bool is_gone) {
    const auto* owner = kube::controller_of(pod);
    if (owner == nullptr || text_at(*owner, {"kind"}) != "Job") return;
    const auto known = tallies_.find(std::string(text_at(*owner, {"uid"})));
    if (known == tallies_.end()) return;
    auto& tally = known->second;
    const std::string uid(kube::uid_of(pod));
    if (tally.succeeded.contains(uid)) return;
    const auto phase = text_at(pod, {"status", "phase"});
    if (phase == "Succeeded") {
        tally.succeeded.insert(uid);
    } else if (tally.given_up.contains(uid)) {
        if (is_gone) tally.given_up.erase(uid);
    } else if (phase == "Failed" || is_gone) {
        if (tally.failed.insert(uid).second) tally.last_failure = cluster_.clock().now();
    }
}

void Jobs::reconcile(const ObjectKey& key) {
    const auto job = cluster_.find(resources::jobs, key);
    if (job == nullptr) return;
    const auto now = cluster_.clock().now();
    Pass pass{key, *job, now, tallies_[std::string(kube::uid_of(*job))]};
    if (const auto* known = find(*job, {"status"}); known != nullptr && known->is_object()) {
        pass.status = *known;
    }
    for (const auto& pod : pods_.of(*job)) {
        count(*pod, false);
        if (is_active(*pod)) pass.active.push_back(pod);
        if (is_being_deleted(*pod) && !is_finished(*pod)) ++pass.terminating;
    }
    if (is_over(pass.status)) {
        if (!is_being_deleted(*job)) expire(*job, now);
    } else if (!is_being_deleted(*job)) {
        work(pass);
    }
    save(pass);
}

void Jobs::work(Pass& pass) {
    if (text_at(pass.job, {"spec", "completionMode"}) == "Indexed") {
        events_.record(pass.job,
                       {EventType::warning,
                        "UnsupportedCompletionMode",
                        "The lab runs no Jobs with completionMode Indexed"});
        return;
    }
    if (is_suspended(pass)) return give_up(pass, pass.running());
    if (!pass.started()) put(pass.status, {"startTime"}, Json(rfc3339(pass.now)));
    if (const auto why = failure(pass)) return fail(pass, *why);
    if (is_complete(pass)) return complete(pass);
    size(pass);
}

bool Jobs::is_suspended(Pass& pass) {
    const bool was = is_true(pass.status, "Suspended");
    const bool is = bool_at(pass.job, {"spec", "suspend"}).value_or(false);
    if (is == was) return is;
    if (is) {
        say_of_job(pass.status, {"Suspended", "True", "JobSuspended", "Job suspended"}, pass.now);
        events_.record(pass.job, {EventType::normal, "Suspended", "Job suspended"});
        // The time of a deadline begins anew when it is resumed.
        drop(pass.status, {"startTime"});
    } else {
        say_of_job(pass.status, {"Suspended", "False", "JobResumed", "Job resumed"}, pass.now);
        events_.record(pass.job, {EventType::normal, "Resumed", "Job resumed"});
    }
    return is;
}

std::optional<Jobs::Verdict> Jobs::failure(Pass& pass) {
    if (const auto* target = condition_in(pass.status, "FailureTarget")) {
        return Verdict{std::string(text_at(*target, {"reason"})),
                       std::string(text_at(*target, {"message"}))};
    }
    // Containers that are started again in their pod count as pods that failed.
    auto failures = pass.failed();
    if (text_at(pass.job, {"spec", "template", "spec", "restartPolicy"}) == "OnFailure") {
        for (const auto& pod : pass.active) failures += restarts_of(*pod);
    }
    if (failures > number(pass.job, "backoffLimit", 6)) {
        return Verdict{"BackoffLimitExceeded", "Job has reached the specified backoff limit"};
    }
    if (const auto deadline = integer_at(pass.job, {"spec", "activeDeadlineSeconds"})) {
        const auto when = *pass.started() + seconds{*deadline};
        if (when <= pass.now) {
            return Verdict{"DeadlineExceeded", "Job was active longer than specified deadline"};
        }
        queue_.add_at(pass.key, when);
    }
    return std::nullopt;
}

// It has failed when the last of its pods is gone.
void Jobs::fail(Pass& pass, const Verdict& why) {
    say_of_job(pass.status, {"FailureTarget", "True", why.reason, why.message}, pass.now);
    give_up(pass, pass.running());
    if (pass.terminating > 0) return;
    say_of_job(pass.status, {"Failed", "True", why.reason, why.message}, pass.now);
    events_.record(pass.job, {EventType::warning, why.reason, why.message});
    expire(pass.job, pass.now);
}

bool Jobs::is_complete(const Pass& pass) const {
    if (const auto completions = pass.completions()) return pass.succeeded() >= *completions;
    return pass.succeeded() > 0 && pass.running() == 0;
}

void Jobs::complete(Pass& pass) {
    give_up(pass, pass.running());
    if (pass.terminating > 0) return;
    for (const std::string_view type : {"SuccessCriteriaMet", "Complete"}) {
        say_of_job(pass.status,
                   {std::string(type),
                    "True",
                    "CompletionsReached",
                    "Reached expected number of succeeded pods"},
                   pass.now);
    }
    put(pass.status, {"completionTime"}, Json(rfc3339(pass.now)));
    events_.record(pass.job, {EventType::normal, "Completed", "Job completed"});
    expire(pass.job, pass.now);
}

// As many pods at once as may be, and after a failure the next one a while later.
void Jobs::size(Pass& pass) {
    auto wanted = number(pass.job, "parallelism", 1);
    if (const auto completions = pass.completions()) {
        wanted = std::min(wanted, *completions - pass.succeeded());
    } else if (pass.succeeded() > 0) {
        // Of a queue of work the first that finds it empty says so for all.
        wanted = pass.running();
    }
    if (pass.running() > wanted) return give_up(pass, pass.running() - wanted);
    if (pass.running() == wanted) return;
    if (pass.failed() > 0) {
        const auto doublings = std::min<std::int64_t>(pass.failed() - 1, 10);
        const auto pause = std::min<Duration>(back_off_first * (1LL << doublings), back_off_max);
        const auto when = pass.tally.last_failure + pause;
        if (pass.now < when) return queue_.add_at(pass.key, when);
    }
    while (pass.running() < wanted) {
        const auto made = pods_.create(pass.job, pods_.from_template(pass.job));
        if (!made) return queue_.add_at(pass.key, pass.now + create_retry);
        pass.active.push_back(*made);
    }
}

void Jobs::give_up(Pass& pass, std::int64_t pods) {
    sort_for_deletion(pass.active, pass.now);
    for (; pods > 0; --pods) {
        const auto pod = pass.active.front();
        pass.active.erase(pass.active.begin());
        pass.tally.given_up.emplace(kube::uid_of(*pod));
        pods_.remove(pass.job, *pod);
        if (cluster_.find(resources::pods, kube::key_of(*pod)) != nullptr) ++pass.terminating;
    }
}

void Jobs::expire(const Json& job, Time now) {
    const auto lives = integer_at(job, {"spec", "ttlSecondsAfterFinished"});
    if (!lives) return;
    auto end = parse_rfc3339(text_at(job, {"status", "completionTime"}));
    if (const auto* failed = condition_of(job, "Failed"); !end && failed != nullptr) {
        end = parse_rfc3339(text_at(*failed, {"lastTransitionTime"}));
    }
    const auto when = end.value_or(now) + seconds{*lives};
    if (now < when) return queue_.add_at(kube::key_of(job), when);
    // What was finished just now is written first.
    if (!end) return queue_.add(kube::key_of(job));
    DeleteOptions options;
    options.uid = std::string(kube::uid_of(job));
    (void)cluster_.remove(resources::jobs, kube::key_of(job), options);
}

void Jobs::save(Pass& pass) {
    const auto ready =
        std::ranges::count_if(pass.active, [](const ObjectPtr& pod) { return is_ready(*pod); });
    const auto put_if_any = [&pass](std::string_view field, std::int64_t value) {
        if (value > 0) {
            put(pass.status, {field}, value);
        } else {
            drop(pass.status, {field});
        }
    };
    put_if_any("active", pass.running());
    put_if_any("succeeded", pass.succeeded());
    put_if_any("failed", pass.failed());
    put(pass.status, {"ready"}, ready);
    put(pass.status, {"terminating"}, pass.terminating);
    put(pass.status, {"uncountedTerminatedPods"}, JsonObject{});
    save_status(cluster_, resources::jobs, pass.job, pass.status);
}

}  // namespace sluice::lab
