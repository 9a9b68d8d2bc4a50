#include "web/state.hpp"

#include "web/answer.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

using boost::asio::experimental::awaitable_operators::operator||;
using std::chrono::seconds;
namespace resources = kube::resources;

constexpr Duration fill_limit = seconds{3};
constexpr Duration open_limit = seconds{1};
constexpr Duration measure_limit = seconds{1};
constexpr std::size_t looked_at_at_once = 500;
constexpr std::size_t read_at_once = 100;
constexpr std::size_t exposures_max = 20;
constexpr std::size_t events_waiting_max = 500;

std::string hex(Random& random) {
    return fmt::format("{:016x}", random.next());
}

}  // namespace

Dashboard::State::State(const Outside& world,
                        kube::Connection connection,
                        Settings chosen,
                        std::span<const EmbeddedFile> page)
    : outside(world),
      settings(std::move(chosen)),
      people(world.executor, world.clock, world.random, world.api, std::move(connection)),
      assets(page, settings.base_path),
      secret(hex(world.random) + hex(world.random)),
      prometheus(std::make_shared<Prometheus>(
          world.executor, world.clock, world.http, settings.metrics_server)),
      hub(std::make_shared<Hub>(world.executor, world.clock, hex(world.random).substr(0, 8))),
      releases(settings, world.clock, routers, &validations, world.sent),
      validations(
          world.clock,
          {.scrape_interval = settings.scrape_interval, .min_interval = settings.min_interval}),
      measured(world.executor),
      loads(world.executor, world.clock, world.http),
      wake(world.executor),
      tasks(world.executor) {
    hub->on_listen([this] { wake.notify_all(); });
    loads.on_change([this] { publish_lab(); });
}

Task<> Dashboard::State::kept_alive(std::shared_ptr<State> self, Task<> task) {
    co_await std::move(task);
}

void Dashboard::State::spawn(std::string name, Task<> task) {
    tasks.spawn(std::move(name), kept_alive(shared_from_this(), std::move(task)));
}

Task<> Dashboard::State::give_way() {
    co_await boost::asio::post(outside.executor, boost::asio::use_awaitable);
}

// --- the cluster ------------------------------------------------------------------------------

void Dashboard::State::begin_to_know() {
    // The watches may end after us: whom they speak through lives as long.
    const auto& process = people.process();
    known = std::make_shared<Known>(
        Known::World{.executor = outside.executor,
                     .clock = outside.clock,
                     .random = outside.random,
                     .client = std::shared_ptr<kube::Client>(process, &process->client),
                     .log = outside.log},
        settings.ns);
    releases.look_at(known);
    validations.forget();
    recent.forget();
    sidecars.forget();
    landscape.forget();
    known->start([this](const kube::Resource& resource, const kube::ObjectKey& key) {
        note_change(resource, key);
    });
    if (outside.sent != nullptr) {
        outside.sent->on_note([weak = weak_from_this()](const notify::ReleaseName& release) {
            const auto self = weak.lock();
            if (!self || !self->known) return;
            self->changed_details.insert({release.ns, release.name});
            self->wake.notify_all();
        });
    }
    spawn("forgetting", forget_when_nobody_looks());
    spawn("telling", pump());
}

Task<std::optional<Refusal>> Dashboard::State::look() {
    last_look = outside.clock.now();
    if (!known) begin_to_know();
    const auto here = known;
    if (here->canaries_trouble()) co_await here->wait_until_filled(fill_limit);
    const auto trouble = here->canaries_trouble();
    if (!trouble) co_return std::nullopt;
    if (trouble->kind == ErrorKind::denied) {
        co_return Refusal{.status = 403,
                          .code = "forbidden",
                          .message = settings.ns.empty()
                                         ? "You may not list canaries"
                                         : "You may not list canaries in namespace " + settings.ns};
    }
    const bool is_starting = trouble->message == "starting";
    co_return Refusal{.status = 503,
                      .code = is_starting ? "starting" : "api_server_away",
                      .message = is_starting ? "the cluster is being read"
                                             : "reading Canaries: " + trouble->message,
                      .headers = {{"Retry-After", "1"}}};
}

Task<> Dashboard::State::forget_when_nobody_looks() {
    while (true) {
        if (hub->listeners() > 0 || answering > 0) last_look = outside.clock.now();
        const auto until = last_look + settings.memory;
        if (outside.clock.now() >= until) break;
        co_await outside.clock.sleep_until(until);
    }
    const auto left = std::exchange(known, nullptr);
    prometheus->forget();
    topologies.clear();
    releases.look_at(nullptr);
    validations.forget();
    recent.forget();
    sidecars.forget();
    landscape.forget();
    changed.clear();
    changed_details.clear();
    told_releases.clear();
    // The pump ends too.
    wake.notify_all();
    co_await left->stop();
}

