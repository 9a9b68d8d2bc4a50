// One VirtualService as the proxy reads it: compiled once, asked for every request, shared between
// threads.
#pragma once

#include "base/async/random.hpp"
#include "base/core/json.hpp"
#include "kube/resource.hpp"
#include "lab/mesh/names.hpp"
#include "lab/mesh/workload.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace re2 {
class RE2;
}

namespace sluice::mesh {

struct CorsPolicy;
struct DirectResponse;
struct FaultInjection;
struct Redirect;

// What routing reads of a request. Views into the request, which stays.
struct RequestHead {
    std::string_view method = "GET";
    std::string_view scheme = "http";
    std::string_view authority = {};  // as sent
    std::string_view path = "/";      // without the query
    std::string_view query = {};
    const net::Headers* headers = nullptr;
    // Of a connection that is no HTTP: where it was meant to go, when that is known. Its authority
    // is the name that TLS asks for.
    std::optional<std::uint32_t> address = std::nullopt;
    // The authority's parts, where somebody has them already.
    const Authority* parts = nullptr;
};

// Through which proxy a request comes: a sidecar (no gateways) or a gateway.
struct Caller {
    const Workload* workload = nullptr;
    // The Gateway objects ("ns/name") of the listener; empty for a sidecar.
    const std::vector<std::string>* gateways = nullptr;
    // The port asked for: of the service, or of the Gateway's server.
    std::uint16_t port = 80;
};

// exact, prefix, regex or present, of one text; segments is the prefix of a path in whole segments:
// "/a" and "/a/" hold for "/a" and "/a/b", and not for "/ab".
class TextMatch {
   public:
    enum class Kind { present, exact, prefix, segments, regex };

    // An empty object is `present`. Regular expressions are RE2 and match the whole text; one that
    // is no RE2 expression matches nothing.
    static TextMatch of(const Json& value, bool ignore_case = false);
    static TextMatch segments(std::string_view prefix);
    bool matches(std::string_view text) const;
    // False for a regular expression that is none.
    bool is_valid() const;
    Kind kind() const { return kind_; }
    const std::string& text() const { return text_; }

   private:
    Kind kind_ = Kind::present;
    bool ignore_case_ = false;
    std::string text_;
    std::shared_ptr<const re2::RE2> regex_;
};

struct NamedMatch {
    std::string name;
    TextMatch match;
};

// "10.0.0.0/8", or one address.
struct Subnet {
    std::uint32_t address = 0, mask = 0;

    bool has(std::uint32_t other) const { return (other & mask) == address; }
};

// One entry of `match`: all of it must hold.
struct RouteMatch {
    std::optional<TextMatch> uri, scheme, method, authority;
    std::vector<NamedMatch> headers, without_headers, query;
    std::optional<std::uint16_t> port;
    std::vector<std::string> gateways;  // "ns/name" or "mesh"
    Labels source_labels;
    std::string source_ns;
    // Of TCP and TLS routes.
    std::vector<Subnet> subnets;
    std::vector<std::string> sni_hosts;

