#include "lab/mesh/route.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/cors.hpp"
#include "lab/mesh/fault.hpp"
#include "lab/mesh/names.hpp"
#include "lab/mesh/redirect.hpp"

#include <boost/json.hpp>
#include <re2/re2.h>

#include <algorithm>
#include <tuple>

namespace sluice::mesh {

namespace {

std::shared_ptr<const re2::RE2> compile_regex(std::string_view text) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    return std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
}

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

bool starts_with(std::string_view text, std::string_view prefix, bool ignore_case) {
    if (text.size() < prefix.size()) return false;
    return ignore_case ? equals_ignoring_case(text.substr(0, prefix.size()), prefix)
                       : text.starts_with(prefix);
}

std::optional<TextMatch> match_at(const Json& entry, std::string_view field, bool ignore_case) {
    const auto* value = find(entry, {field});
    if (value == nullptr || !value->is_object()) return std::nullopt;
    return TextMatch::of(*value, ignore_case);
}

std::vector<NamedMatch> named_matches(const Json& entry, std::string_view field) {
    std::vector<NamedMatch> matches;
    for (const auto& [name, value] : object_at(entry, {field}))
        matches.push_back({std::string(name), TextMatch::of(value)});
    return matches;
}

// The pseudo-headers have fields of their own; a header match of that name says nothing.
bool is_ignored_header(const NamedMatch& match) {
    return match.name == "uri" || match.name == "scheme" || match.name == "method" ||
           match.name == "authority";
}

std::optional<Subnet> subnet_of(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = parse_ipv4(text.substr(0, slash));
    const auto bits = slash == std::string_view::npos ? std::optional<std::int64_t>(32)
                                                      : parse_integer(text.substr(slash + 1));
    if (!address || !bits || *bits < 0 || *bits > 32) return std::nullopt;
    const auto mask = *bits == 0 ? 0U : ~std::uint32_t{0} << static_cast<unsigned>(32 - *bits);
    return Subnet{*address & mask, mask};
}

RouteMatch compile_match(const Json& entry, std::string_view ns) {
    RouteMatch match;
    match.uri = match_at(entry, "uri", bool_at(entry, {"ignoreUriCase"}).value_or(false));
    match.scheme = match_at(entry, "scheme", false);
    match.method = match_at(entry, "method", false);
    match.authority = match_at(entry, "authority", false);
    match.headers = named_matches(entry, "headers");
    match.without_headers = named_matches(entry, "withoutHeaders");
    std::erase_if(match.headers, is_ignored_header);
    std::erase_if(match.without_headers, is_ignored_header);
    match.query = named_matches(entry, "queryParams");
    if (const auto port = integer_at(entry, {"port"}); port && *port > 0)
        match.port = static_cast<std::uint16_t>(*port);
    for (const auto& gateway : array_at(entry, {"gateways"})) {
        if (gateway.is_string()) match.gateways.push_back(gateway_name(gateway.get_string(), ns));
    }
    match.source_labels = labels_of(object_at(entry, {"sourceLabels"}));
    match.source_ns = text_at(entry, {"sourceNamespace"});
    for (const auto& subnet : array_at(entry, {"destinationSubnets"})) {
        if (const auto parsed = subnet.is_string() ? subnet_of(subnet.get_string()) : std::nullopt)
            match.subnets.push_back(*parsed);
    }
    for (const auto& host : array_at(entry, {"sniHosts"})) {
        if (host.is_string()) match.sni_hosts.push_back(lower_case(host.get_string()));
    }
    return match;
}

bool is_host(std::string_view header) {
    return equals_ignoring_case(header, "host") || header == ":authority";
}

HeaderOperations compile_headers(const Json& operations, std::string* authority) {
    HeaderOperations compiled;
    for (const auto& name : array_at(operations, {"remove"})) {
        if (name.is_string() && !is_host(name.get_string()) && !name.get_string().starts_with(':'))
            compiled.remove.emplace_back(name.get_string());
    }
    for (const auto field : {"set", "add"}) {
        auto& into = std::string_view(field) == "set" ? compiled.set : compiled.add;
        for (const auto& [name, value] : object_at(operations, {field})) {
            if (!value.is_string()) continue;
            if (is_host(name)) {
                if (authority != nullptr) *authority = value.get_string();
            } else if (!name.starts_with(':')) {
                into.emplace_back(std::string(name), std::string(value.get_string()));
            }
        }
        std::sort(into.begin(), into.end());
    }
    std::sort(compiled.remove.begin(), compiled.remove.end());
    return compiled;
}

Destination compile_destination(const Json& entry, std::string_view ns) {
    Destination destination;
    destination.host = full_name(text_at(entry, {"destination", "host"}), ns);
    destination.subset = text_at(entry, {"destination", "subset"});
    if (const auto port = integer_at(entry, {"destination", "port", "number"}); port && *port > 0)
        destination.port = static_cast<std::uint16_t>(*port);
    destination.weight = static_cast<int>(integer_at(entry, {"weight"}).value_or(0));
    destination.for_request =
        compile_headers(object_at(entry, {"headers", "request"}), &destination.authority);
    destination.for_response = compile_headers(object_at(entry, {"headers", "response"}), nullptr);
    return destination;
}

// `percentage` is {"value": 10}; absent it is 100 %, and 0 means no copies.
std::vector<Mirror> compile_mirrors(const Json& route, std::string_view ns) {
    std::vector<Mirror> mirrors;
    const auto add = [&](const Json& destination, double percent) {
        if (percent <= 0) return;
        Mirror mirror{{}, std::min(percent, 100.0) / 100};
        mirror.destination = compile_destination(JsonObject{{"destination", destination}}, ns);
        mirrors.push_back(std::move(mirror));
    };
    const auto percent_of = [](const Json* percentage) -> double {
        return percentage == nullptr || percentage->is_null()
                   ? 100
                   : number_at(*percentage, {"value"}).value_or(0);
    };
    if (const auto* mirror = find(route, {"mirror"}); mirror != nullptr && mirror->is_object()) {
        auto percent = percent_of(find(route, {"mirrorPercentage"}));
        if (find(route, {"mirrorPercentage"}) == nullptr) {
            percent = number_at(route, {"mirrorPercent"}).value_or(percent);
            percent = number_at(route, {"mirror_percent"}).value_or(percent);
        }
        add(*mirror, percent);
    }
    for (const auto& mirror : array_at(route, {"mirrors"})) {
        if (const auto* destination = find(mirror, {"destination"}))
            add(*destination, percent_of(find(mirror, {"percentage"})));
    }
    return mirrors;
}

std::optional<Duration> duration_at(const Json& value, JsonPath path) {
    const auto text = text_at(value, path);
    if (text.empty()) return std::nullopt;
    const auto duration = parse_duration(text);
    if (!duration || *duration <= Duration::zero()) return std::nullopt;
    return duration;
}

std::uint64_t route_id(const kube::ObjectKey& key, std::size_t index) {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto mix = [&](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
        hash = (hash ^ 0xff) * 1099511628211ULL;
    };
    mix(key.ns);
    mix(key.name);
    return (hash ^ index) * 1099511628211ULL;
}

RoutePtr compile_route(const Json& json, const kube::ObjectKey& key, std::size_t index) {
    auto route = std::make_shared<Route>();
    route->id = route_id(key, index);
    route->name = text_at(json, {"name"});
    route->shown = to_string(key) + "#" + std::to_string(index);
    for (const auto& entry : array_at(json, {"match"}))
        route->matches.push_back(compile_match(entry, key.ns));

    const auto& destinations = array_at(json, {"route"});
    for (const auto& entry : destinations) {
        auto destination = compile_destination(entry, key.ns);
        if (destinations.size() == 1) destination.weight = 1;
        if (destination.weight > 0) route->destinations.push_back(std::move(destination));
    }
    for (const auto& destination : route->destinations)
        route->weights.push_back(destination.weight);
    route->mirrors = compile_mirrors(json, key.ns);

    if (const auto* uri = find(json, {"rewrite", "uri"}); uri != nullptr && uri->is_string())
        route->rewrite.uri = std::string(uri->get_string());
    route->rewrite.authority = text_at(json, {"rewrite", "authority"});
    if (const auto regex = text_at(json, {"rewrite", "uriRegexRewrite", "match"}); !regex.empty()) {
        route->rewrite.regex = compile_regex(regex);
        route->rewrite.replacement = text_at(json, {"rewrite", "uriRegexRewrite", "rewrite"});
    }
    route->timeout = duration_at(json, {"timeout"});
    if (const auto* retries = find(json, {"retries"}); retries != nullptr && retries->is_object())
        route->retries = parse_retries(*retries);
    route->for_request =
        compile_headers(object_at(json, {"headers", "request"}), &route->authority);
    route->for_response = compile_headers(object_at(json, {"headers", "response"}), nullptr);
    const auto given = [&](std::string_view field) -> const Json* {
        const auto* value = find(json, {field});
        return value != nullptr && value->is_object() ? value : nullptr;
    };
    if (const auto* redirect = given("redirect")) route->redirect = parse_redirect(*redirect);
    if (const auto* direct = given("directResponse"))
        route->direct_response = parse_direct_response(*direct);
    if (const auto* fault = given("fault")) route->fault = parse_fault(*fault);
    if (const auto* cors = given("corsPolicy")) route->cors = parse_cors(*cors);
    return route;
}

}  // namespace