void Dashboard::State::note_change(const kube::Resource& resource, const kube::ObjectKey& key) {
    if (!known) return;
    if (validations.note_change(*known, resource, key)) wake.notify_all();
    sidecars.note_change(resource, key);
    landscape.note_change(resource, key);
    if (resource == resources::events) {
        const auto event = known->get(resource, key);
        if (!event) return;
        const kube::ObjectKey of{std::string(text_at(*event, {"involvedObject", "namespace"})),
                                 std::string(text_at(*event, {"involvedObject", "name"}))};
        releases.note_event(of, *event);
        if (!recent.note(key, *event)) return;
        changed_details.insert(of);
        if (hub->is_heard("events")) {
            if (new_events.size() < events_waiting_max) {
                new_events.emplace_back(of.ns, to_text(Json(event_json(*event))));
            } else {
                ++dropped_events;
            }
        }
        overview_is_due = true;
        wake.notify_all();
        return;
    }
    if (resource == resources::pods) {
        // Whose pod it is shows when the detail is built; few details are listened to. A list tells
        // only of those that a release waits for.
        note_pod(key.ns);
    }
    const auto concerned = releases.note_change(resource, key);
    if (concerned.empty()) return;
    changed.insert(concerned.begin(), concerned.end());
    overview_is_due = true;
    wake.notify_all();
}

Task<> Dashboard::State::build_all() {
    std::size_t looked_at = 0;
    const auto keys = releases.keys();
    for (const auto& key : *keys) {
        const auto before = releases.built();
        releases.find(key);
        // To build one takes as long as to look at hundreds.
        const bool was_built = releases.built() != before;
        if (was_built || ++looked_at % looked_at_at_once == 0) co_await give_way();
    }
}

Task<> Dashboard::State::catch_up() {
    // Ends when it has read as fast as the cluster changes.
    while (known) {
        const bool has_pods = sidecars.read_some(*known, read_at_once);
        const bool has_objects = landscape.read_some(*known, read_at_once);
        if (!has_pods && !has_objects) break;
        co_await give_way();
    }
}

// Reads the kinds of lint from the first time that somebody asks for findings.
Task<> Dashboard::State::look_for_findings(std::optional<Duration> patience) {
    const auto began = outside.clock.now();
    if (known && !validations.is_open()) {
        validations.open(*known);
        co_await known->wait_until_filled(open_limit);
    }
    co_await validate(patience ? std::optional(began + *patience) : std::nullopt);
}

Task<> Dashboard::State::validate(std::optional<Time> until) {
    const auto here = known;
    while (here && known == here && validations.is_due(*here)) {
        if (until && outside.clock.now() > *until) co_return;
        const auto change = validations.look(*here);
        if (!change.whole.is_none() || !change.plain.is_none()) {
            overview_is_due = true;
            publish_validations(change);
        }
        co_await give_way();
    }
}

// --- numbers ----------------------------------------------------------------------------------

Task<> Dashboard::State::measure() {
    const auto now = outside.clock.now();
    if (!is_measuring && (!measured_at || now >= *measured_at + refresh_of(settings))) {
        is_measuring = true;
        spawn("measuring", measure_now());
    }
    const auto end = now + measure_limit;
    while (is_measuring && outside.clock.now() < end) {
        co_await (measured.wait() || outside.clock.sleep_until(end));
    }
}

Task<> Dashboard::State::measure_now() {
    measured_at = outside.clock.now();
    const auto fresh = refresh_of(settings);
    const auto usual = window_for(std::chrono::minutes{1}, window_min(settings));
    auto windows = releases.windows();
    windows.insert(usual);
    for (const auto window : windows) {
        const auto table = co_await rates(*prometheus, window, settings.ns, fresh);
        releases.measure(window, table);
        if (window == usual) mesh = table->mesh;
    }
    // Those with new numbers are to be built before it is known who is under way.
    co_await build_all();
    auto under_way = releases.under_way();
    if (under_way.size() > exposures_max) under_way.resize(exposures_max);
    for (const auto& one : under_way) {
        releases.met(one.key, co_await exposure(*prometheus, one.met, outside.clock.now(), fresh));
    }
    prometheus->learn();
    is_measuring = false;
    measured.notify_all();
}

// --- what is wrong ----------------------------------------------------------------------------

ApiServerHealth Dashboard::State::api_server() {
    const auto* canaries = known ? known->find(resources::canaries) : nullptr;
    const auto trouble = canaries == nullptr ? std::nullopt : canaries->trouble();
    const bool ok = !trouble;
    if (ok != api_was_ok || !api_since) {
        api_since = outside.clock.now();
        api_was_ok = ok;
    }
    return {.ok = ok, .error = trouble ? trouble->message : std::string(), .since = api_since};
}

