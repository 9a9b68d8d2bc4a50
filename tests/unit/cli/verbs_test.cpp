// The commands about Canaries, against the lab's API server in process.
#include "cli/canaries.hpp"
#include "cli/explain.hpp"
#include "cli/manifests.hpp"
#include "cli/status.hpp"
#include "cli/table.hpp"
#include "kube/yaml.hpp"
#include "release/wish.hpp"
#include "unit/kube/lab_world.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

using namespace sluice;
using namespace sluice::cli;
using namespace sluice::release;

namespace {

namespace resources = kube::resources;

const kube::ObjectKey podinfo{"default", "podinfo"};

// A Terminal that is none, and what was written to it.
class Paper {
   public:
    Paper() : file_(::open_memstream(&text_, &size_)), terminal(TerminalStyle{}, file_) {}
    Paper(const Paper&) = delete;
    Paper& operator=(const Paper&) = delete;
    ~Paper() {
        std::fclose(file_);
        std::free(text_);  // NOLINT: open_memstream's
    }
    std::string text() {
        std::fflush(file_);
        return {text_, size_};
    }

   private:
    char* text_ = nullptr;
    std::size_t size_ = 0;
    std::FILE* file_;

   public:
    Terminal terminal;
};

std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

struct World : kube::test::LabWorld {
    World() {
        for (const auto crd : canary_crds()) {
            for (auto& document : *kube::parse_yaml_documents(crd)) {
                REQUIRE(
                    cluster.create(resources::custom_resource_definitions, std::move(document)));
            }
        }
        clock.settle();
    }

    void add_canary(const std::string& name = "podinfo") {
        Json object = boost::json::parse(R"({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
            "metadata": {"namespace": "default"},
            "spec": {
              "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
              "service": {"port": 9898},
              "analysis": {"interval": "1m", "threshold": 5, "maxWeight": 50, "stepWeight": 10,
                "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
                "webhooks": [{"name": "ship", "type": "confirm-promotion", "url": "http://t/"}]}}})");
        put(object, {"metadata", "name"}, Json(name));
        put(object, {"spec", "targetRef", "name"}, Json(name));
        REQUIRE(cluster.create(resources::canaries, object));
    }
    void set_status(std::string_view status, const std::string& name = "podinfo") {
        const auto patch = JsonObject{{"status", boost::json::parse(std::string(status))}};
        REQUIRE(cluster.patch(resources::canaries,
                              {"default", name},
                              lab::PatchKind::merge,
                              patch,
                              {.subresource = lab::Subresource::status}));
    }
    void add_deployment(const std::string& name,
                        int wanted,
                        int ready,
                        std::string_view image = "podinfo:6.1.0") {
        Json object = boost::json::parse(R"({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {
              "metadata": {"labels": {"app": "x"}}, "spec": {}}}})");
        put(object, {"metadata", "name"}, Json(name));
        put(object, {"spec", "replicas"}, wanted);
        put(object,
            {"spec", "template", "spec", "containers"},
            JsonArray{JsonObject{{"name", "c"}, {"image", image}}});
        REQUIRE(cluster.create(resources::deployments, object));
        const Json patch =
            JsonObject{{"status", JsonObject{{"replicas", wanted}, {"readyReplicas", ready}}}};
        REQUIRE(cluster.patch(resources::deployments,
                              {"default", name},
                              lab::PatchKind::merge,
                              patch,
                              {.subresource = lab::Subresource::status}));
    }
    void add_pod(const std::string& name, std::string_view status) {
        Json object = boost::json::parse(R"({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "default", "labels": {"app": "x"}},
            "spec": {"containers": [{"name": "c", "image": "podinfo:6.1.0"}]}})");
        put(object, {"metadata", "name"}, Json(name));
        REQUIRE(cluster.create(resources::pods, object));
        set_pod(name, status);
    }
    void set_pod(const std::string& name, std::string_view status) {
        const Json patch = JsonObject{{"status", boost::json::parse(std::string(status))}};
        REQUIRE(cluster.patch(resources::pods,
                              {"default", name},
                              lab::PatchKind::merge,
                              patch,
                              {.subresource = lab::Subresource::status}));
    }
    Json canary() { return *cluster.find(resources::canaries, podinfo); }
    std::string wish() {
        return std::string(text_at(canary(), {"metadata", "annotations", api::wish_annotation}));
    }
};

