#include "controller/asking.hpp"

#include "base/core/address.hpp"
#include "metrics/table.hpp"
#include "metrics/template.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sluice::controller {
namespace {

using canary::Answer;
using canary::Outcome;
using canary::Question;

constexpr std::size_t at_once_max = 16;

bool is_measure(const Question& question) {
    return std::holds_alternative<canary::Measure>(question.what);
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

Result<std::string> query_of(const canary::Measure& measure) {
    const metrics::QueryModel model{.name = measure.canary,
                                    .ns = measure.ns,
                                    .target = measure.target,
                                    .service = measure.service,
                                    .ingress = measure.ingress,
                                    .route = measure.route,
                                    .interval = measure.metric.interval};
    if (const auto check = built_in(measure.metric.kind)) {
        return metrics::built_in_query(measure.provider, *check, model);
    }
    const auto rendered = metrics::render(measure.metric.query, model);
    if (!rendered) return rendered.error();
    return metrics::with_single_blanks(*rendered);
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
    for (std::size_t first = 0; first < batch.questions.size();) {
        const auto size = group_size(batch, first);
        std::vector<Answer> slots(size);
        std::vector<Task<>> tasks;
        tasks.reserve(size);
        for (std::size_t i = 0; i < size; ++i) {
            tasks.push_back(ask_into(batch.questions[first + i], &slots[i]));
        }
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

Task<Answer> Asking::ask(Question question) {
    return std::visit([&](auto& what) { return answer(std::move(what)); }, question.what);
}

Task<> Asking::ask_into(Question question, Answer* slot) {
    *slot = co_await ask(std::move(question));
}

Task<Answer> Asking::answer(canary::ProbeProviders probe) {
    const auto address = metrics::check_address(probe.metrics_server);
    if (!address) {
        co_return Answer{.outcome = Outcome::error,
                         .text = fmt::format("error building Prometheus client for {} {}",
                                             split_address(probe.metrics_server).bare,
                                             address.error().message)};
    }
    const auto online = co_await prometheus_.probe(probe.metrics_server);
    if (online) co_return Answer{};
    co_return Answer{.outcome = Outcome::error,
                     .text = "prometheus not avaiable: " + online.error().message};
}

Task<Answer> Asking::answer(canary::CallHook call) {
    const auto done = co_await webhooks_.call(call.hook, to_text(call.payload));
    if (done) co_return Answer{};
    co_return Answer{.outcome = Outcome::failed, .text = done.error().message};
}

Task<Answer> Asking::answer(canary::Measure measure) {
    const auto query = query_of(measure);
    if (!query) {
        co_return Answer{.outcome = Outcome::error,
                         .text = "rendering query failed: " + query.error().message};
    }
    const auto reading = co_await prometheus_.query(measure.metrics_server, *query);
    const bool is_built_in = built_in(measure.metric.kind).has_value();
    const auto text = is_built_in ? "running query failed: " + reading.text : reading.text;
    switch (reading.outcome) {
        case metrics::Outcome::value: {
            // Milliseconds are whole ones, as in the peer's messages.
            const bool whole = measure.metric.kind == api::MetricKind::request_duration;
            co_return Answer{.value = whole ? std::trunc(reading.value) : reading.value};
        }
        case metrics::Outcome::no_values:
            co_return Answer{.outcome = Outcome::no_values, .text = text};
        case metrics::Outcome::failed:
            co_return Answer{.outcome = Outcome::error, .text = text};
    }
    SLUICE_ASSERT(false);
}

}  // namespace sluice::controller
