#include "controller/process.hpp"

#include "base/async/deadline.hpp"
#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "base/core/address.hpp"
#include "controller/canary_controller.hpp"
#include "controller/peers.hpp"
#include "controller/schema.hpp"
#include "controller/state.hpp"
#include "kube/lease.hpp"
#include "kube/queue.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>

namespace sluice::controller {
namespace {

using boost::asio::experimental::awaitable_operators::operator||;
using std::chrono::seconds;

constexpr Duration peer_pause = seconds{5};
constexpr Duration peer_warning_pause = std::chrono::minutes{1};
constexpr Duration flush_limit = seconds{2};

canary::Settings judgement_settings(const Settings& settings) {
    return {.selector_labels = settings.selector_labels,
            .label_prefixes = settings.include_label_prefixes,
            .drain_delay = settings.drain_delay,
            .track_configs = settings.config_tracking,
            .defaults = {.provider = settings.mesh_provider,
                         .metrics_server = settings.metrics_server,
                         .min_interval = settings.min_interval,
                         .cross_namespace_refs = settings.cross_namespace_refs,
                         .revert_on_deletion = settings.revert_on_deletion}};
}

kube::Connection rated(kube::Connection connection, const Settings& settings) {
    connection.user_agent = "sluice/" + settings.version;
    if (connection.rate.per_second == 0) return connection;
    connection.rate = {.per_second = settings.qps, .burst = settings.burst};
    return connection;
}

kube::Connection unlimited(kube::Connection connection) {
    connection.rate = {};
    return connection;
}

std::unique_ptr<kube::Client> client_of_mesh(const Outside& world, const Settings& settings) {
    if (!world.mesh) return nullptr;
    return std::make_unique<kube::Client>(
        world.clock, world.mesh->api, rated(world.mesh->connection, settings));
}

std::string identity(const Settings& settings, Random& random) {
    if (!settings.identity.empty()) return settings.identity;
    return (settings.host.empty() ? "sluice" : settings.host) + "_" + random.uuid();
}

// What the flag's provider needs has to be there from the start.
std::vector<kube::Resource> kinds_of(const routing::Router* router) {
    return router == nullptr ? std::vector<kube::Resource>{} : router->kinds();
}

// "Waiting for canary informer cache to sync": the peer's words for its kinds, ours in its way.
std::string waiting_for(const kube::Resource& resource) {
    std::string words;
    for (const char c : resource.kind) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && !words.empty()) words += ' ';
        words += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return "Waiting for " + words + " informer cache to sync";
}

}  // namespace

struct Process::State : net::Handler, std::enable_shared_from_this<Process::State> {
    State(Outside world, kube::Connection connection, Settings chosen)
        : outside(world),
          settings(std::move(chosen)),
          client(world.clock, world.api, rated(connection, settings)),
          mesh_client(client_of_mesh(world, settings)),
          // Owners are found within one cluster only.
          mesh_is_elsewhere(world.mesh && world.mesh->connection.origin != connection.origin),
          lease_client(world.clock, world.api, unlimited(std::move(connection))),
          metrics(settings.version, settings.mesh_provider),
          events(world.executor,
                 world.clock,
                 world.random,
                 client,
                 world.log,
                 {.component = "flagger", .host = settings.host}),
          announcer(events, world.log),
          routers({.ingress_annotations_prefix = settings.ingress_annotations_prefix}),
          caches(world.executor,
                 world.clock,
                 world.random,
                 client,
                 world.log,
                 {.ns = settings.ns,
                  .configs = settings.config_tracking,
                  .routes = kinds_of(routers.find(settings.mesh_provider)),
                  .mesh = mesh_client.get(),
                  .mesh_is_elsewhere = mesh_is_elsewhere}),
          providers(world.http),
          templates(world.clock, client, caches.metric_templates, providers),
          webhooks(world.http, world.clock),
          asking(providers, templates, webhooks, world.sent, Asking::Cluster{client, world.clock}),
          alerts(world.executor, {}, [this] { return shared_from_this(); }),
          announcements(world.executor, {}, [this] { return shared_from_this(); }),
          notifier({.clock = world.clock,
                    .log = world.log,
                    .client = client,
                    .events = events,
                    .providers = caches.alert_providers,
                    .webhooks = webhooks,
                    .http = world.http,
                    .alerts = alerts,
                    .announcements = announcements,
                    .metrics = metrics,
                    .sent = world.sent},
                   settings.notifications),
          canaries({.clock = world.clock,
                    .log = world.log,
                    .client = client,
                    .caches = caches,
                    .announcer = announcer,
                    .notifier = notifier,
                    .asking = asking,
                    .metrics = metrics,
                    .routers = routers},
                   judgement_settings(settings)),
          queue(
              world.executor,
              world.clock,
              world.log,
              [this](kube::ObjectKey key) { return canaries.tick(std::move(key)); },
              {},
              [this] { return shared_from_this(); }),
          peers(world.clock, client, {.ns = settings.leader_election_ns, .pod = settings.host}),
          stopped(world.executor),
          work(world.executor),
          lead(world.executor),
          background(world.executor) {
        for (auto* outbox : {&alerts, &announcements}) {
            outbox->on_dropped([this](const std::string& line) {
                metrics.count_notification("dropped");
                outside.log.warn("Too many messages wait, the oldest is dropped: " + line);
            });
        }
        if (settings.leader_election) {
            election = std::make_unique<kube::LeaderElection>(
                world.executor,
                world.clock,
                world.random,
                lease_client,
                world.log,
                kube::LeaseOptions{.lease = {settings.leader_election_ns, "sluice"},
                                   .identity = identity(settings, world.random)});
            client.guard_writes(election.get());
            if (mesh_client) mesh_client->guard_writes(election.get());
            canaries.guard_by(election.get());
        }
    }