constexpr std::string_view progressing = R"json({"phase": "Progressing", "canaryWeight": 20,
    "failedChecks": 1, "iterations": 0, "lastAppliedSpec": "v2:ab",
    "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    "decisions": [
      {"at": "2025-12-31T23:59:00Z", "what": "advance",
       "said": ["Advance podinfo.default canary weight 20"],
       "checks": [{"check": "request-success-rate", "question": "request-success-rate over 1m",
         "answer": "100", "threshold": "at least 99 (%)", "verdict": "pass"}],
       "wrote": ["route 80/20"],
       "next": {"what": "weight 30", "notBefore": "2026-01-01T00:00:00Z"}},
      {"at": "2026-01-01T00:00:00Z", "what": "count failure",
       "said": ["Halt podinfo.default advancement success rate 42.00% < 99%"],
       "checks": [{"check": "request-success-rate", "question": "request-success-rate over 1m",
         "answer": "42", "threshold": "at least 99 (%)", "verdict": "fail"}],
       "next": {"what": "weight 30", "notBefore": "2026-01-01T00:01:00Z"}}]})json";

}  // namespace

TEST_CASE("a wish names the revision at hand and the time") {
    World world;
    world.add_canary();
    world.set_status(progressing);
    const auto line =
        world.run(make_wish(world.client, podinfo, api::Verb::promote, world.clock.now()));
    REQUIRE(line);
    CHECK(*line == "canary.flagger.app/podinfo: revision v2:ab is promoted without further checks");
    CHECK(world.wish() == "promote v2:ab 2026-01-01T00:00:00Z");

    REQUIRE(world.run(make_wish(world.client, podinfo, api::Verb::abort, world.clock.now())));
    CHECK(world.wish() == "abort v2:ab 2026-01-01T00:00:00Z");

    world.set_status(R"({"phase": "WaitingPromotion", "canaryWeight": 20})");
    const auto step =
        world.run(make_wish(world.client, podinfo, api::Verb::step, world.clock.now()));
    REQUIRE(step);
    CHECK(*step == "canary.flagger.app/podinfo: revision v2:ab goes past its gate, and no further");
    CHECK(world.wish() == "step v2:ab WaitingPromotion/20/0 2026-01-01T00:00:00Z");

    world.set_status(R"({"phase": "Failed"})");
    REQUIRE(world.run(make_wish(world.client, podinfo, api::Verb::retry, world.clock.now())));
    CHECK(world.wish() == "retry v2:ab 2026-01-01T00:00:00Z");
}

TEST_CASE("a wish that would not count is refused in one line, and nothing is written") {
    World world;
    world.add_canary();
    const auto refusal = [&](api::Verb verb) {
        const auto line = world.run(make_wish(world.client, podinfo, verb, world.clock.now()));
        CHECK(world.wish().empty());
        return line ? *line : line.error().message;
    };
    using enum api::Verb;
    CHECK(refusal(promote) == "podinfo.default has not been seen by a controller yet");
    const auto at = [&](std::string_view phase) {
        world.set_status(
            fmt::format(R"({{"phase": "{}", "lastAppliedSpec": "v2:ab", "canaryWeight": 0,
                "failedChecks": 0, "iterations": 0, "rollback": null}})",
                        phase));
    };
    at("Progressing");
    CHECK(refusal(step) ==
          "podinfo.default waits at no gate: `sluice promote` has it promoted without its checks");
    at("Succeeded");
    CHECK(refusal(promote) == "podinfo.default is Succeeded: no release is under way");
    CHECK(refusal(retry) ==
          "podinfo.default is Succeeded: only what has Failed can be judged again");
    at("Initializing");
    CHECK(refusal(abort) == "podinfo.default is Initializing: no release is under way");
    at("Promoting");
    CHECK(refusal(promote) == "podinfo.default is Promoting already");
    CHECK(refusal(abort) == "podinfo.default is Promoting already");
    at("Failed");
    CHECK(refusal(promote) ==
          "podinfo.default has Failed: `sluice retry` has the revision judged again");
    at("Progressing");
    world.set_status(R"({"rollback": {"cause": "failed-checks", "message": "m"}})");
    CHECK(refusal(abort) == "podinfo.default is being rolled back already");
}

