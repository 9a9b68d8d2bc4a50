// What the proxy answers in the pods' place: redirects, fixed texts, preflights, faults and
// refusals.
#include "lab/mesh/cors.hpp"
#include "lab/mesh/exchange.hpp"
#include "lab/mesh/fault.hpp"
#include "lab/mesh/redirect.hpp"

namespace sluice::mesh {

// What the route says by itself.
std::optional<net::Response> Exchange::answer_at_once() {
    if (route_->redirect != nullptr) {
        net::Response response{.status = route_->redirect->status};
        response.headers.add(
            "location", location_of(*route_->redirect, head(), *routing_.match, routing_.port));
        route_->for_response.apply(response.headers);
        return answer_ourselves(std::move(response));
    }
    if (const auto* direct = route_->direct_response.get()) {
        net::Response response{.status = direct->status};
        response.body = direct->body;
        if (!response.body.empty()) response.headers.add("content-type", "text/plain");
        route_->for_response.apply(response.headers);
        return answer_ourselves(std::move(response));
    }
    if (route_->cors == nullptr) return std::nullopt;
    const auto origin = request_.headers.get("origin");
    if (!origin) return std::nullopt;
    const bool is_allowed = route_->cors->allows(*origin);
    if (is_allowed) origin_ = *origin;
    if (!is_preflight(head()) || (!is_allowed && route_->cors->forwards_unmatched))
        return std::nullopt;
    net::Response response;
    if (is_allowed) route_->cors->add_to_preflight(response.headers, std::exchange(origin_, {}));
    return answer_ourselves(std::move(response));
}

Task<std::optional<net::Response>> Exchange::suffer_fault() {
    const auto fault = route_->fault;
    const bool is_delayed = fault->delay_share > state_.random.unit();
    const bool is_aborted = fault->abort_share > state_.random.unit();
    is_faulted_ = is_delayed || is_aborted;
    if (is_delayed) {
        flags_ = flags_ | Flag::delay_injected;
        co_await state_.clock.sleep_for(fault->delay);
    }
    if (is_aborted) {
        flags_ = flags_ | Flag::fault_injected;
        const std::string text = "fault filter abort";
        if (!is_grpc_ || !fault->grpc_status)
            co_return refuse({fault->status, Flag::fault_injected, text});
        grpc_status_ = fault->grpc_status;
        co_return answer_ourselves({.headers = {{"content-type", "application/grpc"},
                                                {"grpc-status", std::to_string(*grpc_status_)},
                                                {"grpc-message", text}}});
    }
    if (is_delayed) {
        // Who had left meanwhile must not be asked, and weights count as they are now.
        table_ = state_.table;
        if (!find_route()) co_return refuse(not_found);
        if (route_ != nullptr) {
            if (auto answer = answer_at_once()) co_return answer;
        }
    }
    co_return aim();
}

net::Response Exchange::refuse(const Refusal& refusal) {
    flags_ = flags_ | refusal.flags;
    net::Response response{.status = refusal.status};
    if (!refusal.body.empty()) response.headers.add("content-type", "text/plain");
    if (refusal.flags == Flag::overflow) response.headers.add("x-envoy-overloaded", "true");
    response.body = refusal.body;
    return answer_ourselves(std::move(response));
}

net::Response Exchange::answer_ourselves(net::Response response) {
    response.headers.set("server", is_at_nginx() ? "nginx" : "istio-envoy");
    if (!origin_.empty()) route_->cors->add_to_answer(response.headers, origin_);
    response_bytes_ = 15 + size_of(response.headers) + response.body.size();
    count(response.status, flags_);
    return response;
}

}  // namespace sluice::mesh
