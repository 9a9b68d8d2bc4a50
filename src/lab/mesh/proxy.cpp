#include "lab/mesh/proxy.hpp"

#include "base/async/deadline.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/proxy_state.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace sluice::mesh {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view broken_text =
    "upstream connect error or disconnect/reset before headers. reset reason: ";

// What the caller is told when no pod answered.
struct Refusal {
    int status = 404;
    Flag flags = Flag::none;
    std::string body = {};
};

const Refusal not_found{404, Flag::no_route};
const Refusal unhealthy{503, Flag::no_healthy_upstream, "no healthy upstream"};
const Refusal not_connected{
    503, Flag::upstream_failure, std::string(broken_text) + "connection failure"};
const Refusal terminated{
    503, Flag::upstream_terminated, std::string(broken_text) + "connection termination"};
const Refusal too_late{504, Flag::upstream_timeout, "upstream request timeout"};
const Refusal black_hole{502, Flag::none};
const Refusal malformed{400, Flag::none, "the request names no host"};
const Refusal no_tunnels{501, Flag::none, "CONNECT is not served: ask in absolute form"};

// Counts what a streamed request brings.
class CountedRequestBody final : public net::BodyReader {
   public:
    CountedRequestBody(std::shared_ptr<net::BodyReader> body, std::shared_ptr<std::uint64_t> bytes)
        : body_(std::move(body)), bytes_(std::move(bytes)) {}

    Task<Result<std::string>> next() override {
        auto part = co_await body_->next();
        if (part) *bytes_ += part->size();
        co_return part;
    }

   private:
    std::shared_ptr<net::BodyReader> body_;
    std::shared_ptr<std::uint64_t> bytes_;
};

bool is_loopback(std::string_view host) {
    if (host == "localhost") return true;
    const auto address = parse_ipv4(host);
    return address && *address >> 24 == 127;
}

}  // namespace

double in_milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

