#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/apiserver/table_cells.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>

namespace sluice::lab {

namespace {

std::string_view name_of(const Json& object) {
    return text_at(object, {"metadata", "name"});
}

bool has_condition(const Json& object, std::string_view type, std::string_view status) {
    for (const auto& condition : array_at(object, {"status", "conditions"})) {
        if (text_at(condition, {"type"}) == type) return text_at(condition, {"status"}) == status;
    }
    return false;
}

// "ExitCode:1" or "Signal:9" of a container that ended and does not say why.
std::string bare_exit(const Json& terminated) {
    const auto signal = count_at(terminated, {"signal"});
    if (signal != 0) return fmt::format("Signal:{}", signal);
    return fmt::format("ExitCode:{}", count_at(terminated, {"exitCode"}));
}

bool restarts_always(const Json& pod, std::string_view init_container) {
    for (const auto& container : array_at(pod, {"spec", "initContainers"})) {
        if (text_at(container, {"name"}) != init_container) continue;
        return text_at(container, {"restartPolicy"}) == "Always";
    }
    return false;
}

// What holds the pod up in its init containers, or nothing.
std::string init_status(const Json& pod) {
    const auto total = array_at(pod, {"spec", "initContainers"}).size();
    std::size_t index = 0;
    for (const auto& status : array_at(pod, {"status", "initContainerStatuses"})) {
        const auto at = index++;
        const auto* terminated = find(status, {"state", "terminated"});
        if (terminated != nullptr && count_at(*terminated, {"exitCode"}) == 0) continue;
        if (bool_at(status, {"started"}).value_or(false) &&
            restarts_always(pod, text_at(status, {"name"}))) {
            continue;
        }
        if (terminated != nullptr) {
            const auto reason = text_at(*terminated, {"reason"});
            return "Init:" + (reason.empty() ? bare_exit(*terminated) : std::string(reason));
        }
        const auto waiting = text_at(status, {"state", "waiting", "reason"});
        if (!waiting.empty() && waiting != "PodInitializing") return "Init:" + std::string(waiting);
        return fmt::format("Init:{}/{}", at, total);
    }
    return {};
}

std::string containers_status(const Json& pod, std::string reason) {
    bool is_one_running = false;
    const auto& statuses = array_at(pod, {"status", "containerStatuses"});
    for (auto i = statuses.size(); i-- > 0;) {
        const auto& status = statuses[i];
        const auto waiting = text_at(status, {"state", "waiting", "reason"});
        const auto* terminated = find(status, {"state", "terminated"});
        if (!waiting.empty()) {
            reason = waiting;
        } else if (terminated != nullptr) {
            const auto why = text_at(*terminated, {"reason"});
            reason = why.empty() ? bare_exit(*terminated) : std::string(why);
        } else if (bool_at(status, {"ready"}).value_or(false) &&
                   find(status, {"state", "running"}) != nullptr) {
            is_one_running = true;
        }
    }
    if (reason == "Completed" && is_one_running) {
        return has_condition(pod, "Ready", "True") ? "Running" : "NotReady";
    }
    return reason;
}

std::string pod_status(const Json& pod) {
    const auto phase = text_at(pod, {"status", "phase"});
    std::string reason(phase);
    if (const auto why = text_at(pod, {"status", "reason"}); !why.empty()) reason = why;
    if (phase == "Pending") {
        for (const auto& condition : array_at(pod, {"status", "conditions"})) {
            if (text_at(condition, {"type"}) == "PodScheduled" &&
                text_at(condition, {"reason"}) == "SchedulingGated") {
                reason = "SchedulingGated";
            }
        }
    }
    const auto initializing = init_status(pod);
    if (!initializing.empty() && !has_condition(pod, "Initialized", "True")) {
        reason = initializing;
    } else {
        reason = containers_status(pod, std::move(reason));
    }
    const auto* deleted = find(pod, {"metadata", "deletionTimestamp"});
    if (deleted == nullptr || deleted->is_null()) return reason;
    if (text_at(pod, {"status", "reason"}) == "NodeLost") return "Unknown";
    return phase == "Succeeded" || phase == "Failed" ? reason : "Terminating";
}

std::string pod_restarts(const Json& pod, Time now) {
    std::int64_t restarts = 0;
    std::optional<Time> last;
    for (const auto& status : array_at(pod, {"status", "containerStatuses"})) {
        restarts += count_at(status, {"restartCount"});
        const auto finished =
            parse_rfc3339(text_at(status, {"lastState", "terminated", "finishedAt"}));
        if (finished && (!last || *finished > *last)) last = finished;
    }
    if (restarts == 0 || !last) return fmt::format("{}", restarts);
    return fmt::format("{} ({} ago)", restarts, human_text(now - *last));
}

std::string pod_ready(const Json& pod) {
    std::size_t ready = 0;
    auto total = array_at(pod, {"spec", "containers"}).size();
    for (const auto& container : array_at(pod, {"spec", "initContainers"})) {
        if (text_at(container, {"restartPolicy"}) == "Always") ++total;
    }
    for (const auto& status : array_at(pod, {"status", "containerStatuses"})) {
        if (bool_at(status, {"ready"}).value_or(false) &&
            find(status, {"state", "running"}) != nullptr) {
            ++ready;
        }
    }
    for (const auto& status : array_at(pod, {"status", "initContainerStatuses"})) {
        if (bool_at(status, {"ready"}).value_or(false) &&
            restarts_always(pod, text_at(status, {"name"}))) {
            ++ready;
        }
    }
    return fmt::format("{}/{}", ready, total);
}

std::string pod_gates(const Json& pod) {
    const auto& gates = array_at(pod, {"spec", "readinessGates"});
    if (gates.empty()) return "<none>";
    std::size_t open = 0;
    for (const auto& gate : gates) {
        if (has_condition(pod, text_at(gate, {"conditionType"}), "True")) ++open;
    }
    return fmt::format("{}/{}", open, gates.size());
}

JsonArray pod_cells(const Json& pod, Time now) {
    std::string ip(text_at(pod, {"status", "podIP"}));
    if (const auto& ips = array_at(pod, {"status", "podIPs"}); !ips.empty()) {
        ip = text_at(ips.front(), {"ip"});
    }
    return {name_of(pod),
            pod_ready(pod),
            pod_status(pod),
            pod_restarts(pod, now),
            age_of(pod, now),
            or_none(std::move(ip)),
            or_none(std::string(text_at(pod, {"spec", "nodeName"}))),
            or_none(std::string(text_at(pod, {"status", "nominatedNodeName"}))),
            pod_gates(pod)};
}

// Containers, Images, Selector: how the wide table of each workload ends.
void add_template(JsonArray& cells, const Json& workload) {
    static const Json none = JsonObject{};
    const auto* spec = find(workload, {"spec", "template", "spec"});
    cells.emplace_back(containers_text(spec == nullptr ? none : *spec, "name"));
    cells.emplace_back(containers_text(spec == nullptr ? none : *spec, "image"));
}

void add_selector(JsonArray& cells, const Json& workload) {
    const auto* selector = find(workload, {"spec", "selector"});
    cells.emplace_back(selector == nullptr ? "<none>" : selector_text(*selector));
}

JsonArray deployment_cells(const Json& deployment, Time now) {
    JsonArray cells{name_of(deployment),
                    fmt::format("{}/{}",
                                count_at(deployment, {"status", "readyReplicas"}),
                                count_at(deployment, {"spec", "replicas"})),
                    count_at(deployment, {"status", "updatedReplicas"}),
                    count_at(deployment, {"status", "availableReplicas"}),
                    age_of(deployment, now)};
    add_template(cells, deployment);
    add_selector(cells, deployment);
    return cells;
}

JsonArray replica_set_cells(const Json& set, Time now) {
    JsonArray cells{name_of(set),
                    count_at(set, {"spec", "replicas"}),
                    count_at(set, {"status", "replicas"}),
                    count_at(set, {"status", "readyReplicas"}),
                    age_of(set, now)};
    add_template(cells, set);
    add_selector(cells, set);
    return cells;
}

JsonArray daemon_set_cells(const Json& set, Time now) {
    JsonArray cells{name_of(set),
                    count_at(set, {"status", "desiredNumberScheduled"}),
                    count_at(set, {"status", "currentNumberScheduled"}),
                    count_at(set, {"status", "numberReady"}),
                    count_at(set, {"status", "updatedNumberScheduled"}),
                    count_at(set, {"status", "numberAvailable"}),
                    labels_text(object_at(set, {"spec", "template", "spec", "nodeSelector"})),
                    age_of(set, now)};
    add_template(cells, set);
    add_selector(cells, set);
    return cells;
}

JsonArray stateful_set_cells(const Json& set, Time now) {
    JsonArray cells{name_of(set),
                    fmt::format("{}/{}",
                                count_at(set, {"status", "readyReplicas"}),
                                count_at(set, {"spec", "replicas"})),
                    age_of(set, now)};
    add_template(cells, set);
    return cells;
}

JsonArray controller_revision_cells(const Json& revision, Time now) {
    std::string owner = "<none>";
    if (const auto* reference = kube::controller_of(revision)) {
        owner = lower_case(text_at(*reference, {"kind"}));
        const auto group = split(text_at(*reference, {"apiVersion"}), '/');
        if (group.size() == 2) owner.append(".").append(group.front());
        owner.append("/").append(text_at(*reference, {"name"}));
    }
    return {name_of(revision), owner, count_at(revision, {"revision"}), age_of(revision, now)};
}

std::string job_status(const Json& job) {
    if (has_condition(job, "Complete", "True")) return "Complete";
    if (has_condition(job, "Failed", "True")) return "Failed";
    if (find(job, {"metadata", "deletionTimestamp"}) != nullptr) return "Terminating";
    if (has_condition(job, "Suspended", "True")) return "Suspended";
    if (has_condition(job, "FailureTarget", "True")) return "FailureTarget";
    if (has_condition(job, "SuccessCriteriaMet", "True")) return "SuccessCriteriaMet";
    return "Running";
}

std::string job_completions(const Json& job) {
    const auto succeeded = count_at(job, {"status", "succeeded"});
    if (const auto completions = integer_at(job, {"spec", "completions"})) {
        return fmt::format("{}/{}", succeeded, *completions);
    }
    const auto parallelism = count_at(job, {"spec", "parallelism"});
    if (parallelism > 1) return fmt::format("{}/1 of {}", succeeded, parallelism);
    return fmt::format("{}/1", succeeded);
}

std::string job_duration(const Json& job, Time now) {
    const auto start = parse_rfc3339(text_at(job, {"status", "startTime"}));
    if (!start) return {};
    const auto end = parse_rfc3339(text_at(job, {"status", "completionTime"}));
    return human_text(end.value_or(now) - *start);
}

JsonArray job_cells(const Json& job, Time now) {
    JsonArray cells{name_of(job),
                    job_status(job),
                    job_completions(job),
                    job_duration(job, now),
                    age_of(job, now)};
    add_template(cells, job);
    add_selector(cells, job);
    return cells;
}

JsonArray cron_job_cells(const Json& job, Time now) {
    const auto last = parse_rfc3339(text_at(job, {"status", "lastScheduleTime"}));
    JsonArray cells{name_of(job),
                    text_at(job, {"spec", "schedule"}),
                    or_none(std::string(text_at(job, {"spec", "timeZone"}))),
                    bool_at(job, {"spec", "suspend"}).value_or(false) ? "True" : "False",
                    static_cast<std::int64_t>(array_at(job, {"status", "active"}).size()),
                    last ? human_text(now - *last) : "<none>",
                    age_of(job, now)};
    const auto* inner = find(job, {"spec", "jobTemplate"});
    static const Json none = JsonObject{};
    add_template(cells, inner == nullptr ? none : *inner);
    add_selector(cells, inner == nullptr ? none : *inner);
    return cells;
}

// A quantity or percentage of the current status, or "<unknown>".
std::string metric_text(const Json& spec, const Json* current) {
    static const Json none = JsonObject{};
    const Json& now = current == nullptr ? none : *current;
    const auto type = text_at(spec, {"type"});
    const auto field = type == "Object"              ? "object"
                       : type == "Pods"              ? "pods"
                       : type == "External"          ? "external"
                       : type == "ContainerResource" ? "containerResource"
                                                     : "resource";
    const auto unknown_when_empty = [](std::string_view text) {
        return text.empty() ? std::string("<unknown>") : std::string(text);
    };
    std::string prefix;
    if (type == "Resource" || type == "ContainerResource") {
        prefix = std::string(text_at(spec, {field, "name"})) + ": ";
    }
    if (const auto wanted = text_at(spec, {field, "target", "averageValue"}); !wanted.empty()) {
        const auto suffix = type == "External" || type == "Object" ? " (avg)" : "";
        return fmt::format("{}{}/{}{}",
                           prefix,
                           unknown_when_empty(text_at(now, {field, "current", "averageValue"})),
                           wanted,
                           suffix);
    }
    if (const auto percent = integer_at(spec, {field, "target", "averageUtilization"})) {
        const auto is = integer_at(now, {field, "current", "averageUtilization"});
        return fmt::format(
            "{}{}/{}%", prefix, is ? fmt::format("{}%", *is) : "<unknown>", *percent);
    }
    return fmt::format("{}{}/{}",
                       prefix,
                       unknown_when_empty(text_at(now, {field, "current", "value"})),
                       unknown_when_empty(text_at(spec, {field, "target", "value"})));
}

JsonArray autoscaler_cells(const Json& hpa, Time now) {
    const auto& metrics = array_at(hpa, {"spec", "metrics"});
    const auto& current = array_at(hpa, {"status", "currentMetrics"});
    std::vector<std::string> targets;
    targets.reserve(metrics.size());
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        targets.push_back(metric_text(metrics[i], i < current.size() ? &current[i] : nullptr));
    }
    std::string targets_text = "<none>";
    if (targets.size() > 2) {
        targets_text =
            fmt::format("{}, {} + {} more...", targets[0], targets[1], targets.size() - 2);
    } else if (!targets.empty()) {
        targets_text = joined(targets, ", ");
    }
    const auto min = integer_at(hpa, {"spec", "minReplicas"});
    return {name_of(hpa),
            fmt::format("{}/{}",
                        text_at(hpa, {"spec", "scaleTargetRef", "kind"}),
                        text_at(hpa, {"spec", "scaleTargetRef", "name"})),
            targets_text,
            min ? fmt::format("{}", *min) : "<unset>",
            count_at(hpa, {"spec", "maxReplicas"}),
            count_at(hpa, {"status", "currentReplicas"}),
            age_of(hpa, now)};
}

JsonArray disruption_budget_cells(const Json& budget, Time now) {
    const auto number_or_text = [&budget](JsonPath path) {
        const auto* value = find(budget, path);
        if (value == nullptr) return std::string("N/A");
        return value->is_string() ? std::string(value->get_string()) : to_text(*value);
    };
    return {name_of(budget),
            number_or_text({"spec", "minAvailable"}),
            number_or_text({"spec", "maxUnavailable"}),
            count_at(budget, {"status", "disruptionsAllowed"}),
            age_of(budget, now)};
}

constexpr std::array rows{
    TableRow{"",
             "pods",
             "Name, Ready, Status, Restarts, Age, w:IP, w:Node, w:Nominated Node, "
             "w:Readiness Gates",
             pod_cells},
    TableRow{"apps",
             "deployments",
             "Name, Ready, Up-to-date, Available, Age, w:Containers, w:Images, w:Selector",
             deployment_cells},
    TableRow{"apps",
             "replicasets",
             "Name, Desired(i), Current(i), Ready(i), Age, w:Containers, w:Images, w:Selector",
             replica_set_cells},
    TableRow{"apps",
             "daemonsets",
             "Name, Desired(i), Current(i), Ready(i), Up-to-date(i), Available(i), Node Selector, "
             "Age, w:Containers, w:Images, w:Selector",
             daemon_set_cells},
    TableRow{
        "apps", "statefulsets", "Name, Ready, Age, w:Containers, w:Images", stateful_set_cells},
    TableRow{"apps",
             "controllerrevisions",
             "Name, Controller, Revision, Age",
             controller_revision_cells},
    TableRow{"batch",
             "jobs",
             "Name, Status, Completions, Duration, Age, w:Containers, w:Images, w:Selector",
             job_cells},
    TableRow{"batch",
             "cronjobs",
             "Name, Schedule, Timezone, Suspend, Active(i), Last Schedule, Age, w:Containers, "
             "w:Images, w:Selector",
             cron_job_cells},
    TableRow{"autoscaling",
             "horizontalpodautoscalers",
             "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age",
             autoscaler_cells},
    TableRow{"policy",
             "poddisruptionbudgets",
             "Name, Min Available, Max Unavailable, Allowed Disruptions, Age",
             disruption_budget_cells},
};

}  // namespace

std::span<const TableRow> workload_tables() {
    return rows;
}

}  // namespace sluice::lab
