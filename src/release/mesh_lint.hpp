// The looks of lint.hpp, by the kind of object. What is missing is only said where the scene knows
// that it is.
#pragma once

#include "api/canary.hpp"
#include "release/findings.hpp"
#include "release/mesh_scene.hpp"

namespace sluice::release {

// Where a VirtualService sends requests, or copies of them.
struct Destination {
    std::string field;            // "spec.http[0].route[1].destination"
    const Json* value = nullptr;  // an object, of the VirtualService
    bool is_mirror = false;
};
std::vector<Destination> destinations_of(const Json& virtual_service);

// What the admission webhook would refuse, or warn of (IST0106, IST0130, IST0131, IST0133), and
// what is deprecated (IST0002).
void look_at_admission(Findings& findings, const Json& object);
void look_at_annotations(Findings& findings, const Json& object);

void look_at_virtual_service(Findings& findings, const Json& object, const Scene& scene);
void look_at_destination_rule(Findings& findings, const Json& object, const Scene& scene);
void look_at_gateway(Findings& findings, const Json& object, const Scene& scene);
void look_at_service(Findings& findings, const Json& object, const Scene& scene);
void look_at_workload(Findings& findings, const Json& object, const Scene& scene);
void look_at_pod(Findings& findings, const Json& object, const Scene& scene);
void look_at_namespace(Findings& findings, const Json& object, const Scene& scene);
void look_at_sidecar(Findings& findings, const Json& object, const Scene& scene);
// Of security.istio.io.
void look_at_policy(Findings& findings, const Json& object, const Scene& scene);

// A Canary by itself; the mesh's objects that would be made of it (IST0106, IST0133); and between
// the objects around it.
void look_at_canary(Findings& findings, const Json& object, const LintSettings& settings);
void look_at_own_objects(Findings& findings, const Json& canary);
void look_around_canary(Findings& findings, const Json& object, const Scene& scene);

// Selectors that find both versions of a Canary's target, or only the one that rests.
void look_at_selectors(Findings& findings, const api::Canary& canary, const Scene& scene);

// Namespaces to which an object is exported (IST0101).
void look_at_exports(Findings& findings, const Json& object, const Scene& scene);
// The labels at this path select pods of the object's namespace (IST0127).
void look_at_selected(Findings& findings, const Json& object, JsonPath path, const Scene& scene);
// Whether a RequestAuthentication holds for the workload's pods.
bool checks_tokens(const Json& workload, const Scene& scene);
// Whether a PeerAuthentication lets only TLS through to the pods of this Service.
bool is_strict(const Json& service, const Scene& scene);
// IST0102 for a namespace that is outside of the mesh, IST0123 for one that is in it twice.
void look_at_injection(Findings& findings, const std::string& field, const Json& ns, Level outside);

}  // namespace sluice::release