const RouteMatch Route::everything{};

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    for (const auto part : split(query, '&')) {
        const auto equals = part.find('=');
        if (percent_decoded(part.substr(0, equals), {.plus_is_blank = true}) != name) continue;
        if (equals == std::string_view::npos) return std::string();
        return percent_decoded(part.substr(equals + 1), {.plus_is_blank = true});
    }
    return std::nullopt;
}

TextMatch TextMatch::of(const Json& value, bool ignore_case) {
    TextMatch match;
    match.ignore_case_ = ignore_case;
    if (!value.is_object()) return match;
    const auto is = [&](std::string_view field, Kind kind) {
        const auto* text = find(value, {field});
        if (text == nullptr || !text->is_string()) return false;
        match.kind_ = kind;
        match.text_ = text->get_string();
        return true;
    };
    if (is("exact", Kind::exact) || is("prefix", Kind::prefix)) return match;
    if (is("regex", Kind::regex)) {
        // "*" is no regular expression; people write it for "is there".
        if (match.text_ == "*")
            match.kind_ = Kind::present;
        else
            match.regex_ = compile_regex(match.text_);
    }
    return match;
}

TextMatch TextMatch::segments(std::string_view prefix) {
    TextMatch match;
    match.kind_ = Kind::segments;
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    match.text_ = prefix;
    return match;
}