    // A kill may come while any of these waits: each keeps the state until it has unwound.
    static Task<> kept_alive(std::shared_ptr<State> self, Task<> task);
    static Task<Result<void>> run(std::shared_ptr<State> self);
    void spawn(TaskGroup& group, std::string name, Task<> task);

    Task<Result<void>> run();
    Task<Result<void>> serve();
    Task<Result<void>> check_cluster();
    Task<Result<void>> sync();
    Task<> probe_metrics_server();
    Task<> wait_for_peers();
    Task<> wait_for_stop();
    Task<> campaign();
    Task<> flush();
    void connect_queue();
    void wake_by(kube::Cache& cache);
    void wake(const std::vector<kube::ObjectKey>& keys);
    void note_revision(const kube::ObjectKey& key);
    void start_work();
    void count_canary(const kube::ObjectKey& key);
    bool is_ready() const;
    Task<net::Response> handle(net::Request request) override;

    Outside outside;
    Settings settings;
    kube::Client client;
    std::unique_ptr<kube::Client> mesh_client;  // null: `client` is the mesh's, too
    bool mesh_is_elsewhere = false;
    kube::Client lease_client;
    OwnMetrics metrics;
    kube::EventRecorder events;
    Announcer announcer;
    routing::Table routers;
    Caches caches;
    metrics::Providers providers;
    MetricTemplates templates;
    notify::Webhooks webhooks;
    Asking asking;
    notify::Outbox alerts;
    notify::Outbox announcements;
    Notifier notifier;
    CanaryController canaries;
    kube::WorkQueue queue;
    Peers peers;
    std::unique_ptr<kube::LeaderElection> election;
    Signal stopped;
    bool stopping = false;
    bool working = false;
    bool lost_lease = false;
    bool synced = false;
    std::map<kube::ObjectKey, kube::ObjectKey> canary_of_revision;
    std::map<std::string, std::set<std::string>> counted;  // names by namespace
    // In the order in which they end: passes, then the outboxes, the lease, and caches and Events.
    TaskGroup work;
    TaskGroup lead;
    TaskGroup background;
};

Task<> Process::State::kept_alive(std::shared_ptr<State> self, Task<> task) {
    co_await std::move(task);
}

Task<Result<void>> Process::State::run(std::shared_ptr<State> self) {
    co_return co_await self->run();
}

void Process::State::spawn(TaskGroup& group, std::string name, Task<> task) {
    group.spawn(std::move(name), kept_alive(shared_from_this(), std::move(task)));
}

// --- life -------------------------------------------------------------------------------------

Task<Result<void>> Process::State::run() {
    // NOLINTNEXTLINE(bugprone-use-after-move): the operator takes both tasks.
    auto first = co_await (serve() || wait_for_stop());
    Result<void> outcome;
    if (first.index() == 0) outcome = std::get<0>(std::move(first));
    if (working) outside.log.info("Shutting down operator workers");
    working = false;
    work.cancel();
    co_await work.wait();
    co_await queue.drained();
    co_await flush();
    for (auto* outbox : {&alerts, &announcements}) {
        outbox->cancel();
        co_await outbox->wait();
    }
    if (election) election->stop();
    co_await lead.wait();
    background.cancel();
    co_await background.wait();
    co_return outcome;
}

