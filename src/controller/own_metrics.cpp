#include "controller/own_metrics.hpp"

#include "controller/process_figures.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <sstream>
#include <utility>

namespace sluice::controller {
namespace {

using Labels = prometheus::Labels;

// Whose series it is, by the label that says so: ("prod", "web").
using Owner = std::pair<std::string, std::string>;

Owner owner_of(const Labels& labels) {
    const auto value = [&](const char* key) {
        const auto found = labels.find(key);
        return found == labels.end() ? std::string() : found->second;
    };
    const auto name = value("name");
    return {value("namespace"), name.empty() ? value("workload") : name};
}

// One metric's series by their labels, so that those of a Canary can be taken out again without
// looking at those of ten thousand others.
template <typename T>
class Series {
   public:
    explicit Series(prometheus::Family<T>& family) : family_(family) {}

    template <typename... Args>
    T& at(const Labels& labels, Args&&... args) {
        auto& slot = known_[owner_of(labels)][labels];
        if (slot == nullptr) slot = &family_.Add(labels, std::forward<Args>(args)...);
        return *slot;
    }

    void remove(const Owner& owner) {
        const auto known = known_.find(owner);
        if (known == known_.end()) return;
        for (const auto& [labels, series] : known->second) family_.Remove(series);
        known_.erase(known);
    }

