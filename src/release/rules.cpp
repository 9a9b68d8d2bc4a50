#include "release/rules.hpp"

#include <algorithm>
#include <array>

namespace sluice::release {
namespace {

// The message names the object, the path the field. A rule with two ways out names both here, and
// says at each finding which one it is.
constexpr auto all = std::to_array<Rule>({
    {"IST0002", "write the field that replaces it, and remove this one"},
    {"IST0101", "create what is named, or correct the name here"},
    {"IST0102", "label the namespace as the message says"},
    {"IST0103", "restart what owns the pods: kubectl rollout restart"},
    {"IST0106", "correct the field as the message says: until then Istio refuses the object"},
    {"IST0107", "move the annotation to an object of that kind, or remove it"},
    {"IST0108", "correct its spelling, or remove it: Istio does not read it"},
    {"IST0109", "leave the host in one of them, and move the routes of the others there"},
    {"IST0110", "give each Sidecar a workloadSelector that matches other pods"},
    {"IST0111", "leave one without a workloadSelector, and give the others one"},
    {"IST0112", "add port.number to the destination"},
    {"IST0116", "give the port one protocol in all of the Services, or leave one Service"},
    {"IST0118", "name it http, or begin its name with http-; or set appProtocol: http"},
    {"IST0123", "remove one of both labels: istio-injection, where no revision is meant"},
    {"IST0125", "write a value of the form that the message names"},
    {"IST0127", "correct the labels, or delete the object"},
    {"IST0128", "add tls.caCertificates: without it the server is not verified"},
    {"IST0129", "add tls.caCertificates: without it the server is not verified"},
    {"IST0130", "remove the rule, or move it before the one that takes its requests"},
    {"IST0131", "remove the match, or make it differ from the earlier one"},
    {"IST0132", "add the host to a server of the Gateway, or remove it from the VirtualService"},
    {"IST0133", "change the field as the message says: Istio takes it as it is, and warns"},
    {"IST0137", "give the Services one port for this targetPort, or a targetPort each"},
    {"IST0138", "give each host a certificate of its own, or join the servers in one Gateway"},
    {"IST0140", "route to the Service's host without a subset where the gateway is named"},
    {"IST0145", "give one of the Gateways other hosts, another port or another selector"},
    {"IST0146", "label the pods for injection, or write an image"},
    {"IST0147", "label the pods for injection, or write an image"},
    {"IST0149", "apply a RequestAuthentication to the gateway's pods"},
    {"IST0158", "restart what owns the pods: kubectl rollout restart"},
    {"IST0161", "create the Secret in the gateway's namespace, with tls.crt and tls.key"},
    {"IST0162", "add the port to the gateway's Service, or listen on one that it has"},
    {"IST0165", "name a Gateway of your own, or route with an HTTPRoute"},
    {"IST0173", "correct the subset's labels, or remove the subset"},
    {"IST0174", "correct the host to namespace-qualified form, or delete the DestinationRule"},
    {"SLU0001", "correct the Gateway's selector to the labels of its pods, or start them"},
    {"SLU0002", "let one Canary manage it: delete the other, or give it a target of its own"},
    {"SLU0003", "take a bound of the histogram as the threshold, such as the next one above"},
    {"SLU0005", "make the interval at least four scrape intervals"},
    {"SLU0006", "have the sidecars injected and restart the pods, or ask other metrics"},
    {"SLU0007", "set retries.attempts: 0, or judge by a query that asks the side that is meant"},
    {"SLU0008", "give the tries the time that they take: perTryTimeout, attempts and timeout"},
    {"SLU0009", "add a label to the selector that only the one gateway's pods have"},
    {"SLU0011", "set the mode to ISTIO_MUTUAL, or the PeerAuthentication to PERMISSIVE"},
    {"SLU0012", "add mesh to spec.service.gateways, if callers within the mesh are to take part"},
    {"SLU0013", "give the Service a label in its selector that only one of both has"},
    {"SLU0014", "write one that selects the pods of the primary"},
});
static_assert(std::ranges::is_sorted(all, {}, &Rule::code));

}  // namespace

std::span<const Rule> rules() {
    return all;
}

const Rule* rule_of(std::string_view code) {
    const auto* found = std::ranges::lower_bound(all, code, {}, &Rule::code);
    return found == all.end() || found->code != code ? nullptr : found;
}

}  // namespace sluice::release