std::vector<Problem> Dashboard::State::problems() const {
    auto problems = known ? known->problems() : std::vector<Problem>{};
    const auto& health = prometheus->health();
    if (!health.ok && !health.error.empty()) {
        const bool is_slow = health.error == "Prometheus did not answer in 5 s";
        problems.push_back({.code = is_slow ? "prometheus_timeout" : "prometheus_away",
                            .message = health.error,
                            .since = health.since});
    }
    if (settings.leading && settings.leading() == false) {
        problems.push_back({.code = "not_leading",
                            .message = "another instance of " + settings.controller + " leads",
                            .since = {}});
    }
    return problems;
}

std::vector<Problem> Dashboard::State::problems(const Viewer& viewer) const {
    auto all = problems();
    LeftOut left_out;
    const bool is_whole = viewer.pods_of_all && viewer.events_of_all;
    for (const auto& ns : releases.namespaces()) {
        if (is_whole || !viewer.sees(ns)) continue;
        const auto here = viewer.left_out(ns);
        left_out = {.pods = left_out.pods || here.pods, .events = left_out.events || here.events};
    }
    const auto tell = [&](std::string_view kind) {
        all.push_back({.code = "forbidden",
                       .message = fmt::format("You may not list {} in every namespace that you "
                                              "see: they are left out there",
                                              kind),
                       .since = {}});
    };
    if (left_out.pods) tell("pods");
    if (left_out.events) tell("events");
    if (viewer.not_asked > 0) {
        all.push_back({.code = "namespaces_left_out",
                       .message = fmt::format("{} namespaces are left out: what you may see there "
                                              "was not asked; name one to see it",
                                              viewer.not_asked),
                       .since = {}});
    }
    return all;
}

std::set<std::string> Dashboard::State::seen_namespaces(const Viewer& viewer,
                                                        const std::set<std::string>& asked) const {
    if (viewer.sees_all) return asked;
    std::set<std::string> seen;
    for (const auto& ns : viewer.namespaces) {
        if (asked.empty() || asked.contains(ns)) seen.insert(ns);
    }
    // An empty set would mean all of them.
    if (seen.empty()) seen.insert("/none");
    return seen;
}

Validations::Of Dashboard::State::findings_of(const Viewer& viewer,
                                              std::set<std::string> namespaces) {
    Validations::Of of{.namespaces = std::move(namespaces), .sees_everything = viewer.sees_all};
    if (!viewer.pods_of_all) {
        of.sees_pods = [&viewer](const std::string& ns) { return viewer.sees_pods(ns); };
    }
    return of;
}

std::set<std::string> Dashboard::State::event_namespaces(const Viewer& viewer,
                                                         const std::set<std::string>& asked) const {
    auto seen = seen_namespaces(viewer, asked);
    if (viewer.events_of_all) return seen;
    std::set<std::string> told;
    for (const auto& ns : viewer.with_events) {
        if (viewer.sees(ns) && (seen.empty() || seen.contains(ns))) told.insert(ns);
    }
    if (told.empty()) told.insert("/none");
    return told;
}

JsonObject Dashboard::State::overview_of(const Viewer& viewer,
                                         const std::set<std::string>& namespaces) {
    std::vector<const Release*> all;
    const auto keys = releases.keys();
    for (const auto& key : *keys) {
        if (!namespaces.empty() && !namespaces.contains(key.ns)) continue;
        if (const auto* release = releases.find(key)) all.push_back(release);
    }
    auto all_problems = problems(viewer);
    const auto unlooked =
        validations.not_yet_looked_at([&](const std::string& ns) { return viewer.sees(ns); });
    if (unlooked > 0) {
        all_problems.push_back(
            {.code = "not_judged",
             .message = fmt::format(
                 "Findings: {} still to be looked at",
                 unlooked == 1 ? "one namespace is" : fmt::format("{} namespaces are", unlooked)),
             .since = {}});
    }
    return overview_json({.lab = settings.lab,
                          .releases = std::move(all),
                          .verbs = [&](const std::string& ns) -> const std::vector<std::string>& {
                              return viewer.verbs(ns);
                          },
                          .mesh = mesh,
                          .validations = validations.counts(findings_of(viewer, namespaces)),
                          .prometheus = prometheus->health(),
                          .api_server = api_server(),
                          .problems = std::move(all_problems),
                          .events = recent.last(event_namespaces(viewer, namespaces), 20)});
}

}  // namespace sluice::web
