// Asking a pod, and another one: retries, limits, what is told of how it ended, and the answer on
// its way back.
#include "base/async/deadline.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/cors.hpp"
#include "lab/mesh/exchange.hpp"
#include "lab/mesh/tap.hpp"

namespace sluice::mesh {

using std::chrono::milliseconds;

namespace {

// Hands an answer on bit by bit, within what is left of the route's timeout.
class CountedResponseBody final : public net::BodyReader {
   public:
    CountedResponseBody(std::unique_ptr<net::BodyReader> body, std::shared_ptr<Exchange> exchange)
        : body_(std::move(body)), exchange_(std::move(exchange)) {}
    ~CountedResponseBody() override {
        if (exchange_ != nullptr) exchange_->finish_stream(false);
    }

    Task<Result<std::string>> next() override {
        const auto left = exchange_ == nullptr ? std::nullopt : exchange_->left();
        auto part = left ? co_await with_deadline(exchange_->clock(), *left, body_->next())
                         : co_await body_->next();
        if (exchange_ == nullptr) co_return part;
        if (part) exchange_->streamed(part->size());
        if (part && part->empty()) std::exchange(exchange_, nullptr)->finish_stream(true);
        co_return part;
    }

   private:
    std::unique_ptr<net::BodyReader> body_;
    std::shared_ptr<Exchange> exchange_;
};

}  // namespace

Task<net::Response> Exchange::attempt_all() {
    for (int attempt = 1;; ++attempt) {
        auto tried = co_await try_once(attempt);
        if (attempt < attempts_ && is_retriable(retries_, tried.outcome)) {
            const auto base = retries_.backoff * (1 << std::min(attempt - 1, 4));
            const auto most = std::min(base, retries_.backoff * 10);
            const auto pause = Duration(static_cast<Duration::rep>(
                static_cast<double>(most.count()) * state_.random.unit()));
            const bool is_in_time = !due_ || state_.clock.now() + pause < *due_;
            if (is_in_time && may_retry()) {
                // The answer that is not wanted has been read as far as it matters.
                tried.response.reset();
                if (endpoint_ != nullptr) tried_.push_back(endpoint_->id);
                co_await state_.clock.sleep_for(pause);
                continue;
            }
        }
        const bool has_given_up =
            attempt > 1 && attempt == attempts_ && is_retriable(retries_, tried.outcome);
        if (has_given_up) flags_ = flags_ | Flag::retry_limit;
        co_return hand_on(std::move(tried));
    }
}

// How many tries may be under way is the cluster's to say.
bool Exchange::may_retry() {
    retry_place_.reset();
    if (memory_ == nullptr) return true;
    retry_place_ = ClusterMemory::take_retry(memory_, upstream_.policy->limits);
    if (!retry_place_) flags_ = flags_ | Flag::overflow;
    return retry_place_.has_value();
}

void Exchange::report(const TryOutcome& outcome) {
    if (memory_ == nullptr) return;
    state_.report(upstream_,
                  memory_.get(),
                  *endpoint_,
                  outcome.end == TryEnd::answered ? OutlierDetector::result_of(outcome.status)
                                                  : OutlierDetector::Result::local_failure);
}

Task<Exchange::Tried> Exchange::try_once(int attempt) {
    auto limit = state_.options.silence_max;
    if (retries_.per_try_timeout) limit = std::min(limit, *retries_.per_try_timeout);
    if (const auto whole = left()) limit = std::min(limit, *whole);
    const auto due = state_.clock.now() + limit;
    if (memory_ != nullptr) {
        place_ = co_await ClusterMemory::take(memory_, state_.clock, upstream_.policy->limits, due);
        limit = due - state_.clock.now();
        if (!place_) {
            reached_ = outside();
            co_return Tried{
                {.end = limit > Duration::zero() ? TryEnd::overflow : TryEnd::timed_out}};
        }
    }
    const auto* endpoint = passthrough_
                               ? &*passthrough_
                               : state_.choose_endpoint(upstream_, tried_, memory_.get(), key_.key);
    if (endpoint == nullptr) {
        // Nobody is ready: said as it is, without falling over to another version (DP-7).
        reached_ = outside();
        place_.reset();
        co_return Tried{{.end = TryEnd::nobody_ready}};
    }

    const bool is_last = attempt >= attempts_;
    net::Request request = is_last ? std::move(request_) : request_;
    request.origin.host = endpoint->address;
    request.origin.port = endpoint->port;
    request.timeout = limit;
    if (!is_at_nginx()) request.headers.set("x-envoy-attempt-count", std::to_string(attempt));
    if (upstream_.policy != nullptr && upstream_.policy->limits.closes_after_each)
        request.headers.set("connection", "close");

    begin_try(*endpoint);
    auto answer = co_await state_.upstream.open(std::move(request));
    if (answer) {
        Tried tried{{.end = TryEnd::answered, .status = answer->status}};
        if (is_grpc_) {
            if (const auto status = answer->headers.get("grpc-status")) {
                if (const auto number = parse_integer(*status))
                    tried.outcome.grpc_status = static_cast<int>(*number);
            }
        }
        grpc_status_ = tried.outcome.grpc_status;
        tried.response = std::move(*answer);
        report(tried.outcome);
        const bool is_retried = !is_last && is_retriable(retries_, tried.outcome);
        if (is_retried) end_try(tried.outcome.status, Flag::none);
        co_return tried;
    }

    const auto& error = answer.error();
    if (error.kind == ErrorKind::cancelled) {
        // The caller has gone; nobody reads what is answered now.
        attempts_ = attempt;
        end_try(0, Flag::downstream_closed);
        count(0, Flag::downstream_closed);
        co_return Tried{{.end = TryEnd::reset}};
    }
    const bool is_connecting = error.message.starts_with("connecting to ");
    if (is_connecting) has_arrived_ = false;
    if (error.kind == ErrorKind::timed_out && (!is_connecting || state_.clock.now() >= due)) {
        end_try(0, Flag::downstream_closed);
        co_return failed(TryEnd::timed_out);
    }
    if (is_connecting) {
        end_try(0, Flag::none);
        co_return failed(TryEnd::connect_failure);
    }
    end_try(503, Flag::upstream_terminated);
    co_return failed(TryEnd::reset);
}

// Nothing was answered, which its cluster is told.
Exchange::Tried Exchange::failed(TryEnd end) {
    report({.end = end});
    return {{.end = end}};
}

Refusal Exchange::refusal_of(const Tried& tried) const {
    switch (tried.outcome.end) {
        case TryEnd::answered:
        case TryEnd::nobody_ready:
            return unhealthy;
        case TryEnd::overflow:
            return overflowing;
        case TryEnd::connect_failure:
            return not_connected;
        case TryEnd::reset:
            return terminated;
        case TryEnd::timed_out:
            return too_late;
    }
    return unhealthy;
}

net::Response Exchange::hand_on(Tried tried) {
    if (!tried.response) return refuse(refusal_of(tried));
    auto response = std::move(*tried.response);
    auto& headers = response.headers;
    status_ = response.status;
    headers.reserve(headers.size() + 3);
    headers.erase("connection");
    if (route_ != nullptr) {
        destination_->for_response.apply(headers);
        route_->for_response.apply(headers);
    }
    if (!origin_.empty()) route_->cors->add_to_answer(headers, origin_);
    if (!key_.set_cookie.empty()) headers.add("set-cookie", key_.set_cookie);
    const auto took = std::chrono::duration_cast<milliseconds>(state_.clock.now() - try_began_);
    if (!is_at_nginx()) {
        headers.set("x-envoy-upstream-service-time", std::to_string(took.count()));
        headers.set("server", "istio-envoy");
    }
    response_bytes_ = 15 + size_of(headers);
    if (response.stream != nullptr) {
        response.stream =
            std::make_unique<CountedResponseBody>(std::move(response.stream), shared_from_this());
        is_counted_ = false;
        return response;
    }
    response_bytes_ += response.body.size();
    end_try(status_, Flag::none);
    count(status_, flags_);
    return response;
}

void Exchange::begin_try(const Endpoint& endpoint) {
    endpoint_ = &endpoint;
    is_trying_ = has_arrived_ = true;
    ++tries_made_;
    try_began_ = state_.clock.now();
    reached_ = endpoint.workload == nullptr ? outside() : endpoint.workload;
    state_.try_began(endpoint);
}

void Exchange::end_try(int status, Flag flags) {
    if (!std::exchange(is_trying_, false)) return;
    place_.reset();
    const RequestRecord record{.reporter = Reporter::destination,
                               .source = source_,
                               .destination = reached_,
                               .service = names_,
                               .code = status,
                               .flags = flags,
                               .is_grpc = is_grpc_,
                               .grpc_status = grpc_status_,
                               .milliseconds = in_milliseconds(state_.clock.now() - try_began_),
                               .request_bytes = request_bytes(),
                               .response_bytes = response_bytes_};
    state_.try_ended(*endpoint_, has_arrived_ ? &record : nullptr);
}

// The caller's proxy counts the request once, as it ended.
void Exchange::count(int status, Flag flags) {
    if (std::exchange(is_counted_, true)) return;
    tell_tap(status, flags);
    if (!has_source_side()) return;
    if (is_at_nginx()) return count_at_nginx(status);
    static const WorkloadPtr nobody = outside();
    const bool has_reached =
        (static_cast<unsigned>(flags) &
         static_cast<unsigned>(Flag::no_route | Flag::no_cluster | Flag::no_healthy_upstream |
                               Flag::upstream_failure)) == 0;
    state_.metrics.add({.reporter = Reporter::source,
                        .source = source_,
                        .destination = has_reached ? reached_ : nobody,
                        .service = names_,
                        .code = status,
                        .flags = flags,
                        .is_grpc = is_grpc_,
                        .grpc_status = grpc_status_,
                        .milliseconds = in_milliseconds(state_.clock.now() - began_),
                        .request_bytes = request_bytes(),
                        .response_bytes = response_bytes_});
}

void Exchange::tell_tap(int status, Flag flags) {
    auto* tap = state_.options.tap;
    const auto now = state_.clock.now();
    // What came before it was on is not told without its headers.
    if (!tapped_headers_ || !tap->is_on() || !tap->may_note(now)) return;
    TapEntry entry{.came = began_};
    const auto name = [](const Workload& workload, std::string& shown, std::string& ns) {
        const bool is_known = workload.ns != "unknown" && !workload.ns.empty();
        shown = is_known ? workload.ns + "/" + workload.name : std::string("unknown");
        if (is_known) ns = workload.ns;
    };
    name(*source_, entry.source, entry.source_ns);
    name(*reached_, entry.destination, entry.destination_ns);
    if (tries_made_ > 0) {
        entry.pod = endpoint_->address;
        entry.upstream_milliseconds = in_milliseconds(now - try_began_);
    }
    entry.service = names_.host;
    entry.method = method_;
    entry.authority = authority_;
    entry.path = std::string(path_);
    entry.code = status;
    entry.flags = to_text(flags);
    entry.milliseconds = in_milliseconds(now - began_);
    entry.tries = tries_made_;
    if (route_ != nullptr) entry.route = route_->shown;
    entry.request_bytes = request_bytes();
    entry.response_bytes = response_bytes_;
    for (const auto& [header, value] : *tapped_headers_) entry.headers.emplace_back(header, value);
    tap->note(std::move(entry));
}

// NGINX knows nobody but itself: no workloads, only its Ingresses.
void Exchange::count_at_nginx(int status) {
    if (route_ == nullptr || route_->ingress == nullptr) return;
    const auto now = state_.clock.now();
    const auto seconds = [&](Time since) {
        return std::chrono::duration<double>(now - since).count();
    };
    state_.nginx_metrics.add({.names = route_->ingress,
                              .canary = destination_ == nullptr
                                            ? std::string_view()
                                            : std::string_view(destination_->alternative),
                              .method = method_,
                              // Who goes away before the answer is counted as NGINX does.
                              .status = status == 0 ? 499 : status,
                              .request_seconds = seconds(began_),
                              .response_seconds = endpoint_ == nullptr ? 0 : seconds(try_began_)});
}

}  // namespace sluice::mesh