   private:
    prometheus::Family<T>& family_;
    std::map<Owner, std::map<Labels, T*>> known_;
};

const prometheus::Histogram::BucketBoundaries buckets{
    .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

Labels named(const Measured& subject) {
    return {{"name", subject.target}, {"namespace", subject.ns}};
}

Labels result(const Measured& subject, const RunResult& run) {
    auto labels = named(subject);
    labels["deployment_strategy"] = run.strategy;
    labels["analysis_status"] = run.analysis;
    return labels;
}

// What Prometheus' own client libraries tell about the process they are in.
class ProcessSeries {
   public:
    explicit ProcessSeries(prometheus::Registry& registry)
        : cpu_(prometheus::BuildCounter()
                   .Name("process_cpu_seconds_total")
                   .Help("Total user and system CPU time spent in seconds.")
                   .Register(registry)
                   .Add({})),
          start_(gauge(registry,
                       "process_start_time_seconds",
                       "Start time of the process since unix epoch in seconds.")),
          resident_(
              gauge(registry, "process_resident_memory_bytes", "Resident memory size in bytes.")),
          virtual_(
              gauge(registry, "process_virtual_memory_bytes", "Virtual memory size in bytes.")),
          open_(gauge(registry, "process_open_fds", "Number of open file descriptors.")),
          most_(gauge(registry, "process_max_fds", "Maximum number of open file descriptors.")) {}

    void read() {
        const auto now = read_process_figures();
        cpu_.Increment(now.cpu_seconds - cpu_.Value());
        start_.Set(now.start_time_seconds);
        resident_.Set(static_cast<double>(now.resident_bytes));
        virtual_.Set(static_cast<double>(now.virtual_bytes));
        open_.Set(static_cast<double>(now.open_files));
        most_.Set(static_cast<double>(now.files_max));
    }

   private:
    static prometheus::Gauge& gauge(prometheus::Registry& registry,
                                    const std::string& name,
                                    const std::string& help) {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
    }

    prometheus::Counter& cpu_;
    prometheus::Gauge& start_;
    prometheus::Gauge& resident_;
    prometheus::Gauge& virtual_;
    prometheus::Gauge& open_;
    prometheus::Gauge& most_;
};

}  // namespace

struct OwnMetrics::State {
    prometheus::Registry registry;
    ProcessSeries process{registry};
    Series<prometheus::Gauge> info{prometheus::BuildGauge()
                                       .Name("flagger_info")
                                       .Help("Flagger version and mesh provider information")
                                       .Register(registry)};
    Series<prometheus::Gauge> total{prometheus::BuildGauge()
                                        .Name("flagger_canary_total")
                                        .Help("Total number of canary object")
                                        .Register(registry)};
    Series<prometheus::Gauge> status{prometheus::BuildGauge()
                                         .Name("flagger_canary_status")
                                         .Help("Last canary analysis result")
                                         .Register(registry)};
    Series<prometheus::Gauge> phase{prometheus::BuildGauge()
                                        .Name("sluice_canary_phase")
                                        .Help("1 for the phase that the Canary is in")
                                        .Register(registry)};
    std::map<Owner, std::string> phases;  // as `phase` has them
    Series<prometheus::Gauge> weight{
        prometheus::BuildGauge()
            .Name("flagger_canary_weight")
            .Help("The virtual service destination weight current value")
            .Register(registry)};
    Series<prometheus::Histogram> duration{prometheus::BuildHistogram()
                                               .Name("flagger_canary_duration_seconds")
                                               .Help("Seconds spent performing canary analysis.")
                                               .Register(registry)};
    Series<prometheus::Gauge> check{prometheus::BuildGauge()
                                        .Name("flagger_canary_metric_analysis")
                                        .Help("Last canary analysis result per metric")
                                        .Register(registry)};
    Series<prometheus::Counter> successes{prometheus::BuildCounter()
                                              .Name("flagger_canary_successes_total")
                                              .Help("Total number of canary successes")
                                              .Register(registry)};
    Series<prometheus::Counter> failures{prometheus::BuildCounter()
                                             .Name("flagger_canary_failures_total")
                                             .Help("Total number of canary failures")
                                             .Register(registry)};
    Series<prometheus::Counter> violations{
        prometheus::BuildCounter()
            .Name("sluice_law_violations_total")
            .Help("Acts refused because they would have broken a law of traffic")
            .Register(registry)};
    Series<prometheus::Counter> notifications{
        prometheus::BuildCounter()
            .Name("sluice_notifications_total")
            .Help("Alerts and event webhooks by what became of them")
            .Register(registry)};
    Series<prometheus::Gauge> requests{prometheus::BuildGauge()
                                           .Name("sluice_api_requests")
                                           .Help("Requests sent to the API server since the start")
                                           .Register(registry)};
};

OwnMetrics::OwnMetrics(const std::string& version, const std::string& mesh_provider)
    : state_(std::make_unique<State>()) {
    state_->info.at({{"version", version}, {"mesh_provider", mesh_provider}}).Set(1);
}

OwnMetrics::~OwnMetrics() = default;

std::string OwnMetrics::text() const {
    state_->process.read();
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, state_->registry.Collect());
    return std::move(out).str();
}

void OwnMetrics::set_total(const std::string& ns, std::size_t canaries) {
    if (canaries == 0) {
        state_->total.remove({ns, ""});
    } else {
        state_->total.at({{"namespace", ns}}).Set(static_cast<double>(canaries));
    }
}

void OwnMetrics::set_status(const Measured& subject, std::string_view phase) {
    const int value = phase == "Progressing" ? 0 : phase == "Failed" ? 2 : 1;
    state_->status.at(named(subject)).Set(value);

    const Owner owner{subject.ns, subject.target};
    auto& shown = state_->phases[owner];
    if (shown == phase) return;
    shown = phase;
    state_->phase.remove(owner);
    auto labels = named(subject);
    labels["phase"] = shown.empty() ? "New" : shown;
    state_->phase.at(labels).Set(1);
}

void OwnMetrics::set_weights(const Measured& subject, Weights weights) {
    state_->weight.at({{"workload", subject.primary}, {"namespace", subject.ns}})
        .Set(weights.primary);
    state_->weight.at({{"workload", subject.target}, {"namespace", subject.ns}})
        .Set(weights.canary);
}

void OwnMetrics::observe_analysis(const Measured& subject, Duration took) {
    state_->duration.at(named(subject), buckets)
        .Observe(std::chrono::duration<double>(took).count());
}

void OwnMetrics::set_check(const Measured& subject, const std::string& check, double value) {
    auto labels = named(subject);
    labels["metric"] = check;
    state_->check.at(labels).Set(value);
}

void OwnMetrics::count_success(const Measured& subject, const RunResult& run) {
    state_->successes.at(result(subject, run)).Increment();
}

void OwnMetrics::count_failure(const Measured& subject, const RunResult& run) {
    state_->failures.at(result(subject, run)).Increment();
}

void OwnMetrics::count_law_violation(const Measured& subject) {
    state_->violations.at(named(subject)).Increment();
}

void OwnMetrics::count_notification(std::string_view result) {
    state_->notifications.at({{"result", std::string(result)}}).Increment();
}

void OwnMetrics::set_api_requests(std::uint64_t reads, std::uint64_t writes) {
    state_->requests.at({{"kind", "read"}}).Set(static_cast<double>(reads));
    state_->requests.at({{"kind", "write"}}).Set(static_cast<double>(writes));
}

void OwnMetrics::forget(const Measured& subject) {
    const auto forget_named = [&](auto& series) { series.remove({subject.ns, subject.target}); };
    forget_named(state_->status);
    forget_named(state_->phase);
    state_->phases.erase({subject.ns, subject.target});
    forget_named(state_->duration);
    forget_named(state_->check);
    forget_named(state_->successes);
    forget_named(state_->failures);
    forget_named(state_->violations);
    state_->weight.remove({subject.ns, subject.primary});
    state_->weight.remove({subject.ns, subject.target});
}

}  // namespace sluice::controller