std::uint64_t size_of(const net::Headers& headers) {
    std::uint64_t size = 0;
    for (const auto& [name, value] : headers) size += name.size() + value.size() + 4;
    return size;
}

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
        if (!is_counted_) count(0, Flag::downstream_closed);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // The answer, when nobody needs to be asked for it.
    std::optional<net::Response> begin();
    bool is_mirrored() const { return route_ != nullptr && !route_->mirrors.empty(); }
    void mirror(Executor executor) {
        state_.mirroring.begin(
            std::move(executor), *route_, {source_, table_, asked_port_, is_grpc_}, request_);
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
    std::optional<Refusal> choose();
    std::optional<Refusal> choose_route(const Routing& routing);
    std::optional<Refusal> choose_passthrough(std::string_view host, std::uint16_t port);
    void prepare_request();
    Task<Tried> try_once(int attempt);
    net::Response hand_on(Tried tried);
    net::Response refuse(const Refusal& refusal);
    Refusal refusal_of(const Tried& tried) const;

    void begin_try(const Endpoint& endpoint);
    void end_try(int status, Flag flags);
    void count(int status, Flag flags);
    void count_at_nginx(int status);

    std::uint64_t request_bytes() const {
        return request_head_bytes_ + request_body_bytes_ +
               (streamed_bytes_ == nullptr ? 0 : *streamed_bytes_);
    }
    bool has_source_side() const { return door_->kind != Door::Kind::outside; }
    bool is_at_nginx() const {
        return listener_ != nullptr && listener_->kind == GatewayListener::Kind::nginx;
    }
    RequestHead head() const {
        return {request_.method, "http", authority_, path_, query_, &request_.headers, &parts_};
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
    const Route* route_ = nullptr;
    const Destination* destination_ = nullptr;
    Upstream upstream_;
    std::uint16_t asked_port_ = 80;
    std::optional<Endpoint> passthrough_;
    ServiceNames names_ = {};
    std::optional<Time> due_;
    RetryPolicy retries_;
    int attempts_ = 1;

    // The present try.
    const Endpoint* endpoint_ = nullptr;
    bool is_trying_ = false;
    bool has_arrived_ = false;
    Time try_began_{};
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
};

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

std::optional<net::Response> Exchange::begin() {
    request_head_bytes_ =
        request_.method.size() + request_.target.size() + 12 + size_of(request_.headers);
    request_body_bytes_ = request_.body.size();
    method_ = request_.method;
    if (request_.method == "CONNECT") return refuse(no_tunnels);
    if (!read_target()) return refuse(malformed);
    if (const auto type = request_.headers.get("content-type"))
        is_grpc_ = type->starts_with("application/grpc");
    if (const auto refused = choose()) return refuse(*refused);
    prepare_request();
    return std::nullopt;
}

// "/x?y" with a Host, or the absolute form of a proxy's client, whose host comes before the header.
bool Exchange::read_target() {
    target_ = std::move(request_.target);
    if (const auto scheme = target_.find("://"); scheme != std::string::npos && target_[0] != '/') {
        const auto begin = scheme + 3;
        const auto end = target_.find_first_of("/?", begin);
        authority_ = target_.substr(begin, end - begin);
        target_ = end == std::string::npos ? "/" : target_.substr(end);
        if (target_.starts_with('?')) target_.insert(0, "/");
    } else if (const auto host = request_.headers.get("host")) {
        authority_ = *host;
    }
    const std::string_view view = target_;
    const auto mark = view.find('?');
    path_ = view.substr(0, mark);
    query_ = mark == std::string_view::npos ? std::string_view() : view.substr(mark + 1);
    parts_ = parse_authority(authority_);
    return !authority_.empty();
}

// Decides who is asked; a refusal when it is nobody.
std::optional<Refusal> Exchange::choose() {
    if (door_->kind != Door::Kind::gateway) {
        const auto gateway = state_.gateways.find(parts_.host);
        if (gateway != state_.gateways.end()) {
            auto name = gateway->second + ":" + std::to_string(parts_.port.value_or(80));
            if (table_->listener(name) != nullptr)
                door_ = std::make_shared<const Door>(Door{Door::Kind::gateway, std::move(name)});
        }
    }
    switch (door_->kind) {
        case Door::Kind::gateway:
            listener_ = table_->listener(door_->listener);
            if (listener_ == nullptr) return not_found;
            source_ = listener_->workload;
            return choose_route(table_->at_gateway(*listener_, head()));
        case Door::Kind::sidecar:
            names_.host = authority_;
            return choose_route(table_->from_sidecar(*source_, head()));
        case Door::Kind::outside:
            return choose_route(table_->from_outside(head()));
    }
    return not_found;
}

std::optional<Refusal> Exchange::choose_route(const Routing& routing) {
    switch (routing.kind) {
        case Routing::Kind::no_route:
            return not_found;
        case Routing::Kind::passthrough:
            return choose_passthrough(parts_.host, routing.port);
        case Routing::Kind::service:
            names_ = {routing.service->host, routing.service->name, routing.service->ns};
            upstream_ = table_->upstream_of(*routing.service, source_->ns, routing.port);
            // A port that the Service does not have: there is nobody to connect to.
            if (upstream_.kind == Upstream::Kind::no_cluster) return not_connected;
            break;
        case Routing::Kind::route: {
            route_ = routing.route;
            asked_port_ = routing.port;
            if (route_->destinations.empty()) return not_found;
            destination_ = &route_->destinations[state_.choose_destination(*route_, *source_)];
            upstream_ = table_->upstream(*destination_, source_->ns, routing.port);
            if (upstream_.service != nullptr) {
                names_ = {upstream_.service->host, upstream_.service->name, upstream_.service->ns};
            } else {
                names_ = {destination_->host, "unknown", "unknown"};
            }
            if (upstream_.kind == Upstream::Kind::no_cluster)
                return Refusal{route_->status_without_backend, Flag::no_cluster};
            if (auto path = rewritten(route_->rewrite, *routing.match, path_, query_)) {
                request_.headers.set("x-envoy-original-path", target_);
                request_.target = std::move(*path);
            }
            retries_ = route_->retries;
            if (route_->timeout) due_ = began_ + *route_->timeout;
            break;
        }
    }
    if (request_.target.empty()) request_.target = target_;
    const auto& prefix = upstream_.service->path_prefix;
    if (!prefix.empty() && !request_.target.starts_with(prefix)) request_.target.insert(0, prefix);
    if (has_source_side()) attempts_ = 1 + std::max(0, retries_.attempts);
    return std::nullopt;
}

// A host that the mesh does not know: the machine's own programs may be asked, nobody else.
std::optional<Refusal> Exchange::choose_passthrough(std::string_view host, std::uint16_t port) {
    if (!is_loopback(host)) {
        names_ = {authority_, "BlackHoleCluster", "unknown"};
        return black_hole;
    }
    names_ = {authority_, "PassthroughCluster", "unknown"};
    passthrough_ =
        Endpoint{host == "localhost" ? "127.0.0.1" : std::string(host), port, 0, nullptr};
    request_.target = target_;
    if (has_source_side()) attempts_ = 1 + std::max(0, retries_.attempts);
    return std::nullopt;
}

// What every try sends: the caller's headers, ours, and those of the route.
void Exchange::prepare_request() {
    auto& headers = request_.headers;
    headers.reserve(headers.size() + 6);
    headers.erase("connection");
    headers.erase("te");
    if (const auto upgrade = headers.get("upgrade");
        upgrade && !equals_ignoring_case(*upgrade, "websocket"))
        headers.erase("upgrade");
    if (is_at_nginx()) {
        // It trusts nobody before it.
        headers.erase("x-forwarded-for");
        headers.set("x-forwarded-host", authority_);
        headers.set("x-forwarded-proto", "http");
        headers.set("x-scheme", "http");
    } else if (door_->kind == Door::Kind::gateway) {
        for (const auto name : {"x-envoy-attempt-count",
                                "x-envoy-retry-on",
                                "x-envoy-max-retries",
                                "x-envoy-upstream-rq-timeout-ms",
                                "x-envoy-upstream-rq-per-try-timeout-ms",
                                "x-envoy-internal",
                                "x-envoy-external-address"})
            headers.erase(name);
        headers.add("x-envoy-internal", "true");
    }

    const std::string_view peer(request_.peer.data(),
                                std::min(request_.peer.rfind(':'), request_.peer.size()));
    if (const auto before = headers.get("x-forwarded-for")) {
        headers.set("x-forwarded-for", std::string(*before).append(",").append(peer));
    } else if (!peer.empty()) {
        headers.add("x-forwarded-for", peer);
    }
    if (!headers.get("x-forwarded-proto")) headers.add("x-forwarded-proto", "http");
    if (!headers.get("x-request-id")) headers.add("x-request-id", state_.random.uuid());

    std::string_view host = authority_;
    if (route_ != nullptr) {
        if (!route_->rewrite.authority.empty()) host = route_->rewrite.authority;
        if (!route_->authority.empty()) host = route_->authority;
        if (!destination_->authority.empty()) host = destination_->authority;
        destination_->for_request.apply(headers);
        route_->for_request.apply(headers);
    }
    headers.set("host", host);
    if (request_.stream != nullptr) {
        streamed_bytes_ = std::make_shared<std::uint64_t>(0);
        request_.stream =
            std::make_shared<CountedRequestBody>(std::move(request_.stream), streamed_bytes_);
        // What has been sent once is not kept to be sent again.
        attempts_ = 1;
    }
    request_.short_body_in_place = true;
}

Task<net::Response> Exchange::attempt_all() {
    for (int attempt = 1;; ++attempt) {
        auto tried = co_await try_once(attempt);
        if (attempt < attempts_ && is_retriable(retries_, tried.outcome)) {
            const auto base = retries_.backoff * (1 << std::min(attempt - 1, 4));
            const auto most = std::min(base, retries_.backoff * 10);
            const auto pause = Duration(static_cast<Duration::rep>(
                static_cast<double>(most.count()) * state_.random.unit()));
            if (!due_ || state_.clock.now() + pause < *due_) {
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

Task<Exchange::Tried> Exchange::try_once(int attempt) {
    const auto* endpoint =
        passthrough_ ? &*passthrough_ : state_.choose_endpoint(upstream_, tried_);
    if (endpoint == nullptr) {
        // Nobody is ready: said as it is, without falling over to another version (DP-7).
        reached_ = outside();
        co_return Tried{{.end = TryEnd::answered, .status = -1}};
    }
    auto limit = state_.options.silence_max;
    if (retries_.per_try_timeout) limit = std::min(limit, *retries_.per_try_timeout);
    if (const auto whole = left()) limit = std::min(limit, *whole);

    const bool is_last = attempt >= attempts_;
    net::Request request = is_last ? std::move(request_) : request_;
    request.origin.host = endpoint->address;
    request.origin.port = endpoint->port;
    request.timeout = limit;
    if (!is_at_nginx()) request.headers.set("x-envoy-attempt-count", std::to_string(attempt));

    begin_try(*endpoint);
    const auto due = try_began_ + limit;
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
        co_return Tried{{.end = TryEnd::timed_out}};
    }
    if (is_connecting) {
        end_try(0, Flag::none);
        co_return Tried{{.end = TryEnd::connect_failure}};
    }
    end_try(503, Flag::upstream_terminated);
    co_return Tried{{.end = TryEnd::reset}};
}

Refusal Exchange::refusal_of(const Tried& tried) const {
    switch (tried.outcome.end) {
        case TryEnd::answered:
            return unhealthy;
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

net::Response Exchange::refuse(const Refusal& refusal) {
    flags_ = flags_ | refusal.flags;
    net::Response response{.status = refusal.status,
                           .headers = {{"server", is_at_nginx() ? "nginx" : "istio-envoy"}}};
    if (!refusal.body.empty()) response.headers.add("content-type", "text/plain");
    response.body = refusal.body;
    response_bytes_ = 15 + size_of(response.headers) + response.body.size();
    count(refusal.status, flags_);
    return response;
}

void Exchange::begin_try(const Endpoint& endpoint) {
    endpoint_ = &endpoint;
    is_trying_ = has_arrived_ = true;
    try_began_ = state_.clock.now();
    reached_ = endpoint.workload == nullptr ? outside() : endpoint.workload;
    ++state_.active[endpoint.id];
    ++state_.metrics.upstream_active;
}

// The callee's own proxy counts every try that arrived.
void Exchange::end_try(int status, Flag flags) {
    if (!std::exchange(is_trying_, false)) return;
    --state_.metrics.upstream_active;
    if (const auto active = state_.active.find(endpoint_->id);
        active != state_.active.end() && --active->second <= 0)
        state_.active.erase(active);
    if (!has_arrived_ || !reached_->in_mesh) return;
    state_.metrics.add({.reporter = Reporter::destination,
                        .source = source_,
                        .destination = reached_,
                        .service = names_,
                        .code = status,
                        .flags = flags,
                        .is_grpc = is_grpc_,
                        .grpc_status = grpc_status_,
                        .milliseconds = in_milliseconds(state_.clock.now() - try_began_),
                        .request_bytes = request_bytes(),
                        .response_bytes = response_bytes_});
}

// The caller's proxy counts the request once, as it ended.
void Exchange::count(int status, Flag flags) {
    if (std::exchange(is_counted_, true) || !has_source_side()) return;
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

NginxMetrics& MeshProxy::nginx_metrics() {
    return state_->nginx_metrics;
}

MeshProxy::MeshProxy(Clock& clock,
                     Random& random,
                     net::HttpClient& upstream,
                     IstioMetrics& metrics,
                     ProxyOptions options)
    : state_(new State{clock, random, upstream, metrics, options}) {}
MeshProxy::~MeshProxy() = default;

void MeshProxy::use(RouteTablePtr table) {
    state_->metrics.config_generation = table->generation();
    state_->table = std::move(table);
}

const RouteTablePtr& MeshProxy::table() const {
    return state_->table;
}

void MeshProxy::know_gateway(const std::string& address, const std::string& gateway) {
    state_->gateways[address] = gateway;
}

void MeshProxy::forget_gateway(const std::string& address) {
    state_->gateways.erase(address);
}

Task<net::Response> MeshProxy::serve(DoorPtr door, net::Request request) {
    const auto exchange = std::make_shared<Exchange>(*state_, std::move(door), std::move(request));
    if (auto answer = exchange->begin()) co_return std::move(*answer);
    if (exchange->is_mirrored()) exchange->mirror(co_await boost::asio::this_coro::executor);
    co_return co_await exchange->attempt_all();
}

Task<> MeshProxy::stop() {
    return state_->mirroring.stop();
}

}  // namespace sluice::mesh
