// The mesh's route compiler, and a request that is matched. Input: the request's path, its
// authority, then a VirtualService as JSON.
#include "fuzz/fuzz.hpp"
#include "istio/validation.hpp"
#include "lab/mesh/consistent_hash.hpp"
#include "lab/mesh/cors.hpp"
#include "lab/mesh/delegation.hpp"
#include "lab/mesh/fault.hpp"
#include "lab/mesh/redirect.hpp"
#include "lab/mesh/route.hpp"
#include "lab/mesh/sni.hpp"
#include "lab/mesh/table_builder.hpp"
#include "lab/mesh/unbuilt.hpp"

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
    static_cast<void>(table.connection_from_sidecar(caller, head));
    if (routing.kind != mesh::Routing::Kind::route) return;
    must(routing.route != nullptr && routing.match != nullptr, "a route that was found is there");
    must(routing.route->weights.size() == routing.route->destinations.size(),
         "each destination has its weight");
    static_cast<void>(
        mesh::rewritten(routing.route->rewrite, *routing.match, head.path, head.query));
    routing.route->for_request.apply(headers);
    if (const auto* redirect = routing.route->redirect.get())
        must(!mesh::location_of(*redirect, head, *routing.match, 80).empty(),
             "a redirect leads somewhere");
    if (const auto* fault = routing.route->fault.get())
        must(fault->delay_share <= 1 && fault->abort_share <= 1, "a share is a share");
    if (const auto* cors = routing.route->cors.get()) static_cast<void>(cors->allows(authority));
    for (const auto& mirror : routing.route->mirrors)
        must(mirror.share > 0 && mirror.share <= 1, "a mirror's share is a share");
    for (const auto& destination : routing.route->destinations) {
        destination.for_request.apply(headers);
        const auto upstream = table.upstream(destination, "test", 80);
        if (upstream.policy == nullptr || !upstream.policy->hash) continue;
        SeededRandom random(1);
        const auto key = mesh::key_of(*upstream.policy->hash, head, authority, random);
        // A table of millions of places takes longer than a fuzzer has.
        if (key.key && upstream.policy->hash->size <= 4096)
            must(mesh::HashTable(*upstream.policy->hash, {"a", "b"}).member_of(*key.key) < 2,
                 "a key belongs to somebody");
    }
}

}  // namespace

void try_input(std::string_view input) {
    const auto [path, below] = first_line_of(input);
    const auto [authority, text] = first_line_of(below);
    static_cast<void>(mesh::read_client_hello(input));
    auto object = parse_json(text);
    if (!object || !object->is_object()) return;
    const kube::ObjectKey key{"test", "podinfo"};
    put(*object, {"metadata", "name"}, Json(key.name));
    put(*object, {"metadata", "namespace"}, Json(key.ns));
    static_cast<void>(istio::faults_of_destination_rule(*object));
    static_cast<void>(istio::faults_of_gateway(*object));
    static_cast<void>(mesh::unbuilt_in_destination_rule(*object));
    static_cast<void>(mesh::unbuilt_in_gateway(*object));
    static_cast<void>(istio::warnings_of_virtual_service(*object));
    static_cast<void>(istio::warnings_of_destination_rule(*object));
    static_cast<void>(istio::warnings_of_gateway(*object));
    // It may name itself.
    static_cast<void>(mesh::with_delegates(
        *object, [&](const kube::ObjectKey&) -> const Json* { return &*object; }));
    for (const auto& fault : istio::faults_of_virtual_service(*object))
        must(fault.field.starts_with("spec") && !fault.text.empty(), "a refusal says what and why");

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