bool TextMatch::is_valid() const {
    return regex_ == nullptr || regex_->ok();
}

bool TextMatch::matches(std::string_view text) const {
    switch (kind_) {
        case Kind::present:
            return true;
        case Kind::exact:
            return ignore_case_ ? equals_ignoring_case(text, text_) : text == text_;
        case Kind::prefix:
            return starts_with(text, text_, ignore_case_);
        case Kind::segments:
            return text.starts_with(text_) &&
                   (text.size() == text_.size() || text[text_.size()] == '/');
        case Kind::regex:
            return regex_->ok() && re2::RE2::FullMatch(piece(text), *regex_);
    }
    return false;
}

bool RouteMatch::holds(const RequestHead& request, const Caller& caller) const {
    if (port && *port != caller.port) return false;
    const bool at_gateway = caller.gateways != nullptr;
    if (!gateways.empty()) {
        const auto named = [&](const std::string& gateway) {
            if (!at_gateway) return gateway == "mesh";
            return std::find(caller.gateways->begin(), caller.gateways->end(), gateway) !=
                   caller.gateways->end();
        };
        if (std::none_of(gateways.begin(), gateways.end(), named)) return false;
    } else if (!source_labels.empty() || !source_ns.empty()) {
        if (at_gateway || caller.workload == nullptr) return false;
        if (!source_ns.empty() && caller.workload->ns != source_ns) return false;
        if (!has_labels(caller.workload->labels, source_labels)) return false;
    }
    if (!subnets.empty()) {
        const auto& address = request.address;
        const auto has = [&](const Subnet& subnet) { return address && subnet.has(*address); };
        if (std::none_of(subnets.begin(), subnets.end(), has)) return false;
    }
    if (!sni_hosts.empty()) {
        const auto asks_for = [&](const std::string& host) {
            return covers(host, request.authority);
        };
        if (std::none_of(sni_hosts.begin(), sni_hosts.end(), asks_for)) return false;
    }
    if (uri && !uri->matches(request.path)) return false;
    if (scheme && !scheme->matches(request.scheme)) return false;
    if (method && !method->matches(request.method)) return false;
    if (authority && !authority->matches(request.authority)) return false;
    for (const auto& wanted : headers) {
        const auto value =
            request.headers == nullptr ? std::nullopt : request.headers->get(wanted.name);
        if (!value || !wanted.match.matches(*value)) return false;
    }
    for (const auto& unwanted : without_headers) {
        const auto value =
            request.headers == nullptr ? std::nullopt : request.headers->get(unwanted.name);
        // A missing header counts as an empty one, save where its presence is asked.
        if (unwanted.match.kind() == TextMatch::Kind::present) {
            if (value) return false;
        } else if (unwanted.match.matches(value.value_or(std::string_view()))) {
            return false;
        }
    }
    for (const auto& wanted : query) {
        const auto value = query_value(request.query, wanted.name);
        if (!value || !wanted.match.matches(*value)) return false;
    }
    return true;
}