    bool holds(const RequestHead& request, const Caller& caller) const;
    bool is_catch_all() const;
};

struct HeaderOperations {
    std::vector<std::string> remove;
    std::vector<net::Headers::Field> set, add;
    bool empty() const { return remove.empty() && set.empty() && add.empty(); }
    // Removals, then set, then add.
    void apply(net::Headers& headers) const;
};

struct Destination {
    std::string host;  // full name
    std::string subset;
    std::optional<std::uint16_t> port;
    int weight = 0;
    HeaderOperations for_request, for_response;
    // What `headers.request.set` says of Host.
    std::string authority;
    // Of an Ingress' canary: how NGINX's metrics name it.
    std::string alternative = {};
};

struct RetryPolicy {
    int attempts = 2;
    std::optional<Duration> per_try_timeout = std::nullopt;
    Duration backoff = std::chrono::milliseconds{25};
    // Conditions, by the names of retryOn.
    bool on_5xx = false, on_gateway_error = false, on_reset = false,
         on_reset_before_request = false, on_connect_failure = true, on_retriable_4xx = false;
    std::vector<int> on_status = {};
    bool on_grpc_unavailable = true, on_grpc_cancelled = true, on_grpc_deadline_exceeded = false,
         on_grpc_internal = false, on_grpc_resource_exhausted = false;
};

// How one try ended, as far as retrying asks.
enum class TryEnd { answered, connect_failure, reset, timed_out, nobody_ready, overflow };
struct TryOutcome {
    TryEnd end = TryEnd::answered;
    int status = 0;  // when answered
    std::optional<int> grpc_status = std::nullopt;
};
bool is_retriable(const RetryPolicy& policy, const TryOutcome& outcome);

struct Rewrite {
    std::optional<std::string> uri;
    std::string authority;
    // `uri` stands for the whole path, and not only for what was matched.
    bool replaces_all = false;
    std::shared_ptr<const re2::RE2> regex;
    std::string replacement;
};

// Who gets a copy of a share of the requests, for nobody to read its answer.
struct Mirror {
    Destination destination;
    double share = 1;  // above 0, at most 1
};

// How NGINX's metrics name a place of an Ingress.
struct IngressNames {
    std::string ns, ingress, service, host, path;
};

struct Route {
    // The same for the same place of the same VirtualService, whatever its weights.
    std::uint64_t id = 0;
    std::string name;
    std::string shown;                // "test/podinfo#0"; empty for what is no VirtualService's
    std::vector<RouteMatch> matches;  // none: everything
    // Those that get requests: without weight 0, unless there is only one.
    std::vector<Destination> destinations;
    std::vector<int> weights;
    std::vector<Mirror> mirrors;
    Rewrite rewrite;
    std::optional<Duration> timeout;
    RetryPolicy retries;
    HeaderOperations for_request, for_response;
    std::string authority;
    // What is answered where there is no such Service: Istio's 503, the Gateway API's 500.
    int status_without_backend = 503;
    // Of an Ingress; else null.
    std::shared_ptr<const IngressNames> ingress = nullptr;
    // What few routes have (redirect.hpp, fault.hpp, cors.hpp); null without.
    std::shared_ptr<const Redirect> redirect;
    std::shared_ptr<const DirectResponse> direct_response;
    std::shared_ptr<const FaultInjection> fault;
    std::shared_ptr<const CorsPolicy> cors;

    // The entry that holds, or null; `everything` when the route has none.
    const RouteMatch* holding(const RequestHead& request, const Caller& caller) const;
    bool is_catch_all() const;
    static const RouteMatch everything;
};
using RoutePtr = std::shared_ptr<const Route>;

// The path (with its query) after the rewrite; nothing when the route has none.
std::optional<std::string> rewritten(const Rewrite& rewrite,
                                     const RouteMatch& match,
                                     std::string_view path,
                                     std::string_view query);

struct VirtualService {
    kube::ObjectKey key;
    std::string created;
    std::vector<std::string> hosts;      // full names
    std::vector<std::string> gateways;   // "ns/name" or "mesh"
    std::vector<std::string> export_to;  // as written; empty: everybody
    std::vector<RoutePtr> routes;
    std::vector<RoutePtr> tcp, tls;  // for connections: matches, destinations and weights only

    bool is_for_mesh() const;
    bool is_visible_in(std::string_view ns) const;
    // Oldest first; ties by name, then by namespace.
    bool operator<(const VirtualService& other) const;
};
using VirtualServicePtr = std::shared_ptr<const VirtualService>;

// Of an object that was admitted; what is wrong in one that was not is left out.
VirtualServicePtr compile_virtual_service(const Json& object);

// "*", ".", or the name of a namespace.
bool is_exported_to(const std::vector<std::string>& export_to,
                    std::string_view own,
                    std::string_view ns);

// The decoded value of the first parameter of that name; empty for "?name".
std::optional<std::string> query_value(std::string_view query, std::string_view name);

RetryPolicy parse_retries(const Json& retries);

}  // namespace sluice::mesh
