// `sluice inject on|off|status NS`: whether a namespace's pods are in the mesh
// (mesh-and-dashboard.md 3.5, GW-7).
#include "base/async/task_group.hpp"
#include "base/core/text.hpp"
#include "cli/command.hpp"
#include "cli/injection.hpp"
#include "cli/session.hpp"
#include "kube/client.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace sluice::cli {
namespace {

struct InjectOptions {
    std::string verb;
    std::string ns;
    std::string revision;
    bool force = false;
    bool restart = false;
    kube::ConfigQuery cluster;
};

constexpr std::string_view revision_label = "istio.io/rev";
constexpr std::string_view old_label = "istio-injection";

// "cp-v112x.istio-system" of each control plane in the cluster.
Task<Result<std::vector<std::string>>> revisions(kube::Client& client) {
    auto planes = co_await client.list(kube::resources::istio_control_planes);
    if (!planes) {
        // Istio without IstioControlPlane objects: there the revision must be named.
        if (planes.error().kind == ErrorKind::not_found) co_return std::vector<std::string>{};
        co_return planes.error().with("listing IstioControlPlanes");
    }
    std::vector<std::string> found;
    for (const auto& plane : planes->items) {
        const auto key = kube::key_of(plane);
        std::string name = key.name;
        for (auto& c : name) c = c == '.' ? '-' : c;
        found.push_back(name + "." + key.ns);
    }
    co_return found;
}

Task<Result<std::string>> revision_to_set(kube::Client& client, std::string asked) {
    if (!asked.empty()) co_return asked;
    auto found = co_await revisions(client);
    if (!found) co_return found.error();
    if (found->empty())
        co_return Error{ErrorKind::not_found,
                        "this cluster has no IstioControlPlane: name the revision with --revision"};
    if (found->size() > 1) {
        co_return Error{ErrorKind::invalid,
                        "several control planes: choose with --revision " + joined(*found, " or ")};
    }
    co_return found->front();
}

// Pods keep the sidecar that they were made with; which workloads have pods from before?
Task<Result<std::vector<std::string>>> restart_needed(kube::Client& client,
                                                      std::string ns,
                                                      std::string revision) {
    const auto deployments = co_await client.list(kube::resources::deployments, {.ns = ns});
    if (!deployments) co_return deployments.error().with("listing Deployments of " + ns);
    const auto pods = co_await client.list(kube::resources::pods, {.ns = ns});
    if (!pods) co_return pods.error().with("listing pods of " + ns);
    co_return with_pods_from_before(deployments->items, pods->items, revision);
}

Task<Result<void>> restart(kube::Client& client, kube::ObjectKey key, std::string at) {
    Json patch;
    put(patch,
        {"spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"},
        Json(at));
    const auto done =
        co_await client.merge_patch(kube::resources::deployments, key, std::move(patch));
    if (!done) co_return done.error().with("restarting Deployment " + to_string(key));
    co_return Result<void>{};
}

Task<Result<int>> inject(Session& session, InjectOptions options) {
    auto& client = session.client();
    const kube::ObjectKey key{"", options.ns};
    const auto ns = co_await client.get(kube::resources::namespaces, key);
    if (!ns) co_return ns.error().with("reading namespace " + options.ns);
    const auto now = text_at(*ns, {"metadata", "labels", revision_label});
    const auto old = text_at(*ns, {"metadata", "labels", old_label});

    if (options.verb == "status") {
        if (old == "disabled") {
            fmt::print("namespace {}: off ({}=disabled)\n", options.ns, old_label);
        } else if (!old.empty()) {
            fmt::print("namespace {}: on ({}={})\n", options.ns, old_label, old);
        } else if (!now.empty()) {
            fmt::print("namespace {}: on ({}={})\n", options.ns, revision_label, now);
        } else {
            fmt::print("namespace {}: off\n", options.ns);
        }
        co_return old == "disabled" || (old.empty() && now.empty()) ? 1 : 0;
    }

    Json patch;
    if (options.verb == "on") {
        if (!old.empty() && !options.force) {
            co_return Error{
                ErrorKind::conflict,
                fmt::format(
                    "namespace {} has the label {}={}, which wins over {}: --force removes it",
                    options.ns,
                    old_label,
                    old,
                    revision_label)};
        }
        const auto revision = co_await revision_to_set(client, options.revision);
        if (!revision) co_return revision.error();
        put(patch, {"metadata", "labels", revision_label}, Json(*revision));
        if (!old.empty()) put(patch, {"metadata", "labels", old_label}, nullptr);
    } else {
        if (old == "enabled" && !options.force) {
            co_return Error{ErrorKind::conflict,
                            fmt::format("namespace {} has the label {}={}: --force removes it",
                                        options.ns,
                                        old_label,
                                        old)};
        }
        put(patch, {"metadata", "labels", revision_label}, nullptr);
        if (!old.empty() && options.force) put(patch, {"metadata", "labels", old_label}, nullptr);
    }
    const auto labelled = co_await client.merge_patch(kube::resources::namespaces, key, patch);
    if (!labelled) co_return labelled.error().with("labelling namespace " + options.ns);
    const auto after = text_at(*labelled, {"metadata", "labels", revision_label});
    fmt::print(
        "namespace/{} {}\n",
        options.ns,
        after.empty() ? std::string("no longer injected") : fmt::format("injected by {}", after));

    const auto stale = co_await restart_needed(client, options.ns, std::string(after));
    if (!stale) co_return stale.error();
    for (const auto& name : *stale) {
        if (!options.restart) {
            fmt::print("deployment.apps/{} has pods from before: restart it (--restart does)\n",
                       name);
            continue;
        }
        const auto done =
            co_await restart(client, {options.ns, name}, rfc3339(session.clock().now()));
        if (!done) co_return done.error();
        fmt::print("deployment.apps/{} restarted\n", name);
    }
    co_return 0;
}

}  // namespace

void add_inject(CLI::App& app, Environment environment, Run& run) {
    auto options = std::make_shared<InjectOptions>();
    auto* command = app.add_subcommand(
        "inject", "Put a namespace's pods into the mesh, take them out, or say where they are");
    command->footer(
        "Exit code: 0 done (status: on), 1 refused (status: off).\nExample:\n  sluice inject on "
        "test");
    command->add_option("VERB", options->verb, "on, off or status")
        ->required()
        ->check(CLI::IsMember({"on", "off", "status"}));
    command->add_option("NAMESPACE", options->ns)->required();
    command->add_option(
        "--revision", options->revision, "Control plane's revision, such as cp-v112x.istio-system");
    command->add_flag("--force", options->force, "Remove a conflicting istio-injection label");
    command->add_flag(
        "--restart", options->restart, "Restart the workloads whose pods are from before");
    add_cluster_options(*command, options->cluster);
    command->callback([options, environment, &run] {
        run = [options, environment] {
            return with_cluster(environment, options->cluster, [options](Session& session) {
                return inject(session, *options);
            });
        };
    });
}

}  // namespace sluice::cli