bool RouteMatch::is_catch_all() const {
    if (!headers.empty() || !without_headers.empty() || !query.empty() || scheme || method ||
        authority)
        return false;
    if (!uri) return true;
    return (uri->kind() == TextMatch::Kind::prefix && uri->text() == "/") ||
           (uri->kind() == TextMatch::Kind::regex && (uri->text() == ".*" || uri->text() == "*"));
}

void HeaderOperations::apply(net::Headers& headers) const {
    for (const auto& name : remove) headers.erase(name);
    for (const auto& [name, value] : set) headers.set(name, value);
    for (const auto& [name, value] : add) headers.add(name, value);
}

const RouteMatch* Route::holding(const RequestHead& request, const Caller& caller) const {
    if (matches.empty()) return &everything;
    for (const auto& match : matches) {
        if (match.holds(request, caller)) return &match;
    }
    return nullptr;
}

bool Route::is_catch_all() const {
    return matches.empty() ||
           std::any_of(matches.begin(), matches.end(), [](const RouteMatch& match) {
               return match.is_catch_all();
           });
}

std::optional<std::string> rewritten(const Rewrite& rewrite,
                                     const RouteMatch& match,
                                     std::string_view path,
                                     std::string_view query) {
    std::string result;
    if (rewrite.regex != nullptr) {
        if (!rewrite.regex->ok()) return std::nullopt;
        result = path;
        re2::RE2::GlobalReplace(&result, *rewrite.regex, rewrite.replacement);
    } else if (rewrite.uri) {
        // What is replaced is what was matched; without a match that is the "/" of every path.
        std::size_t replaced = 1;
        if (rewrite.replaces_all) {
            replaced = path.size();
        } else if (match.uri) {
            switch (match.uri->kind()) {
                case TextMatch::Kind::prefix:
                case TextMatch::Kind::segments:
                    replaced = match.uri->text().size();
                    break;
                case TextMatch::Kind::exact:
                case TextMatch::Kind::regex:
                    replaced = path.size();
                    break;
                case TextMatch::Kind::present:
                    break;
            }
        }
        result = *rewrite.uri;
        const auto rest = path.substr(std::min(replaced, path.size()));
        if (match.uri && match.uri->kind() == TextMatch::Kind::segments) {
            // The slash between both is one.
            if (rest.starts_with('/') && result.ends_with('/')) result.pop_back();
        }
        result += rest;
        if (result.empty()) result = "/";
    } else {
        return std::nullopt;
    }
    if (!query.empty()) result.append("?").append(query);
    return result;
}