TEST_CASE("pausing and resuming is spec.suspend, and said when it was so already") {
    World world;
    world.add_canary();
    const auto say = [&](Suspension wanted) {
        return *world.run(suspend(world.client, podinfo, wanted));
    };
    CHECK(say(Suspension::resume) == "canary.flagger.app/podinfo is not paused");
    CHECK(say(Suspension::pause) == "canary.flagger.app/podinfo paused");
    CHECK(bool_at(world.canary(), {"spec", "suspend"}) == true);
    CHECK(say(Suspension::pause) == "canary.flagger.app/podinfo is paused already");
    CHECK(say(Suspension::resume) == "canary.flagger.app/podinfo resumed");
    CHECK(bool_at(world.canary(), {"spec", "suspend"}) == false);
    REQUIRE(world.cluster.patch(resources::canaries,
                                podinfo,
                                lab::PatchKind::merge,
                                boost::json::parse(R"({"metadata": {"finalizers": ["a.b/c"]}})")));
    REQUIRE(world.run(world.client.remove(resources::canaries, podinfo)));
    const auto late = world.run(suspend(world.client, podinfo, Suspension::pause));
    REQUIRE_FALSE(late);
    CHECK(late.error().message == "podinfo.default is being deleted");
    const auto missing = world.run(suspend(world.client, {"default", "nobody"}, Suspension::pause));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == ErrorKind::not_found);
}

TEST_CASE("the status tells weights, checks, pods, what it waits for and what is next") {
    World world;
    world.add_canary();
    world.add_deployment("podinfo", 2, 1);
    world.add_deployment("podinfo-primary", 2, 2, "podinfo:6.0.0");
    world.set_status(progressing);
    world.clock.run_until(world.clock.now() + std::chrono::seconds(20));
    const auto seen = world.run(read_status(world.client, podinfo));
    REQUIRE(seen);
    Paper paper;
    CHECK(text_of(status_lines(*seen, world.clock.now(), paper.terminal)) ==
          R"(Canary     podinfo.default  Progressing  (last transition 20s ago)
In short   request-success-rate 42.00 % < 99 %; 1 of 5 allowed failures; canary 6.1.0 at 20 %
Primary     80%  ████████████████░░░░
Canary      20%  ████░░░░░░░░░░░░░░░░
Checks     fail     request-success-rate: 42, wanted at least 99 (%)
Pods       podinfo 1 of 2 ready, podinfo-primary 2 of 2 ready
Waits for  the next round of checks
Next       check in 40s; if it passes, weight 30; if it fails, it holds (3 left)
)");
    CHECK(exit_code_of(*seen) == under_way);
    const auto json = status_json(*seen, world.clock.now());
    CHECK(text_at(json, {"severity"}) == "failure");
    CHECK(text_at(json, {"sentence"}) ==
          "request-success-rate 42.00 % < 99 %; 1 of 5 allowed failures; canary 6.1.0 at 20 %");
    CHECK(text_at(json, {"notBefore"}) == "2026-01-01T00:01:00Z");
    CHECK(integer_at(json, {"pods", "podinfo", "ready"}) == 1);
}

TEST_CASE("the status tells each thing once: what stands in its sentence has no line of its own") {
    World world;
    world.add_canary();
    Paper paper;
    const auto status = [&](std::string_view text) {
        world.set_status(text);
        auto seen = world.run(read_status(world.client, podinfo));
        REQUIRE(seen);
        return *std::move(seen);
    };
    const auto lines = [&](const StatusSeen& seen) {
        return text_of(status_lines(seen, world.clock.now(), paper.terminal));
    };
    const auto rest = status(R"({"phase": "Succeeded", "canaryWeight": 0, "failedChecks": 0,
        "iterations": 0})");
    CHECK(lines(rest).find("In short   waits for a new revision of Deployment podinfo\n") !=
          std::string::npos);
    CHECK(lines(rest).find("Waits for") == std::string::npos);
    CHECK(lines(rest).find("Checks") == std::string::npos);
    CHECK(status_line(rest, world.clock.now()) ==
          "podinfo.default Succeeded: waits for a new revision of Deployment podinfo");

    const auto going = status(R"({"phase": "Progressing", "canaryWeight": 20, "failedChecks": 0,
        "iterations": 0, "observedGeneration": 1})");
    CHECK(lines(going).find("Checks     0 of 5 failed\n") != std::string::npos);

    const auto back = status(R"json({"phase": "Progressing", "canaryWeight": 20,
        "failedChecks": 5, "iterations": 0, "observedGeneration": 1,
        "rollback": {"cause": "failed-checks", "message": "failed checks threshold reached 5"},
        "conditions": [
          {"type": "Held", "status": "True", "reason": "Held", "message": "Secret x not found"}]})json");
    CHECK(
        lines(back).find("In short   failed checks threshold reached 5; it is rolled back: canary "
                         "at 20 %\n") != std::string::npos);
    CHECK(lines(back).find("Because") == std::string::npos);
    // The sentence has no word of it.
    CHECK(lines(back).find("Held       Secret x not found\n") != std::string::npos);
    CHECK(status_line(back, world.clock.now()).find("; held: Secret x not found") !=
          std::string::npos);
}

