// The controller dies after each of its writes, before it learns the answer, and starts again: the
// release ends the same, and no Event is lost or comes twice (canary.md 8, check 12).
//
// One run is played to its end; after each of its writes it is forked, and in the child the
// controller dies there. So nothing is played twice that two runs have in common.
#include "scenario/script.hpp"

#include <boost/asio/post.hpp>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <set>
#include <thread>

using namespace sluice;
using namespace sluice::scenario;

// The same code runs under every check in `scenario`; here, where it runs thousands of times, those
// that cost most and depend least on a kill are off.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): ASan looks for it.
extern "C" const char* __asan_default_options() {
    return "detect_stack_use_after_return=0:malloc_context_size=5:quarantine_size_mb=16";
}

namespace {

bool depends_on_the_moment(const std::string& message) {
    return message.find("not ready:") != std::string::npos ||
           message.find("not ready with retryable true:") != std::string::npos;
}

JsonArray list_of(const auto& texts) {
    JsonArray list;
    for (const auto& text : texts) list.emplace_back(text);
    return list;
}

// Where a run has come to, as text: that is how a child tells it.
std::string ending_of(World& world, const std::vector<std::string>& wrong) {
    const auto primary = world.workload("podinfo-primary");
    const auto& containers = array_at(primary, {"spec", "template", "spec", "containers"});
    // What users reach: the apex Service's selector, and the pods that are wanted.
    const auto apex = world.get(kube::resources::services, "podinfo");
    const auto* selector = find(apex, {"spec", "selector"});
    auto users = selector == nullptr ? std::string("nothing") : to_text(*selector);
    for (const std::string name : {"podinfo", "podinfo-primary"}) {
        const auto replicas = integer_at(world.workload(name), {"spec", "replicas"});
        users += " " + name + " " + std::to_string(replicas.value_or(-1));
    }
    // Without the readiness Warnings, which depend on the moment; and what was told, however often.
    auto events = world.events();
    std::erase_if(events, depends_on_the_moment);
    const std::set<std::string> alerts(world.neighbours.alerts.begin(),
                                       world.neighbours.alerts.end());
    return to_pretty_text(
        JsonObject{{"phase", world.phase()},
                   {"image", containers.empty() ? "" : text_at(containers[0], {"image"})},
                   {"weight", world.route_weight()},
                   {"users", users},
                   {"events", list_of(events)},
                   {"alerts", list_of(alerts)},
                   {"wrong", list_of(wrong)}});
}

// The children, as many at once as there are processors.
class Children {
   public:
    // True in the child.
    bool fork_one(int write) {
        if (running_.size() >= std::max(1U, std::thread::hardware_concurrency())) collect_one();
        std::array<int, 2> ends{};
        REQUIRE(pipe(ends.data()) == 0);
        std::cout << std::flush;
        std::cerr << std::flush;
        const auto pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            close(ends[0]);
            tell_ = ends[1];
            return true;
        }
        close(ends[1]);
        running_.push_back({write, pid, ends[0]});
        return false;
    }

    bool is_child() const { return tell_ >= 0; }

    [[noreturn]] void tell(std::string_view ending) const {
        while (!ending.empty()) {
            const auto count = ::write(tell_, ending.data(), ending.size());
            if (count <= 0) _exit(1);
            ending.remove_prefix(static_cast<std::size_t>(count));
        }
        _exit(0);
    }

    // By the write after which each died.
    std::map<int, std::string> collect() {
        while (!running_.empty()) collect_one();
        return std::move(endings_);
    }

   private:
    struct Child {
        int write;
        pid_t pid;
        int pipe;
    };

    void collect_one() {
        const auto child = running_.front();
        running_.pop_front();
        std::array<char, 4096> buffer{};
        auto& ending = endings_[child.write];
        for (;;) {
            const auto count = read(child.pipe, buffer.data(), buffer.size());
            if (count <= 0) break;
            ending.append(buffer.data(), static_cast<std::size_t>(count));
        }
        close(child.pipe);
        int status = 0;
        waitpid(child.pid, &status, 0);
        if (status != 0) ending += "the child ended with status " + std::to_string(status);
    }