Task<Result<void>> Process::State::serve() {
    auto& log = outside.log;
    log.info(fmt::format(
        "Starting sluice version {} mesh provider {}", settings.version, settings.mesh_provider));
    for (const auto& warning : settings.warnings) log.warn(warning);
    if (routers.find(settings.mesh_provider) == nullptr) {
        co_return Error{ErrorKind::unsupported, routers.refusal(settings.mesh_provider)};
    }
    auto cluster = co_await check_cluster();
    if (!cluster) co_return cluster;
    auto filled = co_await sync();
    if (!filled) co_return filled;
    co_await probe_metrics_server();
    notifier.introduce();

    log.info("Starting operator");
    if (!settings.ignore_running_peers) co_await wait_for_peers();
    if (election) {
        log.info(fmt::format("Starting leader election id: sluice namespace: {}",
                             settings.leader_election_ns));
        spawn(lead, "leader election", campaign());
    } else {
        start_work();
    }
    while (!lost_lease) co_await stopped.wait();
    co_return Error{ErrorKind::cancelled, "Leadership lost"};
}

Task<> Process::State::wait_for_stop() {
    while (!stopping) co_await stopped.wait();
}

// What was announced before the end should be readable after it.
Task<> Process::State::flush() {
    const auto end = outside.clock.now() + flush_limit;
    while (events.pending() + alerts.pending() + announcements.pending() > 0 &&
           outside.clock.now() < end) {
        co_await outside.clock.sleep_for(std::chrono::milliseconds{50});
    }
}

// --- start-up ---------------------------------------------------------------------------------

Task<Result<void>> Process::State::check_cluster() {
    const auto version = co_await client.server_version();
    if (!version) co_return version.error().with("reading the version of Kubernetes");
    if (version->major != 1 || version->minor < 11) {
        co_return Error{ErrorKind::unsupported,
                        fmt::format("Unsupported version of kubernetes detected.  Expected "
                                    "^1.11.0, got {}",
                                    version->git_version)};
    }
    outside.log.info("Connected to Kubernetes API " + version->git_version);
    const auto listed =
        co_await client.list_page(kube::resources::canaries, {.ns = settings.ns}, {.limit = 1});
    if (!listed) {
        co_return Error{listed.error().kind,
                        "Canary CRD is not registered " + listed.error().message};
    }
    const auto definition =
        co_await client.get(kube::resources::custom_resource_definitions, {"", canary_definition});
    if (definition) {
        const auto home = state_home(*definition);
        if (!home) co_return home.error();
        canaries.keep_state_in(*home);
        if (*home == StateHome::annotation) {
            outside.log.info(
                fmt::format("CustomResourceDefinition {} is Flagger's: the status fields that it "
                            "does not keep are "
                            "in annotation {} of the primaries",
                            canary_definition,
                            state_annotation));
        }
    }
    if (!definition) {
        outside.log.warn(fmt::format(
            "CustomResourceDefinition {} cannot be read, so the first status that is written shows "
            "whether it keeps all fields: {}",
            canary_definition,
            definition.error().message));
    }
    // A kind that is not served or not allowed is named now: its cache would wait for ever.
    for (const auto* cache : caches.all()) {
        const auto& resource = cache->resource();
        const std::string ns = resource.namespaced ? settings.ns : "";
        auto& holder = caches.client_of(resource);
        const auto served = co_await holder.list_page(resource, {.ns = ns}, {.limit = 1});
        if (served) continue;
        co_return Error{served.error().kind,
                        fmt::format("{} of {} cannot be read, which the controller needs: {}",
                                    resource.kind,
                                    resource.api_version(),
                                    served.error().message)};
    }
    co_return Result<void>{};
}

Task<Result<void>> Process::State::sync() {
    connect_queue();
    spawn(background, "events", events.run());
    for (auto* cache : caches.all()) {
        spawn(background, "watching " + cache->resource().plural, cache->run());
    }
    for (auto* cache : caches.all()) {
        if (!cache->synced()) outside.log.info(waiting_for(cache->resource()));
        co_await cache->wait_until_synced();
    }
    synced = true;
    if (!settings.ns.empty()) outside.log.info("Watching namespace " + settings.ns);
    co_return Result<void>{};
}

Task<> Process::State::probe_metrics_server() {
    const auto online = co_await providers.prometheus().probe({.address = settings.metrics_server});
    const auto shown = split_address(settings.metrics_server).bare;
    if (online) {
        outside.log.info("Connected to metrics server " + shown);
    } else {
        outside.log.error(
            fmt::format("Metrics server {} unreachable {}", shown, online.error().message));
    }
}