TEST_CASE("a failed promotion's share of the users is told as long as it has one") {
    World world;
    world.add_canary();
    world.set_status(R"json({"phase": "Failed", "canaryWeight": 50, "failedChecks": 0,
        "iterations": 0, "observedGeneration": 1, "decisions": [
          {"at": "2025-12-31T23:59:00Z", "what": "promotion failed",
           "said": ["Promotion of podinfo.default failed"]}]})json");
    const auto seen = world.run(read_status(world.client, podinfo));
    REQUIRE(seen);
    CHECK(
        status_line(*seen, world.clock.now())
            .starts_with("podinfo.default Failed, weight 50: Promotion of podinfo.default failed; "
                         "the new version has failed"));
}

TEST_CASE("the status shows no checks of an earlier run") {
    World world;
    world.add_canary();
    world.set_status(progressing);
    const auto shown = [&] {
        Paper paper;
        const auto seen = world.run(read_status(world.client, podinfo));
        REQUIRE(seen);
        return text_of(status_lines(*seen, world.clock.now(), paper.terminal));
    };
    CHECK(shown().find("request-success-rate: 42") != std::string::npos);
    auto decisions = array_at(world.canary(), {"status", "decisions"});
    for (const auto* what : {"failed", "start", "roll back", "failed"}) {
        decisions.push_back(JsonObject{{"at", "2026-01-01T00:02:00Z"}, {"what", what}});
    }
    world.set_status(to_text(JsonObject{{"phase", "Failed"}, {"decisions", decisions}}));
    CHECK(shown().find("request-success-rate") == std::string::npos);
}

TEST_CASE("a watch tells each change once and ends with the release") {
    World world;
    world.add_canary();
    world.set_status(progressing);
    Paper paper;
    SUBCASE("that has failed") {
        world.tasks.spawn("controller", [](World& in) -> Task<> {
            co_await in.clock.sleep_until(in.clock.now() + std::chrono::seconds(30));
            in.set_status(R"({"phase": "Failed", "canaryWeight": 0})");
        }(world));
        const auto code =
            world.run(watch_status(world.client, world.clock, podinfo, {}, paper.terminal));
        REQUIRE(code);
        CHECK(*code == not_done);
        CHECK(
            paper.text() ==
            "2026-01-01T00:00:00Z podinfo.default Progressing: request-success-rate 42.00 % < "
            "99 %; 1 of 5 allowed failures; canary at 20 %; waits for the next round of checks\n"
            "2026-01-01T00:00:30Z podinfo.default Failed: request-success-rate 42.00 % < 99 %; the "
            "new version has failed and was rolled back at 00:00:00 UTC; waits for a new revision "
            "of Deployment podinfo, or `sluice retry`\n");
    }
    SUBCASE("or with its patience") {
        const auto code = world.run(watch_status(world.client,
                                                 world.clock,
                                                 podinfo,
                                                 {.timeout = std::chrono::seconds(10)},
                                                 paper.terminal));
        REQUIRE(code);
        CHECK(*code == timed_out);
        CHECK(world.clock.now() == *parse_rfc3339("2026-01-01T00:00:10Z"));
    }
}