RetryPolicy parse_retries(const Json& retries) {
    RetryPolicy policy;
    policy.attempts = static_cast<int>(integer_at(retries, {"attempts"}).value_or(2));
    policy.per_try_timeout = duration_at(retries, {"perTryTimeout"});
    if (const auto backoff = duration_at(retries, {"backoff"})) policy.backoff = *backoff;
    const auto conditions = text_at(retries, {"retryOn"});
    if (conditions.empty()) return policy;

    policy.on_connect_failure = policy.on_grpc_unavailable = policy.on_grpc_cancelled = false;
    for (const auto token : split(conditions, ',')) {
        if (token == "5xx") policy.on_5xx = true;
        if (token == "gateway-error") policy.on_gateway_error = true;
        if (token == "reset") policy.on_reset = true;
        if (token == "reset-before-request") policy.on_reset_before_request = true;
        if (token == "connect-failure") policy.on_connect_failure = true;
        if (token == "retriable-4xx") policy.on_retriable_4xx = true;
        if (token == "cancelled") policy.on_grpc_cancelled = true;
        if (token == "deadline-exceeded") policy.on_grpc_deadline_exceeded = true;
        if (token == "internal") policy.on_grpc_internal = true;
        if (token == "resource-exhausted") policy.on_grpc_resource_exhausted = true;
        if (token == "unavailable") policy.on_grpc_unavailable = true;
        if (const auto code = parse_integer(token))
            policy.on_status.push_back(static_cast<int>(*code));
    }
    return policy;
}

bool is_retriable(const RetryPolicy& policy, const TryOutcome& outcome) {
    switch (outcome.end) {
        case TryEnd::connect_failure:
            return policy.on_connect_failure || policy.on_5xx || policy.on_reset;
        case TryEnd::reset:
            return policy.on_reset || policy.on_5xx;
        case TryEnd::timed_out:
            return policy.on_5xx || policy.on_gateway_error || policy.on_reset;
        case TryEnd::nobody_ready:
        case TryEnd::overflow:
            return false;
        case TryEnd::answered:
            break;
    }
    const int status = outcome.status;
    if (policy.on_5xx && status >= 500) return true;
    if (policy.on_gateway_error && status >= 502 && status <= 504) return true;
    if (policy.on_retriable_4xx && status == 409) return true;
    if (std::find(policy.on_status.begin(), policy.on_status.end(), status) !=
        policy.on_status.end())
        return true;
    if (!outcome.grpc_status) return false;
    switch (*outcome.grpc_status) {
        case 1:
            return policy.on_grpc_cancelled;
        case 4:
            return policy.on_grpc_deadline_exceeded;
        case 8:
            return policy.on_grpc_resource_exhausted;
        case 13:
            return policy.on_grpc_internal;
        case 14:
            return policy.on_grpc_unavailable;
        default:
            return false;
    }
}

bool is_exported_to(const std::vector<std::string>& export_to,
                    std::string_view own,
                    std::string_view ns) {
    if (export_to.empty()) return true;
    return std::any_of(export_to.begin(), export_to.end(), [&](const std::string& entry) {
        return entry == "*" || (entry == "." ? own == ns : entry == ns);
    });
}

bool VirtualService::is_for_mesh() const {
    return std::find(gateways.begin(), gateways.end(), "mesh") != gateways.end();
}

bool VirtualService::is_visible_in(std::string_view ns) const {
    return is_exported_to(export_to, key.ns, ns);
}

bool VirtualService::operator<(const VirtualService& other) const {
    return std::tie(created, key.name, key.ns) <
           std::tie(other.created, other.key.name, other.key.ns);
}

VirtualServicePtr compile_virtual_service(const Json& object) {
    auto compiled = std::make_shared<VirtualService>();
    compiled->key = kube::key_of(object);
    compiled->created = text_at(object, {"metadata", "creationTimestamp"});
    for (const auto& host : array_at(object, {"spec", "hosts"})) {
        if (host.is_string())
            compiled->hosts.push_back(full_name(host.get_string(), compiled->key.ns));
    }
    for (const auto& gateway : array_at(object, {"spec", "gateways"})) {
        if (gateway.is_string())
            compiled->gateways.push_back(gateway_name(gateway.get_string(), compiled->key.ns));
    }
    if (compiled->gateways.empty()) compiled->gateways.emplace_back("mesh");
    for (const auto& entry : array_at(object, {"spec", "exportTo"})) {
        if (entry.is_string()) compiled->export_to.emplace_back(entry.get_string());
    }
    std::size_t index = 0;
    for (const auto& route : array_at(object, {"spec", "http"}))
        compiled->routes.push_back(compile_route(route, compiled->key, index++));
    for (const auto& route : array_at(object, {"spec", "tcp"}))
        compiled->tcp.push_back(compile_route(route, compiled->key, index++));
    for (const auto& route : array_at(object, {"spec", "tls"}))
        compiled->tls.push_back(compile_route(route, compiled->key, index++));
    return compiled;
}

}  // namespace sluice::mesh
