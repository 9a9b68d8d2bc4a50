// A whole cluster in one process and in virtual time: the lab's API server and workloads, scripted
// pods, scripted metrics and hooks, and the controller that is tested.
#pragma once

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "base/core/json.hpp"
#include "controller/process.hpp"
#include "lab/apiserver/api_server.hpp"
#include "lab/workloads/container_logs.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/scripted_runtime.hpp"
#include "lab/workloads/workload_controllers.hpp"
#include "net/in_process.hpp"
#include "notify/sent.hpp"
#include "scenario/role.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::scenario {

// The role that the controller plays in every world: what `sluice install` grants, and no more.
Role& installed_role();

// What befalls the requests on their way, each by its odds in a hundred.
struct Weather {
    int conflicts = 0;     // writes: 409
    int gone = 0;          // lists and watches: 410
    int slow_down = 0;     // 429 with Retry-After
    int broken = 0;        // 500
    int unreachable = 0;   // no connection
    int timeouts = 0;      // it never arrives
    int lost_answers = 0;  // it arrives, and its answer does not
    // Each n-th write is a 409; 0: none.
    int conflict_every = 0;
    // A watch breaks off after so long; 0: never.
    Duration watches_last{0};
    std::uint64_t seed = 1;
};

// The way to the API server, as the controller's ServiceAccount: 403 where its role has no row;
// with an off switch, weather, and a trap that lets the controller die between a write and its
// answer.
class ApiLink final : public net::HttpClient {
   public:
    ApiLink(boost::asio::io_context& context, Clock& clock, lab::ApiServer& server)
        : context_(context), clock_(clock), server_(server), inner_(clock, server) {}

    void set_away(bool away);
    // Every request about these is answered 403.
    void forbid(const std::string& plural) { forbidden_ = "/" + plural; }
    void permit() { forbidden_.clear(); }
    // Each write arrives so much later.
    void set_slow(Duration slow) { slow_ = slow; }
    void set_weather(const Weather& weather);
    // Asked after the n-th write from now on, and before its answer arrives, whether it ever does.
    void ask_after_writes(std::function<bool(int writes)> is_lost);
    // Calls `die` after the n-th write from now on, whose answer never arrives; 0: never.
    void die_after(int writes, std::function<void()> die);
    // Nothing is between the controller and the API server.
    bool is_well() const;
    // When somebody was told last to try again in a moment (429).
    std::optional<Time> told_to_wait() const { return told_to_wait_; }
    int writes() const { return writes_; }
    // But for the lease's, and watches.
    int reads() const { return reads_; }
    void count_from_zero() { writes_ = reads_ = 0; }

    Task<Result<net::Response>> send(net::Request request) override;
    Task<Result<net::Response>> open(net::Request request) override;

   private:
    enum class Fault { none, conflict, gone, slow_down, broken, unreachable, timeout, lost_answer };
    Fault strike(const net::Request& request);
    Task<Result<net::Response>> suffer(Fault fault, Duration timeout);

    boost::asio::io_context& context_;
    Clock& clock_;
    lab::ApiServer& server_;
    net::InProcessClient inner_;
    Weather weather_;
    std::unique_ptr<SeededRandom> dice_;  // none: calm
    int struck_writes_ = 0;
    std::optional<Time> told_to_wait_;
    bool away_ = false;
    std::string forbidden_;
    Duration slow_{};
    int writes_ = 0;
    int reads_ = 0;
    std::function<bool(int)> is_lost_;
};

// Prometheus, and the receivers of hooks, alerts and Events.
class Neighbours final : public net::HttpClient {
   public:
    explicit Neighbours(Clock& clock) : clock_(clock) {}

    // "99.5", "none", "nan", "500", "garbage", "hang", "endless"; by the name of the check, or by a
    // part of an inline query.
    std::map<std::string, std::string> metrics = {{"request-success-rate", "100"},
                                                  {"request-duration", "20"}};
    bool prometheus_away = false;
    // "200", "403 nope", "hang", "away" or "endless"; by the last part of the receiver's path.
    // Unknown ones answer 200.
    std::map<std::string, std::string> hooks;
    std::vector<std::string> hook_calls;  // "acceptance-test Progressing"
    // "slack good Canary is waiting for approval. [Cluster=lab]"
    std::vector<std::string> alerts;
    std::vector<std::string> told;  // "sink Progressing Normal Advance podinfo.test …"
    struct Measured {
        Time when;
        std::string query;
        std::string value;
    };
    std::optional<Measured> last_measured(std::string_view part_of_query) const;

    Task<Result<net::Response>> send(net::Request request) override;
    Task<Result<net::Response>> open(net::Request request) override;

   private:
    std::string metric_answer(std::string_view query) const;
    void note_call(const std::string& name, const net::Request& request);
    Task<Result<net::Response>> receive(net::Request request);

    Clock& clock_;
    std::vector<Measured> measured_;  // one for each query, the last
};