TEST_CASE("a target that nobody has looked at yet is a release under way") {
    World world;
    world.add_canary();
    world.add_deployment("podinfo", 1, 1);
    const auto target = *world.cluster.find(resources::deployments, podinfo);
    world.set_status(fmt::format(R"({{"phase": "Succeeded", "canaryWeight": 0, "failedChecks": 0,
            "iterations": 0, "analysed": {{"hash": "v2:ab", "uid": "{}", "generation": 1}}}})",
                                 kube::uid_of(target)));
    CHECK(exit_code_of(*world.run(read_status(world.client, podinfo))) == done);
    REQUIRE(world.cluster.patch(resources::deployments,
                                podinfo,
                                lab::PatchKind::merge,
                                boost::json::parse(R"({"spec": {"paused": true}})")));
    CHECK(exit_code_of(*world.run(read_status(world.client, podinfo))) == under_way);
}

TEST_CASE("the story tells what was decided, by which answers, and what comes next") {
    World world;
    world.add_canary();
    world.set_status(progressing);
    world.clock.run_until(world.clock.now() + std::chrono::seconds(20));
    const auto story = world.run(read_story(world.client, podinfo));
    REQUIRE(story);
    Paper paper;
    CHECK(text_of(story_lines(*story, 10, world.clock.now(), paper.terminal)) ==
          R"(23:59:00  All checks passed: the next step (80s ago)
          said    Advance podinfo.default canary weight 20
          checks  pass    request-success-rate over 1m → 100, wanted at least 99 (%)
          wrote   route 80/20
          then    weight 30, not before 00:00:00
00:00:00  A check failed: nothing moves, and it is counted (20s ago)
          said    Halt podinfo.default advancement success rate 42.00% < 99%
          checks  fail    request-success-rate over 1m → 42, wanted at least 99 (%)
          then    weight 30, not before 00:01:00

Now: Progressing at weight 20, 1 of 5 failed checks
Waits for the next round of checks
Next: weight 30 in 40s
)");
    CHECK(array_at(story_json(*story, 1), {"decisions"}).size() == 1);
}

TEST_CASE("what is in the way, and who writes against us, is told by the status and the story") {
    World world;
    world.add_canary();
    world.set_status(R"json({"phase": "Progressing", "canaryWeight": 20, "observedGeneration": 1,
        "conditions": [
          {"type": "Held", "status": "True", "reason": "Held", "message": "Secret x not found"},
          {"type": "Contested", "status": "True", "reason": "Contested",
           "message": "helm writes metadata.labels.team, too"}]})json");
    Paper paper;
    const auto now = world.clock.now();
    const auto status = world.run(read_status(world.client, podinfo));
    REQUIRE(status);
    const auto lines = text_of(status_lines(*status, now, paper.terminal));
    CHECK(lines.find("In short   Secret x not found; canary at 20 %\n") != std::string::npos);
    CHECK(lines.find("Held") == std::string::npos);
    CHECK(lines.find("Contested  helm writes metadata.labels.team, too\n") != std::string::npos);
    CHECK(status_line(*status, now) ==
          "podinfo.default Progressing: Secret x not found; canary at 20 %; waits for the next "
          "round of checks");
    const auto story = world.run(read_story(world.client, podinfo));
    REQUIRE(story);
    const auto told = text_of(story_lines(*story, 10, now, paper.terminal));
    CHECK(told.find("Held: Secret x not found\n") != std::string::npos);
    CHECK(told.find("Contested: helm writes metadata.labels.team, too\n") != std::string::npos);
    for (const auto& json : {status_json(*status, now), story_json(*story, 10)}) {
        CHECK(text_at(json, {"held"}) == "Secret x not found");
        CHECK(text_at(json, {"contested"}) == "helm writes metadata.labels.team, too");
    }
}

namespace {

constexpr std::string_view initializing = R"json({"phase": "Initializing", "canaryWeight": 0,
    "failedChecks": 0, "iterations": 0, "observedGeneration": 1})json";
constexpr std::string_view config_missing = R"({"phase": "Pending", "containerStatuses": [
    {"name": "c", "ready": false, "state": {"waiting": {"reason": "CreateContainerConfigError",
     "message": "configmap \"app\" not found"}}}]})";

}  // namespace

