#include "controller/asking.hpp"

#include "base/core/address.hpp"
#include "kube/pods.hpp"
#include "metrics/prometheus.hpp"
#include "metrics/table.hpp"
#include "metrics/template.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

namespace sluice::controller {
namespace {

using canary::Answer;
using canary::Measure;
using canary::Outcome;
using canary::Question;

constexpr std::size_t at_once_max = 16;

// Why pods are not ready is good to know, and holds nothing up.
constexpr Duration look_max = std::chrono::seconds{2};

bool is_measure(const Question& question) {
    return std::holds_alternative<Measure>(question.what);
}

// How many of the questions from `first` on are asked together. A hook may act on the world, so
// none is called before those in front of it have let it.
std::size_t group_size(const canary::Batch& batch, std::size_t first) {
    const auto left = batch.questions.size() - first;
    if (batch.stop == canary::Stop::all) return std::min(left, at_once_max);
    std::size_t size = 0;
    while (size < std::min(left, at_once_max) && is_measure(batch.questions[first + size])) ++size;
    return std::max<std::size_t>(size, 1);
}

std::optional<metrics::BuiltIn> built_in(api::MetricKind kind) {
    switch (kind) {
        case api::MetricKind::request_success_rate:
            return metrics::BuiltIn::success_rate;
        case api::MetricKind::request_duration:
            return metrics::BuiltIn::duration;
        case api::MetricKind::inline_query:
        case api::MetricKind::template_query:
        case api::MetricKind::unusable:
            return std::nullopt;
    }
    SLUICE_ASSERT(false);
}

metrics::QueryModel model_of(const Measure& check) {
    const auto& variables = check.metric.variables;
    return {.name = check.canary,
            .ns = check.ns,
            .target = check.target,
            .service = check.service,
            .ingress = check.ingress,
            .route = check.route,
            .interval = check.metric.interval,
            .variables = {variables.begin(), variables.end()}};
}

metrics::ProviderSpec prometheus_at(const std::string& address) {
    return {.address = address};
}

Answer failed(std::string text) {
    return {.outcome = Outcome::error, .text = std::move(text)};
}

std::string template_name(const Measure& check) {
    const auto& reference = *check.metric.template_ref;
    return fmt::format("{}.{}", reference.name, reference.ns);
}

// What a query has come to, as this kind of check tells it.
std::string nothing_found(const Measure& check, const std::string& why) {
    return built_in(check.metric.kind) ? "running query failed: " + why : why;
}

Answer query_failed(const Measure& check, const std::string& why) {
    if (check.metric.kind != api::MetricKind::template_query) {
        return failed(nothing_found(check, why));
    }
    return failed(fmt::format("Metric query failed for {}: {}", check.metric.name, why));
}

}  // namespace

Task<> side_by_side(std::vector<Task<>> tasks) {
    using boost::asio::experimental::awaitable_operators::operator&&;
    if (tasks.empty()) co_return;
    if (tasks.size() == 1) {
        co_await std::move(tasks.front());
        co_return;
    }
    const auto middle = tasks.begin() + static_cast<std::ptrdiff_t>(tasks.size() / 2);
    std::vector<Task<>> second(std::make_move_iterator(middle),
                               std::make_move_iterator(tasks.end()));
    tasks.erase(middle, tasks.end());
    co_await (side_by_side(std::move(tasks)) && side_by_side(std::move(second)));
}

Task<std::map<std::string, Answer>> Asking::gather(canary::Batch batch) {
    std::map<std::string, Answer> answers;
    Known known;
    for (std::size_t first = 0; first < batch.questions.size();) {
        const auto size = group_size(batch, first);
        std::vector<Answer> slots(size);
        std::vector<Task<>> tasks;
        std::vector<Measure> checks;
        std::vector<Answer*> check_slots;
        for (std::size_t i = 0; i < size; ++i) {
            const auto& question = batch.questions[first + i];
            if (const auto* check = std::get_if<Measure>(&question.what)) {
                checks.push_back(*check);
                check_slots.push_back(&slots[i]);
            } else {
                tasks.push_back(ask_into(question, &slots[i]));
            }
        }
        tasks.push_back(measure(std::move(checks), std::move(check_slots), &known));
        co_await side_by_side(std::move(tasks));
        for (std::size_t i = 0; i < size; ++i) {
            const auto& question = batch.questions[first + i];
            answers[question.id] = slots[i];
            if (canary::ends(batch, question, slots[i])) co_return answers;
        }
        first += size;
    }
    co_return answers;
}

// --- hooks and providers ----------------------------------------------------------------------

Task<> Asking::ask_into(Question question, Answer* slot) {
    if (auto* probe = std::get_if<canary::ProbeProviders>(&question.what)) {
        *slot = co_await answer(std::move(*probe));
    } else if (auto* call = std::get_if<canary::CallHook>(&question.what)) {
        *slot = co_await answer(std::move(*call));
    } else if (auto* look = std::get_if<canary::LookAtPods>(&question.what)) {
        *slot = co_await answer(std::move(*look));
    }
}

Task<Answer> Asking::answer(canary::CallHook call) {
    notify::Sending sending(sent_,
                            {.ns = std::string(text_at(call.payload, {"namespace"})),
                             .name = std::string(text_at(call.payload, {"name"}))},
                            notify::SentKind::webhook,
                            call.hook.name);
    const auto done = co_await webhooks_.call(call.hook, to_text(call.payload));
    sending.end(done, call.hook.url);
    if (done) co_return Answer{};
    co_return Answer{.outcome = Outcome::failed, .text = done.error().message};
}

Task<Answer> Asking::answer(canary::LookAtPods look) {
    using boost::asio::experimental::awaitable_operators::operator||;
    const auto selector = kube::selector_of(look.workload);
    if (!cluster_ || selector.empty()) co_return Answer{};
    const auto ns = kube::key_of(look.workload).ns;
    auto found = co_await (
        cluster_->client.list(kube::resources::pods, {.ns = ns, .label_selector = selector}) ||
        cluster_->clock.sleep_for(look_max));
    if (found.index() == 1) co_return failed("the API server does not answer");
    const auto& pods = std::get<0>(found);
    // Whoever may not list them does without.
    if (!pods) co_return failed(pods.error().message);
    co_return Answer{.text = kube::pods_wait_for(look.workload, pods->items, kube::Words::kept)};
}

// All of them; the first of the list that does not answer is the one that is told.
Task<Answer> Asking::answer(canary::ProbeProviders probe) {
    std::vector<Answer> slots(probe.providers.size());
    std::vector<Task<>> tasks;
    tasks.reserve(slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
        tasks.push_back(probe_into(probe.metrics_server, probe.providers[i], &slots[i]));
    }
    co_await side_by_side(std::move(tasks));
    const auto first = std::ranges::find_if(
        slots, [](const Answer& answer) { return answer.outcome != Outcome::passed; });
    co_return first == slots.end() ? Answer{} : *first;
}

Task<> Asking::probe_into(std::string server,
                          std::optional<api::Reference> provider,
                          Answer* slot) {
    std::string trouble;
    if (provider) {
        trouble = co_await trouble_with_template(std::move(*provider));
    } else {
        trouble = co_await trouble_with_server(std::move(server));
    }
    if (!trouble.empty()) *slot = failed(std::move(trouble));
}

Task<std::string> Asking::trouble_with_server(std::string server) {
    const auto address = metrics::check_address(server);
    if (!address) {
        co_return fmt::format("error building Prometheus client for {} {}",
                              split_address(server).bare,
                              address.error().message);
    }
    const auto online = co_await providers_.prometheus().probe(prometheus_at(server));
    co_return online ? "" : "prometheus not avaiable: " + online.error().message;
}

Task<std::string> Asking::trouble_with_template(api::Reference reference) {
    const auto found = co_await templates_.read(reference);
    if (!found) co_return "metric " + found.error().message;
    const auto online = co_await providers_.find(found->server.type)->probe(found->server);
    if (online) co_return std::string{};
    co_return fmt::format("{} in metric template {}.{} not avaiable: {}",
                          found->server.type,
                          reference.name,
                          reference.ns,
                          online.error().message);
}

// --- checks -----------------------------------------------------------------------------------

Task<> Asking::measure(std::vector<Measure> checks, std::vector<Answer*> slots, Known* known) {
    co_await read_templates(checks, known);
    std::vector<Prepared> prepared;
    std::vector<Query> queries;
    for (const auto& check : checks) {
        prepared.push_back(prepare(check, *known));
        const auto& made = prepared.back();
        if (made.refused) continue;
        queries.push_back(made.query);
        if (made.count && check.metric.min_requests > 0) queries.push_back(*made.count);
    }
    co_await read(std::move(queries), known);

    // Where only errors were counted there is no series of successes: no rate, but no silence
    // either.
    std::vector<Query> counts;
    for (const auto& made : prepared) {
        if (made.refused || !made.count) continue;
        if (known->readings.at(made.query).outcome == metrics::Outcome::no_values) {
            counts.push_back(*made.count);
        }
    }
    co_await read(std::move(counts), known);
    for (std::size_t i = 0; i < checks.size(); ++i) {
        *slots[i] = answer_of(checks[i], prepared[i], *known);
        slots[i]->asked = prepared[i].query.text;
    }
}

Task<> Asking::read_templates(std::vector<Measure> checks, Known* known) {
    std::set<api::Reference> wanted;
    for (const auto& check : checks) {
        const auto& reference = check.metric.template_ref;
        if (check.metric.kind != api::MetricKind::template_query || !reference) continue;
        if (!known->templates.contains(*reference)) wanted.insert(*reference);
    }
    std::vector<std::optional<Result<CheckTemplate>>> slots(wanted.size());
    std::vector<Task<>> tasks;
    tasks.reserve(slots.size());
    for (const auto& reference : wanted) {
        tasks.push_back(read_template_into(reference, &slots[tasks.size()]));
    }
    co_await side_by_side(std::move(tasks));
    std::size_t i = 0;
    for (const auto& reference : wanted) known->templates.emplace(reference, *slots[i++]);
}

Task<> Asking::read_template_into(api::Reference reference,
                                  std::optional<Result<CheckTemplate>>* slot) {
    slot->emplace(co_await templates_.read(std::move(reference)));
}

Task<> Asking::read(std::vector<Query> queries, Known* known) {
    const std::set<Query> wanted(queries.begin(), queries.end());
    std::vector<Task<>> tasks;
    for (const auto& query : wanted) {
        const auto [slot, is_new] = known->readings.try_emplace(query);
        if (is_new) tasks.push_back(read_into(query, &slot->second));
    }
    co_await side_by_side(std::move(tasks));
}

Task<> Asking::read_into(Query query, metrics::Reading* slot) {
    auto* provider = providers_.find(query.server.type);
    *slot = co_await provider->query(
        std::move(query.server), std::move(query.text), std::move(query.interval));
}

Asking::Prepared Asking::prepare(const Measure& check, const Known& known) {
    Prepared made;
    made.query.server = prometheus_at(check.metrics_server);
    const auto model = model_of(check);
    const auto unanswered = check.metric.unanswered;
    const auto count =
        metrics::built_in_query(check.provider, metrics::BuiltIn::request_count, model, unanswered);
    const bool counts =
        check.metric.kind == api::MetricKind::request_success_rate || check.metric.min_requests > 0;
    if (counts && !count) {
        made.refused = query_failed(check, count.error().message);
        return made;
    }
    if (counts) made.count = Query{prometheus_at(check.metrics_server), count->text};
    if (const auto kind = built_in(check.metric.kind)) {
        const auto query = metrics::built_in_query(check.provider, *kind, model, unanswered);
        if (!query) {
            made.refused = failed("rendering query failed: " + query.error().message);
            return made;
        }
        made.query.text = query->text;
        made.factor = query->factor;
        return made;
    }
    if (check.metric.kind == api::MetricKind::template_query) {
        const auto& found = known.templates.at(*check.metric.template_ref);
        if (!found) {
            made.refused = failed("Metric " + found.error().message);
            return made;
        }
        made.query.server = found->server;
        made.query.interval = check.metric.interval;
        const auto rendered = metrics::render(found->query, model);
        if (!rendered) {
            made.refused = failed(fmt::format("Metric template {} query render error: {}",
                                              template_name(check),
                                              rendered.error().message));
            return made;
        }
        made.query.text = *rendered;
        return made;
    }
    const auto rendered = metrics::render(check.metric.query, model);
    if (!rendered) {
        made.refused = failed("rendering query failed: " + rendered.error().message);
        return made;
    }
    made.query.text = *rendered;
    return made;
}

Answer Asking::answer_of(const Measure& check, const Prepared& prepared, const Known& known) {
    if (prepared.refused) return *prepared.refused;
    const auto& reading = known.readings.at(prepared.query);
    const auto counted =
        prepared.count ? known.readings.find(*prepared.count) : known.readings.end();
    const bool has_count = counted != known.readings.end();
    if (has_count && check.metric.min_requests > 0) {
        if (counted->second.outcome == metrics::Outcome::failed) {
            return query_failed(check, counted->second.text);
        }
        const double requests = std::round(counted->second.value);
        if (requests < static_cast<double>(check.metric.min_requests)) {
            return {.outcome = Outcome::no_values,
                    .text = fmt::format("{:.0f} requests in {} are fewer than minRequests {}",
                                        requests,
                                        check.metric.interval,
                                        check.metric.min_requests)};
        }
    }
    switch (reading.outcome) {
        case metrics::Outcome::value: {
            const double value = reading.value * prepared.factor;
            // Milliseconds are whole ones, as in the peer's messages.
            const bool whole = check.metric.kind == api::MetricKind::request_duration;
            return {.value = whole ? std::trunc(value) : value};
        }
        case metrics::Outcome::no_values: {
            const bool is_rate = check.metric.kind == api::MetricKind::request_success_rate;
            if (is_rate && has_count && counted->second.outcome == metrics::Outcome::value &&
                counted->second.value > 0) {
                return {.value = 0};
            }
            return {.outcome = Outcome::no_values, .text = nothing_found(check, reading.text)};
        }
        case metrics::Outcome::failed:
            return query_failed(check, reading.text);
    }
    SLUICE_ASSERT(false);
}

}  // namespace sluice::controller
