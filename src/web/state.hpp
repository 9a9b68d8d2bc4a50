// What the requests of one dashboard share. Only for the .cpp files that answer them.
#pragma once

#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "release/action.hpp"
#include "web/asked.hpp"
#include "web/assets.hpp"
#include "web/dashboard.hpp"
#include "web/gate.hpp"
#include "web/gateways.hpp"
#include "web/hub.hpp"
#include "web/inventory.hpp"
#include "web/known.hpp"
#include "web/lab.hpp"
#include "web/landscape.hpp"
#include "web/load.hpp"
#include "web/overview.hpp"
#include "web/people.hpp"
#include "web/releases.hpp"
#include "web/series.hpp"
#include "web/sidecars.hpp"
#include "web/tap.hpp"
#include "web/topology.hpp"
#include "web/validations.hpp"

#include <boost/json.hpp>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::web {

// One request about data, by somebody who may ask.
struct Call {
    net::Request request;
    Asked asked;
    std::vector<std::string> path;  // below /api/ui/v1
    std::string id;
    std::shared_ptr<Person> person;
    Viewer viewer;
};
using SharedCall = std::shared_ptr<Call>;

struct TopologyAsked {
    std::set<std::string> namespaces = {};  // empty: all
    std::int64_t window = 300;
    std::optional<std::int64_t> at = {};  // nothing: now, and again and again
    GraphType type = GraphType::workload;
    bool services = false;
    bool idle = true;
    TopologyParts::Group group = TopologyParts::Group::automatic;

    bool operator==(const TopologyAsked&) const = default;
};

struct Dashboard::State : std::enable_shared_from_this<Dashboard::State> {
    State(const Outside& world,
          kube::Connection connection,
          Settings chosen,
          std::span<const EmbeddedFile> page);

    // --- answering: dashboard.cpp
    // -----------------------------------------------------------------
    Task<net::Response> handle(net::Request request);
    Task<net::Response> answer(net::Request request, std::string id);
    Task<net::Response> answer_api(net::Request request, Asked asked, std::string id);
    Task<net::Response> route(SharedCall call);
    Task<std::optional<Refusal>> admit(SharedCall call);
    // What a path is for, as far as that decides who may ask it, and how.
    struct Errand {
        bool is_plain = false;   // the page without JavaScript
        bool is_action = false;  // a button of a release
        bool is_trial = false;   // something of a lab's own that is turned
        // Those that it answers; empty: it is read.
        std::vector<std::string> methods = {};
    };
    static Errand errand_of(const std::vector<std::string>& path);
    std::optional<Refusal> objection_to(const Call& call, const Errand& errand) const;
    // What is known of the cluster, and what of it this caller sees.
    Task<std::optional<Refusal>> see(SharedCall call);
    Task<net::Response> answer_path(SharedCall call, Errand errand);
    Task<net::Response> answer_release(SharedCall call, Errand errand);
    // The cluster is known, or why not.
    Task<std::optional<Refusal>> look();
    std::optional<net::Response> redirect(const Asked& asked) const;
    std::string csrf_of(const std::string& token) const;

    Task<net::Response> session(SharedCall call);
    Task<net::Response> overview(SharedCall call);
    Task<net::Response> list_releases(SharedCall call);
    Task<net::Response> release(SharedCall call, kube::ObjectKey key);
    Task<net::Response> show_manifest(SharedCall call, kube::ObjectKey key);
    Task<net::Response> show_object(SharedCall call);
    // Of a Canary that is not there, or no longer.
    Refusal gone(const kube::ObjectKey& key) const;
    Task<net::Response> events(SharedCall call);
    Task<net::Response> list_validations(SharedCall call);

    // --- without JavaScript: plain.cpp
    // -----------------------------------------------------------------
    Task<net::Response> answer_plain(net::Request request, Asked asked, std::string id);
    Task<net::Response> plain(SharedCall call);

    // --- charts: measuring.cpp
    // --------------------------------------------------------------------
    struct Charted {
        Prometheus::Grid grid;
        SeriesQueries queries;
        std::string_view reporter;
        bool is_past = false;
        // Nothing where it was not asked, because the one before it failed.
        std::shared_ptr<const Measured<Lines>> codes, p50, p95, p99;
    };
    Task<Result<Charted>> chart(SharedCall call, Subject subject);
    JsonObject chart_json(const Charted& charted) const;
    static JsonObject side_of(const Charted& charted, std::string_view by, std::string_view value);
    Task<net::Response> compare(SharedCall call, kube::ObjectKey key);
    Task<net::Response> node_metrics(SharedCall call);