Task<> Process::State::wait_for_peers() {
    std::optional<Time> warned;
    for (;;) {
        const auto peer = co_await peers.find_running();
        if (peer && !*peer) co_return;
        const auto now = outside.clock.now();
        if (!warned || now >= *warned + peer_warning_pause) {
            warned = now;
            outside.log.warn(
                peer ? fmt::format("Standing by: {}; stop it, or start with --ignore-running-peers",
                                   **peer)
                     : "Standing by until it is known who runs: " + peer.error().message);
        }
        co_await outside.clock.sleep_for(peer_pause);
    }
}

Task<> Process::State::campaign() {
    election->on_new_leader([this](const std::string& other) {
        outside.log.info("Another instance has been elected as leader: " + other);
    });
    co_await election->run(
        [this] {
            outside.log.info("Acting as elected leader");
            start_work();
        },
        [this] {
            outside.log.info("Leadership lost");
            lost_lease = true;
            stopped.notify_all();
        });
}

// --- wiring -----------------------------------------------------------------------------------

void Process::State::connect_queue() {
    canaries.work_for(&queue);
    caches.canaries.on_change([this](const kube::ObjectKey& key) {
        wake(canaries.note_canary(key));
        count_canary(key);
    });
    caches.revisions.on_change([this](const kube::ObjectKey& key) { note_revision(key); });
    for (auto* cache : caches.all()) {
        if (cache != &caches.canaries && cache != &caches.revisions) wake_by(*cache);
    }
    caches.on_open([this](kube::Cache& cache) {
        wake_by(cache);
        spawn(background, "watching " + cache.resource().plural, cache.run());
    });
}

void Process::State::wake_by(kube::Cache& cache) {
    cache.on_change([this, &cache](const kube::ObjectKey& key) {
        wake(canaries.concerned_by(cache.resource(), key));
    });
}

void Process::State::wake(const std::vector<kube::ObjectKey>& keys) {
    for (const auto& key : keys) queue.add(key);
}

// A revision that is gone no longer says whose it was.
void Process::State::note_revision(const kube::ObjectKey& key) {
    if (const auto object = caches.revisions.get(key)) {
        const auto* owner = kube::controller_of(*object);
        if (owner == nullptr || text_at(*owner, {"kind"}) != "Canary") return;
        canary_of_revision[key] = {key.ns, std::string(text_at(*owner, {"name"}))};
    }
    const auto found = canary_of_revision.find(key);
    if (found == canary_of_revision.end()) return;
    queue.add(found->second);
    if (!caches.revisions.contains(key)) canary_of_revision.erase(found);
}

void Process::State::start_work() {
    working = true;
    for (const auto& key : caches.canaries.keys()) count_canary(key);
    spawn(work, "canaries", queue.run());
    outside.log.info("Started operator workers");
}

void Process::State::count_canary(const kube::ObjectKey& key) {
    // Who stands by counts nothing: sums over all replicas would be wrong.
    if (!working) return;
    auto& names = counted[key.ns];
    const bool has_changed =
        caches.canaries.contains(key) ? names.insert(key.name).second : names.erase(key.name) > 0;
    if (has_changed) metrics.set_total(key.ns, names.size());
    if (names.empty()) counted.erase(key.ns);
}

// --- HTTP -------------------------------------------------------------------------------------

bool Process::State::is_ready() const {
    return synced && !caches.trouble();
}

Task<net::Response> Process::State::handle(net::Request request) {
    const auto path = request.target.substr(0, request.target.find('?'));
    net::Response response;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    if (path == "/healthz") {
        response.body = "OK";
    } else if (path == "/readyz") {
        response.status = is_ready() ? 200 : 503;
        const auto trouble = caches.trouble();
        response.body = is_ready() ? "OK"
                        : trouble  ? trouble->message
                                   : "caches are not filled yet";
    } else if (path == "/metrics") {
        const auto sent = client.count();
        metrics.set_api_requests(sent.reads, sent.writes);
        response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        response.body = metrics.text();
    } else {
        response.status = 404;
        response.body = "404 page not found\n";
    }
    co_return response;
}

// --- the outside ------------------------------------------------------------------------------

Process::Process(const Outside& outside, kube::Connection connection, Settings settings)
    : state_(std::make_shared<State>(outside, std::move(connection), std::move(settings))) {}

Process::~Process() {
    // A pass that unwinds may look at one more kind: nobody would ever end that watch.
    state_->caches.on_open({});
    state_->work.cancel();
    state_->alerts.cancel();
    state_->announcements.cancel();
    state_->lead.cancel();
    state_->background.cancel();
}

Task<Result<void>> Process::run() {
    return State::run(state_);
}

void Process::stop() {
    state_->stopping = true;
    state_->stopped.notify_all();
}

net::Handler& Process::http() {
    return *state_;
}

bool Process::leads() const {
    return state_->working;
}

}  // namespace sluice::controller
