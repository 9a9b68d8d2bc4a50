#include "lab/mesh/proxy.hpp"

#include "base/core/text.hpp"
#include "lab/mesh/connections.hpp"
#include "lab/mesh/exchange.hpp"
#include "lab/mesh/tap.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace sluice::mesh {

namespace {

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

std::optional<net::Response> Exchange::begin() {
    request_head_bytes_ =
        request_.method.size() + request_.target.size() + 12 + size_of(request_.headers);
    request_body_bytes_ = request_.body.size();
    method_ = request_.method;
    if (state_.options.tap != nullptr && state_.options.tap->is_on()) {
        tapped_headers_ = request_.headers;
    }
    if (request_.method == "CONNECT") return refuse(no_tunnels);
    if (!read_target()) return refuse(malformed);
    if (const auto type = request_.headers.get("content-type"))
        is_grpc_ = type->starts_with("application/grpc");
    if (!find_route()) return refuse(not_found);
    if (route_ != nullptr) {
        if (auto answer = answer_at_once()) return answer;
    }
    return has_fault() ? std::nullopt : aim();
}

// Chooses whom to ask, and makes ready what is asked.
std::optional<net::Response> Exchange::aim() {
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

// By which route it goes; false when the gateway is gone.
bool Exchange::find_route() {
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
            if (listener_ == nullptr) return false;
            source_ = listener_->workload;
            routing_ = table_->at_gateway(*listener_, head());
            break;
        case Door::Kind::sidecar:
            names_.host = authority_;
            routing_ = table_->from_sidecar(*source_, head());
            break;
        case Door::Kind::outside:
            routing_ = table_->from_outside(head());
            break;
    }
    route_ = routing_.kind == Routing::Kind::route ? routing_.route : nullptr;
    return true;
}

// Decides who is asked; a refusal when it is nobody.
std::optional<Refusal> Exchange::choose() {
    const auto& routing = routing_;
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
                // Nothing is left of it: NGINX gives up, and others ask for the root.
                if (path->empty() || path->front() == '?') {
                    if (route_->ingress != nullptr) return Refusal{500};
                    path->insert(0, "/");
                }
                request_.headers.set("x-envoy-original-path", target_);
                request_.target = std::move(*path);
            }
            // A request that a fault has met is neither bounded nor tried again.
            if (is_faulted_) {
                retries_.attempts = 0;
                break;
            }
            retries_ = route_->retries;
            if (route_->timeout) due_ = began_ + *route_->timeout;
            break;
        }
    }
    if (upstream_.policy != nullptr) {
        memory_ = state_.memory_of(upstream_, *source_);
        if (upstream_.policy->hash)
            key_ = key_of(*upstream_.policy->hash, head(), request_.peer, state_.random);
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
    if (request.method == "CONNECT" && door->kind == Door::Kind::sidecar &&
        state_->tunnels != nullptr)
        co_return co_await state_->tunnels->tunnel(std::move(door), std::move(request.target));
    const auto exchange = std::make_shared<Exchange>(*state_, std::move(door), std::move(request));
    if (auto answer = exchange->begin()) co_return std::move(*answer);
    if (exchange->has_fault()) {
        if (auto answer = co_await exchange->suffer_fault()) co_return std::move(*answer);
    }
    if (exchange->is_mirrored()) exchange->mirror(co_await boost::asio::this_coro::executor);
    co_return co_await exchange->attempt_all();
}

Task<> MeshProxy::stop() {
    return state_->mirroring.stop();
}

}  // namespace sluice::mesh