    // --- the graph: mapping.cpp
    // -------------------------------------------------------------------
    Task<Topology> draw(TopologyAsked query, Viewer viewer);
    Task<net::Response> topology(SharedCall call);
    Task<> publish_topologies();
    void forget_topologies();
    // Those that were read.
    std::vector<GatewayShown> gateways_with(const EdgesTable& table) const;
    Task<net::Response> list_gateways(SharedCall call);
    Task<net::Response> one_gateway(SharedCall call);
    // Whether what a node stands for are gateways, and nothing else.
    bool is_of_gateways(std::string_view id, const Fronts& fronts) const;

    // --- what there is: inventory_answers.cpp
    // -----------------------------------------------------
    struct Gathered;
    // One of a list, by its place in the order.
    struct Listed {
        std::string place;  // "test podinfo Deployment"
        const kube::Resource* resource = nullptr;
        kube::ObjectKey key;
    };
    // Everything that the lists are made of is as it is now.
    Task<Gathered> gather();
    // Valid until its user gives way.
    Inventory inventory_of(const Gathered& gathered,
                           const std::set<std::string>& namespaces,
                           const Viewer& viewer);
    std::vector<Listed> listed_of(std::string_view list,
                                  const std::set<std::string>& namespaces,
                                  const std::vector<std::string>& words) const;
    Task<std::string> rows_of(std::vector<Listed> listed, Gathered gathered, Viewer viewer);
    Task<net::Response> list_inventory(SharedCall call);
    Task<net::Response> one_of_inventory(SharedCall call);
    Task<net::Response> show_mesh(SharedCall call);
    // The kinds that only the mesh is made of, beside what is read anyway.
    std::vector<kube::Resource> mesh_kinds() const;
    void open_mesh();
    JsonObject mesh_of(const Viewer& viewer);
    Task<net::Response> show_queries(SharedCall call);
    Task<> learn_istio_versions();

    // --- the lab: lab_answers.cpp, lab_trials.cpp
    // -----------------------------------------------------------------
    bool is_lab() const { return settings.lab && outside.lab != nullptr; }
    bool acts_for(const Call& call) const {
        return settings.rights_are_the_persons || call.person != people.process();
    }
    Task<net::Response> lab(SharedCall call);
    JsonObject lab_json(const Viewer& viewer);
    JsonObject proxy_json();
    Task<net::Response> start_load(SharedCall call);
    // Where to ask it, and for which host; the refusal where that is nowhere.
    struct WayIn {
        net::Origin door;
        std::string host;
    };
    std::variant<WayIn, Refusal> way_in(std::string_view gateway, const Viewer& viewer) const;
    net::Response set_fault(SharedCall call);
    net::Response crash(SharedCall call);
    Task<net::Response> try_gateway(SharedCall call);
    Task<net::Response> pod_log(SharedCall call);
    void publish_lab();
    Task<net::Response> show_tap(SharedCall call);
    void begin_to_tap();
    Task<> tap_while_heard();

    // --- acting: actions.cpp
    // ----------------------------------------------------------------------
    Task<net::Response> act(SharedCall call, kube::ObjectKey key, std::string verb);
    Task<net::Response> set_image(SharedCall call, kube::ObjectKey key);
    Task<net::Response> show_images(SharedCall call, kube::ObjectKey key);
    Task<bool> may_set_image(SharedCall call, kube::ObjectKey key, kube::Resource kind);
    net::Response changed_meanwhile(const Call& call,
                                    const kube::ObjectKey& key,
                                    std::string message);
    // `what` was asked for: "Abort of podinfo.test".
    Task<> tell_event(release::CanarySeen seen, std::string what, std::string who, std::string why);

    // --- telling: streaming.cpp
    // -------------------------------------------------------------------
    Task<net::Response> stream(SharedCall call);
    // What one stream is asked for.
    struct Topics {
        Hub::Listening listening;
        bool has_gone = false;  // a topic that was to be asked for again is among them
        bool wants_findings = false;
        bool wants_mesh = false;
    };
    std::variant<Topics, Refusal> topics_of(const Call& call);
    // One topic of those that are asked for.
    std::optional<Refusal> add_topic(const Call& call, const std::string& topic, Topics& topics);
    Task<> pump();
    Task<> publish_releases(std::set<kube::ObjectKey> keys);
    Task<> draw_topologies();
    // The details in that namespace that are listened to may have changed.
    void note_pod(const std::string& ns);
    void publish_overviews();
    Task<> publish_meshes();
    void publish_events();
    void publish_validations(const Validations::Change& change);
    Task<> watch_permissions(std::shared_ptr<Person> person, std::weak_ptr<Viewer> shown);

