// One request on its way through the proxy: proxy.cpp leads it to its pod, tries.cpp asks there,
// and own_answers.cpp says what the proxy says itself.
#pragma once

#include "lab/mesh/proxy_state.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mesh {

inline constexpr std::string_view broken_text =
    "upstream connect error or disconnect/reset before headers. reset reason: ";

// What the caller is told when no pod answered.
struct Refusal {
    int status = 404;
    Flag flags = Flag::none;
    std::string body = {};
};

inline const Refusal not_found{404, Flag::no_route};
inline const Refusal unhealthy{503, Flag::no_healthy_upstream, "no healthy upstream"};
inline const Refusal not_connected{
    503, Flag::upstream_failure, std::string(broken_text) + "connection failure"};
inline const Refusal terminated{
    503, Flag::upstream_terminated, std::string(broken_text) + "connection termination"};
inline const Refusal overflowing{503, Flag::overflow, std::string(broken_text) + "overflow"};
inline const Refusal too_late{504, Flag::upstream_timeout, "upstream request timeout"};
inline const Refusal black_hole{502, Flag::none};
inline const Refusal malformed{400, Flag::none, "the request names no host"};
inline const Refusal no_tunnels{501, Flag::none, "CONNECT is not served: ask in absolute form"};

// One request from its first byte to the last one of its answer. Counts itself when it ends,
// however it ends: also when the caller goes away and everything is torn down.
class Exchange : public std::enable_shared_from_this<Exchange> {
   public:
    Exchange(MeshProxy::State& state, DoorPtr door, net::Request request)
        : state_(state),
          door_(std::move(door)),
          source_(door_->workload),
          table_(state.table),
          request_(std::move(request)),
          began_(state.clock.now()) {
        ++state_.metrics.requests_in_flight;
    }
    ~Exchange() {
        --state_.metrics.requests_in_flight;
        end_try(0, Flag::downstream_closed);
        if (!is_counted_) count(0, flags_ | Flag::downstream_closed);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // The answer, when nobody needs to be asked for it. A route with a fault waits for it.
    std::optional<net::Response> begin();
    bool has_fault() const { return route_ != nullptr && route_->fault != nullptr; }
    Task<std::optional<net::Response>> suffer_fault();
    bool is_mirrored() const { return route_ != nullptr && !route_->mirrors.empty(); }
    void mirror(Executor executor) {
        state_.mirroring.begin(
            std::move(executor), *route_, {source_, table_, routing_.port, is_grpc_}, request_);
    }
    Task<net::Response> attempt_all();

    // The last byte of a streamed answer has gone, or the stream broke off.
    void streamed(std::uint64_t bytes) { response_bytes_ += bytes; }
    void finish_stream(bool is_whole) {
        const auto flags = is_whole ? flags_ : flags_ | Flag::downstream_closed;
        end_try(status_, is_whole ? Flag::none : Flag::downstream_closed);
        count(status_, flags);
    }
    std::optional<Duration> left() const {
        if (!due_) return std::nullopt;
        return std::max(Duration::zero(), *due_ - state_.clock.now());
    }
    Clock& clock() const { return state_.clock; }

   private:
    struct Tried {
        TryOutcome outcome;
        std::optional<net::Response> response = std::nullopt;
    };

    bool read_target();
    bool find_route();
    std::optional<net::Response> answer_at_once();
    std::optional<net::Response> aim();
    std::optional<Refusal> choose();
    std::optional<Refusal> choose_passthrough(std::string_view host, std::uint16_t port);
    void prepare_request();
    Task<Tried> try_once(int attempt);
    Tried failed(TryEnd end);
    net::Response hand_on(Tried tried);
    net::Response refuse(const Refusal& refusal);
    net::Response answer_ourselves(net::Response response);
    Refusal refusal_of(const Tried& tried) const;

    bool may_retry();
    void report(const TryOutcome& outcome);
    void begin_try(const Endpoint& endpoint);
    void end_try(int status, Flag flags);
    void count(int status, Flag flags);
    void count_at_nginx(int status);
    void tell_tap(int status, Flag flags);

    std::uint64_t request_bytes() const {
        return request_head_bytes_ + request_body_bytes_ +
               (streamed_bytes_ == nullptr ? 0 : *streamed_bytes_);
    }
    bool has_source_side() const { return door_->kind != Door::Kind::outside; }
    bool is_at_nginx() const {
        return listener_ != nullptr && listener_->kind == GatewayListener::Kind::nginx;
    }
    RequestHead head() const {
        return {.method = request_.method,
                .scheme = "http",
                .authority = authority_,
                .path = path_,
                .query = query_,
                .headers = &request_.headers,
                .parts = &parts_};
    }

    MeshProxy::State& state_;
    DoorPtr door_;
    WorkloadPtr source_;
    RouteTablePtr table_;
    net::Request request_;
    const Time began_;

    std::string method_;  // the request itself goes with its last try
    std::string authority_;
    Authority parts_;
    std::string target_;
    std::string_view path_, query_;  // of target_

    // What was decided.
    GatewayListenerPtr listener_;
    Routing routing_;
    const Route* route_ = nullptr;
    const Destination* destination_ = nullptr;
    Upstream upstream_;
    std::shared_ptr<ClusterMemory> memory_;  // where its policy needs one
    HashKey key_;
    std::optional<Endpoint> passthrough_;
    ServiceNames names_ = {};
    std::optional<Time> due_;
    RetryPolicy retries_;
    int attempts_ = 1;
    bool is_faulted_ = false;
    std::string origin_;  // to which the answer may be shown

    // The present try.
    const Endpoint* endpoint_ = nullptr;
    bool is_trying_ = false;
    bool has_arrived_ = false;
    Time try_began_{};
    std::optional<ClusterMemory::Place> place_, retry_place_;
    std::vector<std::uint64_t> tried_;

    // For the count.
    WorkloadPtr reached_ = outside();
    bool is_grpc_ = false;
    std::optional<int> grpc_status_;
    std::uint64_t request_head_bytes_ = 0;
    std::uint64_t request_body_bytes_ = 0;
    std::shared_ptr<std::uint64_t> streamed_bytes_;  // of a streamed request, counted as it comes
    std::uint64_t response_bytes_ = 0;
    int status_ = 0;
    Flag flags_ = Flag::none;
    bool is_counted_ = false;
    // For the tap, while it is on: as they came.
    std::optional<net::Headers> tapped_headers_;
    int tries_made_ = 0;
};

}  // namespace sluice::mesh