TEST_CASE("what the pods wait for is told by the status and the story, to who may list them") {
    World world;
    world.add_canary();
    world.set_status(initializing);
    world.add_deployment("podinfo-primary", 2, 0);
    world.add_pod("a", config_missing);
    world.add_pod("b", config_missing);
    const std::string reason = "CreateContainerConfigError: configmap \"app\" not found (2 pods)";
    const auto now = world.clock.now();
    Paper paper;
    const auto lines = [&] {
        const auto status = world.run(read_status(world.client, podinfo));
        REQUIRE(status);
        return text_of(status_lines(*status, now, paper.terminal));
    };
    const auto story = [&] {
        const auto read = world.run(read_story(world.client, podinfo));
        REQUIRE(read);
        return text_of(story_lines(*read, 10, now, paper.terminal));
    };
    CHECK(lines().find("In short   waits for the pods of podinfo-primary to be ready: " + reason +
                       "\n") != std::string::npos);
    CHECK(lines().find("Waits for") == std::string::npos);
    CHECK(story().find("Waits for the pods of podinfo-primary to be ready: " + reason + "\n") !=
          std::string::npos);
    const auto status = world.run(read_status(world.client, podinfo));
    const auto read = world.run(read_story(world.client, podinfo));
    for (const auto& json : {status_json(*status, now), story_json(*read, 10)}) {
        CHECK(text_at(json, {"podsWaitFor"}) == reason);
        CHECK(text_at(json, {"waitsFor"}) == "the pods of podinfo-primary to be ready");
    }
    world.http.fault = [](const net::Request& request) -> std::optional<Error> {
        if (request.target.find("/pods") == std::string::npos) return std::nullopt;
        return Error{ErrorKind::denied, "pods is forbidden"};
    };
    CHECK(lines().find("In short   waits for the pods of podinfo-primary to be ready\n") !=
          std::string::npos);
    CHECK(story().find("Waits for the pods of podinfo-primary to be ready\n") != std::string::npos);
}

TEST_CASE("a watch tells what the pods wait for once, and not at each turn") {
    World world;
    world.add_canary();
    world.set_status(initializing);
    world.add_deployment("podinfo-primary", 1, 0);
    world.add_pod("a", config_missing);
    world.tasks.spawn("kubelet", [](World& in) -> Task<> {
        for (int turn = 0; turn < 3; ++turn) {
            co_await in.clock.sleep_for(std::chrono::seconds(2));
            in.set_pod("a", R"({"containerStatuses": [{"name": "c", "ready": false,
                "state": {"waiting": {"reason": "ContainerCreating"}}}]})");
            co_await in.clock.sleep_for(std::chrono::seconds(2));
            in.set_pod("a", config_missing);
        }
    }(world));
    Paper paper;
    const auto code = world.run(watch_status(
        world.client, world.clock, podinfo, {.timeout = std::chrono::seconds(20)}, paper.terminal));
    REQUIRE(code);
    CHECK(paper.text() ==
          "2026-01-01T00:00:00Z podinfo.default Initializing: waits for the pods of "
          "podinfo-primary to be ready: CreateContainerConfigError: configmap \"app\" not found "
          "(1 pod)\n"
          "2026-01-01T00:00:02Z podinfo.default Initializing: waits for the pods of "
          "podinfo-primary to be ready: ContainerCreating (1 pod)\n");
}

TEST_CASE("where no decisions are kept the Events tell the story") {
    World world;
    world.add_canary();
    world.set_status(R"({"phase": "Succeeded", "canaryWeight": 0, "failedChecks": 0,
        "iterations": 0})");
    for (const auto* text : {"00:00:02", "00:00:01"}) {
        const Json event = JsonObject{
            {"metadata",
             JsonObject{{"namespace", "default"}, {"name", fmt::format("e{}", text[7])}}},
            {"involvedObject",
             JsonObject{{"kind", "Canary"}, {"name", "podinfo"}, {"namespace", "default"}}},
            {"type", "Normal"},
            {"message", fmt::format("message of {}", text)},
            {"lastTimestamp", fmt::format("2026-01-01T{}Z", text)}};
        REQUIRE(world.cluster.create(resources::events, event));
    }
    const auto story = world.run(read_story(world.client, podinfo));
    REQUIRE(story);
    Paper paper;
    world.clock.run_until(world.clock.now() + std::chrono::seconds(5));
    CHECK(text_of(story_lines(*story, 10, world.clock.now(), paper.terminal)) ==
          R"(The controller keeps no decisions here; its Events:
00:00:01  message of 00:00:01 (4s ago)
00:00:02  message of 00:00:02 (3s ago)

Now: Succeeded at weight 0, 0 of 5 failed checks
Waits for a new revision of Deployment podinfo
Next: its analysis, which begins with weight 10
)");
}