    // --- knowing: state.cpp
    // -----------------------------------------------------------------------
    void spawn(std::string name, Task<> task);
    static Task<> kept_alive(std::shared_ptr<State> self, Task<> task);
    void begin_to_know();
    void note_change(const kube::Resource& resource, const kube::ObjectKey& key);
    Task<> forget_when_nobody_looks();
    // Every release is built; gives way to others after each: the controller runs on this loop.
    Task<> build_all();
    Task<> give_way();
    // What lists and graph read of the cluster is as it is now: read piece by piece, and only what
    // has changed.
    Task<> catch_up();
    // What was measured is fresh, or as fresh as it gets in a second.
    Task<> measure();
    Task<> measure_now();
    // Who has waited so long is told of those that there are by then.
    Task<> look_for_findings(std::optional<Duration> patience = {});
    Task<> validate(std::optional<Time> until = {});
    std::vector<Problem> problems() const;
    std::vector<Problem> problems(const Viewer& viewer) const;
    ApiServerHealth api_server();
    std::vector<std::string> namespaces_first(const Call& call) const;
    JsonObject overview_of(const Viewer& viewer, const std::set<std::string>& namespaces);
    std::set<std::string> seen_namespaces(const Viewer& viewer,
                                          const std::set<std::string>& asked) const;
    // Which findings that viewer is told of there. The viewer outlives what is returned.
    static Validations::Of findings_of(const Viewer& viewer, std::set<std::string> namespaces);
    // Those of them whose Events may be told.
    std::set<std::string> event_namespaces(const Viewer& viewer,
                                           const std::set<std::string>& asked) const;

    Outside outside;
    Settings settings;
    People people;
    routing::Table routers;
    Assets assets;
    std::string secret;
    std::shared_ptr<Prometheus> prometheus;
    std::shared_ptr<Hub> hub;
    Releases releases;
    Validations validations;
    RecentEvents recent;
    SidecarBook sidecars;
    Landscape landscape;
    std::vector<std::string> istio_versions;
    std::optional<Time> istio_asked;

    std::shared_ptr<Known> known;  // null while nobody looks, and no request is being answered
    std::size_t answering = 0;     // requests about data
    Time last_look{};
    bool api_was_ok = true;
    std::optional<Time> api_since;

    Seen mesh;
    bool is_measuring = false;
    std::optional<Time> measured_at;
    Signal measured;

    // For the stream: what has changed since it last told, and how each release read then.
    std::map<kube::ObjectKey, std::size_t> told_releases;
    bool is_drawing = false;
    std::set<kube::ObjectKey> changed;
    std::set<kube::ObjectKey> changed_details;
    std::deque<std::pair<std::string, std::string>> new_events;  // namespace and text
    std::size_t dropped_events = 0;
    bool overview_is_due = false;
    std::optional<Time> overview_told;
    // Whose overview, counts of findings or mesh differ from everybody's; by topic.
    std::map<std::string, Viewer> own_overviews, own_validations, own_meshes;
    std::map<std::string, std::size_t> told_meshes;  // by topic, how it read
    bool is_telling_mesh = false;
    struct Drawn {
        TopologyAsked query;
        Viewer viewer;
        std::shared_ptr<const Topology> drawn;
        Time asked{};
        Time told{};
    };
    std::map<std::string, Drawn> topologies;  // by topic
    std::uint64_t topologies_drawn = 0;
    struct Tapped {
        TapFilter filter;
        Viewer viewer;
        Time asked{};

        bool is_meant(const TapRows::Kept& row) const;
    };
    std::map<std::string, Tapped> taps;  // by topic
    TapRows tapped;
    bool is_tapping = false;
    LoadRuns loads;
    std::deque<std::pair<Time, std::uint64_t>> proxied;     // requests of the proxy, oldest first
    std::shared_ptr<void> tries = std::make_shared<int>();  // held by each that is under way
    Signal wake;
    TaskGroup tasks;
};

// A refusal of one of our errors.
Refusal refusal_of(const Error& error);
Refusal bad_request(const Error& error);
JsonObject deleted_json(const kube::ObjectKey& key, const Deleted& deleted);

}  // namespace sluice::web