struct Message {
    std::string level;
    std::string text;
    std::string canary;  // empty for lines about no Canary
};

struct WorldOptions {
    std::uint64_t seed = 1;
    Duration drain_delay = std::chrono::seconds{10};
    Duration min_interval = std::chrono::seconds{10};
    bool leader_election = true;
};

class World {
   public:
    explicit World(WorldOptions options = {});
    ~World();

    // Whether the cluster has HTTPRoutes; it does at first.
    void drop_http_routes();
    void serve_http_routes();
    // The Canary CRD is the peer's: it has no status field of ours (canary.md 1.5).
    void use_peers_definition();
    void apply(const Json& object);
    void apply_yaml(std::string_view text);
    void start_controller();
    // At once and without a trace, as a kill does.
    void kill_controller();
    // From inside of its own work: dies when the present call has returned, and starts again.
    void kill_controller_soon();
    // In order.
    void stop_controller();
    controller::Process& process() { return *process_; }
    // Why it ended by itself, each time; it is started again five seconds later, as a kubelet does.
    std::vector<std::string> ends;

    // What it is started with from now on.
    std::vector<std::string> flags;
    // Where the mesh's objects are, if not in `cluster`.
    std::optional<controller::MeshCluster> mesh;

    void run_for(Duration duration) { clock.run_for(duration); }

    Json get(const kube::Resource& resource, const std::string& name) const;
    // By people's hands: the laws bind the controller only.
    void patch(const kube::Resource& resource, const std::string& name, const Json& patch);
    void remove(const kube::Resource& resource, const std::string& name);
    // An operator that writes this over whatever somebody else has written, 5 ms later, from now
    // on.
    void add_rival(const kube::Resource& resource, const std::string& name, const Json& patch);
    void drop_rivals();
    bool is_by_hand(const lab::Change& change) const;
    void set_image(const std::string& tag, const std::string& of = "podinfo");
    void label_namespace(const Json& labels);
    // As if the peer had brought the release so far: its hashes, a random id at the primary, and
    // nothing that only we keep. The controller must not run.
    void leave_to_the_peer();

    // Whether a controller runs, leads, and has begun to work.
    bool is_led() const { return process_ && process_->leads(); }

    // The Deployment of that name, else the DaemonSet.
    Json workload(const std::string& name) const;
    std::int64_t available(const std::string& workload) const;
    std::int64_t wanted(const std::string& workload) const;
    // Ready pods behind a Service: after a change of the target, those of the one before.
    std::int64_t behind(const std::string& service) const;
    // What spec.targetRef names.
    std::string target() const;
    // The last pod went while what was decided before was on its way still: the API server had told
    // the controller to try again in a moment.
    bool went_on_the_way(const std::string& workload) const;
    Json canary() const { return get(kube::resources::canaries, "podinfo"); }
    std::string phase() const;
    int status_weight() const;
    // The largest share that a route gives the canary; -1 without a route.
    int route_weight() const;
    // Event messages of the Canary, oldest first, each once.
    std::vector<std::string> events() const;

    static constexpr const char* ns = "test";

    boost::asio::io_context context;
    VirtualClock clock;
    SeededRandom random;
    notify::SentLog sent{clock};
    lab::Cluster cluster;
    std::vector<Message> log;
    // What a law or an invariant says against; empty is well.
    std::vector<std::string> violations;
    lab::ContainerLogs container_logs;
    lab::ApiServer server;
    ApiLink api;
    Neighbours neighbours;
    lab::ScriptedRuntime pods;

   private:
    Task<> run_controller();
    Task<> write_over(kube::Resource resource, std::string name, Json wanted);
    std::shared_ptr<controller::Process> make_process();
    void install_definitions();
    void watch_laws();
    void check_routes(const lab::Change& change);
    void check_scale(const lab::Change& change);
    void check_apex(const lab::Change& change);
    void check_return();
    void note_pods(const lab::Change& change);

    WorldOptions options_;
    std::unique_ptr<lab::Kubelet> kubelet_;
    std::unique_ptr<lab::WorkloadControllers> workloads_;
    std::vector<lab::Subscription> subscriptions_;
    std::vector<lab::Subscription> rivals_;
    std::set<std::string, std::less<>> by_hand_;             // resource versions
    std::map<std::string, Time, std::less<>> without_pods_;  // since when, by workload
    std::optional<Time> canary_left_;   // when the last traffic was taken from the canary
    std::optional<Time> primary_left_;  // and from the primary, by a deletion
    Logger logger_;
    std::shared_ptr<controller::Process> process_;
    TaskGroup tasks_;
    TaskGroup rival_tasks_;
};

// What a route (of Istio, the Gateway API or NGINX) gives the canary; -1 when it does not name it.
// Of the last one in it that does: those before it are for users who are bound already.
int canary_share(const Json& route);

// A file of the source tree.
std::string source_file(const std::string& path);

}  // namespace sluice::scenario