TEST_CASE("Canaries are shown in kubectl's columns, and the worst of them first") {
    World world;
    for (const auto* name : {"calm", "failed", "halting", "running"}) world.add_canary(name);
    const auto status = [](std::string_view phase, int failed) {
        return fmt::format(R"({{"phase": "{}", "canaryWeight": 10, "failedChecks": {},
            "iterations": 0, "lastTransitionTime": "2026-01-01T00:00:00Z"}})",
                           phase,
                           failed);
    };
    world.set_status(status("Succeeded", 0), "calm");
    world.set_status(status("Failed", 5), "failed");
    world.set_status(status("Progressing", 2), "halting");
    world.set_status(status("Progressing", 0), "running");
    auto list = *world.run(world.client.list(resources::canaries, {.ns = "default"}));
    CHECK(text_of(wide_table(canary_table(list.items, {}, {}))) ==
          R"(NAME      STATUS        WEIGHT   LASTTRANSITIONTIME
calm      Succeeded     10       2026-01-01T00:00:00Z
failed    Failed        10       2026-01-01T00:00:00Z
halting   Progressing   10       2026-01-01T00:00:00Z
running   Progressing   10       2026-01-01T00:00:00Z
)");
    put_worst_first(list.items, world.clock.now());
    CHECK(
        text_of(wide_table(canary_table(
            list.items, {}, {.wide = true, .with_namespace = true, .with_outlook = true}))) ==
        R"(NAMESPACE   NAME      STATUS        WEIGHT   SUSPENDED   FAILEDCHECKS   INTERVAL   MIRROR   STEPWEIGHT   STEPWEIGHTS   MAXWEIGHT   LASTTRANSITIONTIME     WAITS FOR
default     failed    Failed        10                   5              1m                  10                         50          2026-01-01T00:00:00Z   a new revision of Deployment failed, or `sluice retry`
default     halting   Progressing   10                   2              1m                  10                         50          2026-01-01T00:00:00Z   the next round of checks
default     running   Progressing   10                   0              1m                  10                         50          2026-01-01T00:00:00Z   the next round of checks
default     calm      Succeeded     10                   0              1m                  10                         50          2026-01-01T00:00:00Z   a new revision of Deployment calm
)");
}

TEST_CASE("a list has the dashboard's order: what fails, what is held, what waits, what goes on") {
    World world;
    for (const auto* name : {"a-rest", "b-going", "c-waiting", "d-held", "e-failing"}) {
        world.add_canary(name);
    }
    const auto status = [&](const std::string& name, std::string_view text) {
        auto whole = boost::json::parse(std::string(text)).as_object();
        whole.insert({{"canaryWeight", 0}, {"iterations", 0}, {"observedGeneration", 1}});
        whole.emplace("failedChecks", 0);
        world.set_status(to_text(whole), name);
    };
    status("a-rest", R"({"phase": "Initialized"})");
    status("b-going", R"({"phase": "Progressing"})");
    status("c-waiting", R"({"phase": "WaitingPromotion"})");
    status("d-held", R"({"phase": "Progressing", "conditions": [
        {"type": "Held", "status": "True", "reason": "Held", "message": "Secret x not found"}]})");
    status("e-failing", R"({"phase": "Progressing", "failedChecks": 1})");
    auto list = *world.run(world.client.list(resources::canaries, {.ns = "default"}));
    put_worst_first(list.items, world.clock.now());
    std::string order;
    for (const auto& canary : list.items) order += kube::key_of(canary).name + " ";
    CHECK(order == "e-failing d-held c-waiting b-going a-rest ");
}

TEST_CASE("a Canary is named as kubectl names one, and a refusal says that it is one") {
    const kube::Config config{.connection = {}, .ns = "prod"};
    CHECK(key_of({.name = "canary/web"}, config) == kube::ObjectKey{"prod", "web"});
    CHECK(key_of({.name = "web", .ns = "test"}, config) == kube::ObjectKey{"test", "web"});
    CHECK(told({ErrorKind::denied, "canaries.flagger.app is forbidden"}).message ==
          "you may not do that: canaries.flagger.app is forbidden");
}
