// The compilers of the ways in beside Istio's, and a request that is matched. Input: the request's
// path, its authority, then an HTTPRoute, a Gateway or an Ingress as JSON.
#include "fuzz/fuzz.hpp"
#include "lab/mesh/gateway_api.hpp"
#include "lab/mesh/nginx_ingress.hpp"

namespace sluice::fuzz {
namespace {

// Nobody gets a share of nothing, and somebody answers.
void ask(const mesh::GatewayListener& listener,
         std::string_view target,
         std::string_view authority) {
    net::Headers headers{{"Host", std::string(authority)}, {"x-test", "1"}, {"cookie", "a=always"}};
    const auto question = target.find('?');
    const mesh::RequestHead head{
        .authority = authority,
        .path = target.substr(0, question),
        .query = question == std::string_view::npos ? "" : target.substr(question + 1),
        .headers = &headers};
    const mesh::RouteTable table;
    const auto routing = table.at_gateway(listener, head);
    if (routing.kind != mesh::Routing::Kind::route) return;
    must(routing.route != nullptr && routing.match != nullptr, "a route that was found is there");
    const auto& route = *routing.route;
    must(!route.destinations.empty(), "a rule has somewhere to go");
    must(route.weights.size() == route.destinations.size(), "each destination has its weight");
    for (const auto weight : route.weights) must(weight > 0, "who has no weight is no destination");
    for (const auto& mirror : route.mirrors)
        must(mirror.share > 0 && mirror.share <= 1, "a mirror's share is a share");
    static_cast<void>(mesh::rewritten(route.rewrite, *routing.match, head.path, head.query));
    route.for_request.apply(headers);
    for (const auto& destination : route.destinations) destination.for_request.apply(headers);
}

}  // namespace

void try_input(std::string_view input) {
    const auto [path, below] = first_line_of(input);
    const auto [authority, text] = first_line_of(below);
    auto object = parse_json(text);
    if (!object || !object->is_object()) return;
    put(*object, {"metadata", "name"}, Json("podinfo"));
    put(*object, {"metadata", "namespace"}, Json("test"));

    const auto route = std::make_shared<const mesh::HttpRoute>(mesh::compile_http_route(
        *object, [](const mesh::BackendRef& backend) { return backend.ns == "test"; }));
    const auto gateway = mesh::compile_entry_gateway(*object);
    mesh::GatewayListener listener;
    listener.workload = mesh::outside();
    mesh::EntryRoutes entry{{"*"}, {{"*", {"*"}, route}}};
    for (const auto& parent : route->parents) {
        const auto outcome = mesh::attach(*route, parent, &gateway, {});
        must(outcome.accepted.status != outcome.attachments.empty(),
             "a route is attached where it is accepted");
        for (const auto& attachment : outcome.attachments)
            entry.attached.push_back({"*", attachment.hosts, route});
    }
    mesh::put_domains(listener, entry);
    ask(listener, path, authority);

    auto main = mesh::compile_ingress(
        *object, [](const auto&, std::string_view) { return std::optional<std::uint16_t>(80); });
    auto canary = main;
    canary.key.name = "canary";
    for (auto& location : canary.locations) location.service += "-canary";
    main.canary.reset();
    mesh::GatewayListener ingresses;
    ingresses.workload = mesh::outside();
    static_cast<void>(mesh::put_ingresses(ingresses, {main, canary}));
    ask(ingresses, path, authority);
}

}  // namespace sluice::fuzz
