// A cluster with many Canaries for one controller over sockets: the lab's API server and workload
// controllers, scripted pods, and a Prometheus that finds fault with whom it is told to. Each
// Canary stands for the article's release: a Deployment with an autoscaler, behind a gateway.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "base/core/json.hpp"
#include "child.hpp"
#include "lab/apiserver/api_server.hpp"
#include "lab/workloads/container_logs.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/scripted_runtime.hpp"
#include "lab/workloads/workload_controllers.hpp"
#include "net/server.hpp"

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::bench {

// What the controller asks of the API server, but for its lease.
class CountingServer final : public net::Handler {
   public:
    explicit CountingServer(net::Handler& inner) : inner_(inner) {}
    Task<net::Response> handle(net::Request request) override;
    int writes = 0;
    int reads = 0;                              // without watches
    std::map<std::string, int> writes_by_kind;  // "PATCH canaries/status"

   private:
    net::Handler& inner_;
};

// Prometheus, and a hook at /slow that takes ten seconds: everybody is well but those whose canary
// gets traffic while `fails` is set.
class Verdicts final : public net::Handler {
   public:
    explicit Verdicts(Clock& clock) : clock_(clock) {}
    Task<net::Response> handle(net::Request request) override;
    bool fails = false;
    std::map<std::string, int> weight_of;   // by the target's name
    std::map<std::string, Time> failed_at;  // when the last bad answer was given
    std::map<std::string, Time> good_at;    // and the last good one
    int slow_calls = 0;

   private:
    Clock& clock_;
};

struct FleetOptions {
    std::string interval = "2s";
    int threshold = 1;  // the first failed check decides
};

struct ControllerStart {
    std::uint16_t own_port = 0;
    std::uint16_t prometheus_port = 0;  // 0: that of the fleet
    std::vector<std::string> flags = {};
    std::string log;
};

class Fleet {
   public:
    Fleet(boost::asio::io_context& context,
          Clock& clock,
          Random& random,
          FleetOptions options = {});

    // `sluice controller` for this cluster.
    std::unique_ptr<Child> start_controller(const std::string& sluice, ControllerStart start) const;

    // Adds that many, in namespaces of fifty, and not so fast that nobody else has a turn.
    Task<> add(int canaries);
    void set_image(int number, const std::string& tag);
    // Its rounds then begin with a hook that takes ten seconds; or no longer.
    void slow_down(int number);
    void speed_up(int number);
    // From the new image to the promotion of it, in milliseconds, sorted; of all but the first.
    std::vector<double> promotion_ms_of_others() const;
    // The bytes of their decisions, all together.
    std::size_t bytes_of_decisions() const;
    // Those that have brought so many revisions to their users since they were made.
    int count_promoted(int revisions) const;
    bool is_promoted(int number, int revisions) const;
    int count_in_phase(std::string_view phase) const;

    std::uint16_t api_port = 0;
    std::uint16_t prometheus_port = 0;
    // From the answer that decided to the route that says zero, in milliseconds; one for each
    // rollback.
    std::vector<double> to_zero_ms;
    // From the last answer of a round that went well to the route that follows from it.
    std::vector<double> to_step_ms;

   private:
    void add_one(int number);
    void put_hooks(int number, JsonArray hooks);
    void note_route(const lab::Change& change);
    void note_canary(const lab::Change& change);
    void create(const kube::Resource& resource, const Json& object);

    Clock& clock_;
    lab::Cluster cluster_;
    lab::ContainerLogs logs_;
    lab::ApiServer server_;

   public:
    CountingServer counted;
    Verdicts verdicts;

   private:
    net::HttpServer api_;
    net::HttpServer prometheus_;
    lab::ScriptedRuntime pods_;
    lab::Kubelet kubelet_;
    lab::WorkloadControllers workloads_;
    lab::Subscription routes_;
    lab::Subscription canaries_;
    FleetOptions options_;
    std::map<kube::ObjectKey, std::string> phases_;
    std::map<kube::ObjectKey, int> promotions_;
    std::map<kube::ObjectKey, Time> began_at_;
    std::map<kube::ObjectKey, Time> promoted_at_;
};

}  // namespace sluice::bench
