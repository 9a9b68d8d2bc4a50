// The mesh's route compiler, and a request that is matched. Input: the request's path, its
// authority, then a VirtualService as JSON.
#include "fuzz/fuzz.hpp"
#include "lab/mesh/route.hpp"
#include "lab/mesh/table_builder.hpp"
#include "lab/mesh/validation.hpp"

namespace sluice::fuzz {
namespace {

void ask(const mesh::RouteTable& table, std::string_view target, std::string_view authority) {
    const auto question = target.find('?');
    net::Headers headers{{"Host", std::string(authority)}, {"x-test", "1"}};
    const mesh::RequestHead head{
        .authority = authority,
        .path = target.substr(0, question),
        .query = question == std::string_view::npos ? "" : target.substr(question + 1),
        .headers = &headers};
    const auto caller = mesh::workload_named("web", "test", {{"app", "web"}});
    const auto routing = table.from_sidecar(caller, head);
    static_cast<void>(table.from_outside(head));
    if (routing.kind != mesh::Routing::Kind::route) return;
    must(routing.route != nullptr && routing.match != nullptr, "a route that was found is there");
    must(routing.route->weights.size() == routing.route->destinations.size(),
         "each destination has its weight");
    static_cast<void>(
        mesh::rewritten(routing.route->rewrite, *routing.match, head.path, head.query));
    routing.route->for_request.apply(headers);
    for (const auto& destination : routing.route->destinations) {
        destination.for_request.apply(headers);
        static_cast<void>(table.upstream(destination, "test", 80));
    }
}

}  // namespace

void try_input(std::string_view input) {
    const auto [path, below] = first_line_of(input);
    const auto [authority, text] = first_line_of(below);
    auto object = parse_json(text);
    if (!object || !object->is_object()) return;
    const kube::ObjectKey key{"test", "podinfo"};
    put(*object, {"metadata", "name"}, Json(key.name));
    put(*object, {"metadata", "namespace"}, Json(key.ns));
    static_cast<void>(mesh::faults_of_destination_rule(*object));
    static_cast<void>(mesh::faults_of_gateway(*object));
    const auto faults = mesh::faults_of_virtual_service(*object);
    if (!faults.empty()) must(!mesh::denial(faults).empty(), "a refusal says why");

    // What is wrong is left out, also in an object that was never admitted.
    mesh::TableBuilder builder;
    builder.virtual_service(key, &*object);
    builder.destination_rule(key, &*object);
    builder.gateway(key, &*object);
    builder.service(key, &*object);
    ask(*builder.build(), path, authority);
    builder.virtual_service(key, nullptr);
    builder.destination_rule(key, nullptr);
    builder.gateway(key, nullptr);
    builder.service(key, nullptr);
    must(builder.build()->from_outside({.authority = authority}).kind != mesh::Routing::Kind::route,
         "what is gone is gone");
}

}  // namespace sluice::fuzz