    std::deque<Child> running_;
    std::map<int, std::string> endings_;
    int tell_ = -1;
};

// Without a lease, whose renewal every two seconds costs as much as all the rest of a release; one
// story holds it.
void survive_kills(const std::string& file, WorldOptions options = {.leader_election = false}) {
    World world(options);
    Player player(world);
    Children children;
    // A story that counts writes begins their numbers anew.
    int write = 0;
    world.api.ask_after_writes([&](int) {
        if (children.is_child() || !children.fork_one(++write)) return false;
        player.set_lenient(true);
        boost::asio::post(world.context, [&world] { world.kill_controller_soon(); });
        return true;
    });
    const auto wrong = player.play(parse_script(source_file(file)));
    const auto ending = ending_of(world, wrong);
    if (children.is_child()) children.tell(ending);

    REQUIRE(wrong == std::vector<std::string>{});
    const auto endings = children.collect();
    REQUIRE(endings.size() > 20);
    for (const auto& [after, killed] : endings) {
        CAPTURE(file);
        CAPTURE(after);
        CHECK(killed == ending);
    }
}

}  // namespace

TEST_SUITE("weights") {
    TEST_CASE("a release that is promoted survives a kill after any write") {
        survive_kills("tests/scenario/canary/promotes.scenario");
    }

    TEST_CASE("a rollback survives a kill after any write") {
        survive_kills("tests/scenario/canary/rolls_back.scenario");
    }

    TEST_CASE("a promotion by steps survives a kill after any write") {
        survive_kills("tests/scenario/canary/step_weights.scenario");
    }

    TEST_CASE("a release on the peer's CRD survives a kill after any write") {
        survive_kills("tests/scenario/canary/peers_crd.scenario");
    }

    TEST_CASE("a deletion that gives everything back survives a kill after any write") {
        survive_kills("tests/scenario/deletion/reverts.scenario");
    }

    TEST_CASE("no alert is lost to a kill after any write") {
        survive_kills("tests/scenario/alerts/global.scenario");
    }

    TEST_CASE("a failed promotion survives a kill after any write") {
        survive_kills("tests/scenario/canary/failed_promotion.scenario");
    }

    TEST_CASE("a release without analysis, by an elected leader, survives a kill after any write") {
        survive_kills("tests/scenario/canary/skips_analysis.scenario", {.leader_election = true});
    }
}  // TEST_SUITE

TEST_SUITE("strategies") {
    TEST_CASE("a release behind gates survives a kill after any write") {
        survive_kills("tests/scenario/canary/gates.scenario");
    }

    TEST_CASE("an A/B test survives a kill after any write") {
        survive_kills("tests/scenario/canary/ab_testing.scenario");
    }

    TEST_CASE("a blue/green release survives a kill after any write") {
        survive_kills("tests/scenario/canary/blue_green.scenario");
    }

    TEST_CASE("a mirrored blue/green release survives a kill after any write") {
        survive_kills("tests/scenario/canary/blue_green_mirrored.scenario");
    }

    TEST_CASE("a mirror stage survives a kill after any write") {
        survive_kills("tests/scenario/canary/mirror_stage.scenario");
    }

    TEST_CASE("a DaemonSet's releases survive a kill after any write") {
        survive_kills("tests/scenario/canary/daemon_set.scenario");
    }

    TEST_CASE("a Service's releases survive a kill after any write") {
        survive_kills("tests/scenario/canary/service_target.scenario");
    }

    TEST_CASE("a release with a ScaledObject survives a kill after any write") {
        survive_kills("tests/scenario/canary/keda.scenario");
    }

    TEST_CASE("session affinity survives a kill after any write") {
        survive_kills("tests/scenario/canary/session_affinity.scenario");
    }

    TEST_CASE("a rollback by hook survives a kill after any write") {
        survive_kills("tests/scenario/canary/rollback_hook.scenario");
    }
}  // TEST_SUITE

TEST_SUITE("configs") {
    TEST_CASE("a release of configs survives a kill after any write") {
        survive_kills("tests/scenario/configs/released.scenario");
    }
}  // TEST_SUITE
