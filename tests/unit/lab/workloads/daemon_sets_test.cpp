#include "a_lab.hpp"

namespace sluice::lab::testing {

namespace {

Json a_daemon_set(std::string_view image = "demo:1", Json rolling = nullptr) {
    const Json labels = {{"app", "agent"}};
    Json set = {
        {"apiVersion", "apps/v1"},
        {"kind", "DaemonSet"},
        {"metadata", {{"name", "agent"}, {"namespace", "default"}}},
        {"spec",
         {{"selector", {{"matchLabels", labels}}},
          {"template",
           {{"metadata", {{"labels", labels}}},
            {"spec", {{"containers", JsonArray{Json{{"name", "web"}, {"image", image}}}}}}}}}}};
    if (!rolling.is_null())
        put(set, {"spec", "updateStrategy", "rollingUpdate"}, std::move(rolling));
    return set;
}

void set_image(Lab& lab, const std::string& image) {
    lab.patch(resources::daemon_sets,
              "agent",
              JsonArray{Json{{"op", "replace"},
                             {"path", "/spec/template/spec/containers/0/image"},
                             {"value", image}}},
              PatchKind::json);
}

// "desired current ready updated available misscheduled", "-" for a field that is not there.
std::string numbers(Lab& lab) {
    const auto set = lab.get(resources::daemon_sets, "agent");
    std::string text;
    for (const std::string_view field : {"desiredNumberScheduled",
                                         "currentNumberScheduled",
                                         "numberReady",
                                         "updatedNumberScheduled",
                                         "numberAvailable",
                                         "numberMisscheduled"}) {
        const auto number = integer_at(set, {"status", field});
        text += (text.empty() ? "" : " ") + (number ? std::to_string(*number) : "-");
    }
    return text;
}

std::string image_of(const Json& pod) {
    return std::string(text_at(array_at(pod, {"spec", "containers"}).at(0), {"image"}));
}

// Number and image of each revision, the oldest first.
std::vector<std::string> revisions(Lab& lab) {
    auto all = lab.list(resources::controller_revisions);
    std::ranges::sort(
        all, {}, [](const ObjectPtr& one) { return integer_at(*one, {"revision"}).value_or(0); });
    std::vector<std::string> texts;
    for (const auto& one : all) {
        texts.push_back(
            std::to_string(*integer_at(*one, {"revision"})) + " " +
            std::string(
                text_at(array_at(*one, {"data", "spec", "template", "spec", "containers"}).at(0),
                        {"image"})));
    }
    return texts;
}

}  // namespace

TEST_CASE("a DaemonSet runs one pod on the lab's node and says so") {
    Lab lab;
    lab.start();
    lab.create(resources::daemon_sets, a_daemon_set());
    lab.run_for(seconds{3});
    REQUIRE(lab.pods().size() == 1);
    const auto pod = *lab.pods().front();
    CHECK(text_at(pod, {"spec", "nodeName"}) == "lab-1");
    CHECK(text_at(pod, {"metadata", "labels", "pod-template-generation"}) == "1");
    CHECK_FALSE(text_at(pod, {"metadata", "labels", "controller-revision-hash"}).empty());
    CHECK(kube::key_of(pod).name.starts_with("agent-"));
    CHECK(numbers(lab) == "1 1 1 1 1 0");
    CHECK(lab.events("DaemonSet") ==
          std::vector<std::string>{"SuccessfulCreate: Created pod: " + kube::key_of(pod).name});
    CHECK(revisions(lab) == std::vector<std::string>{"1 demo:1"});

    lab.remove(resources::pods, kube::key_of(pod).name);
    lab.run_for(seconds{5});
    REQUIRE(lab.pods().size() == 1);
    CHECK(kube::key_of(*lab.pods().front()).name != kube::key_of(pod).name);
    CHECK(numbers(lab) == "1 1 1 1 1 0");

    lab.remove(resources::daemon_sets, "agent");
    lab.run_for(seconds{5});
    CHECK(lab.pods().empty());
    CHECK(lab.list(resources::controller_revisions).empty());
}

TEST_CASE("a new template takes the old pod's place, and an undo gives the old one its number") {
    Lab lab;
    lab.start();
    lab.create(resources::daemon_sets, a_daemon_set());
    lab.run_for(seconds{3});
    set_image(lab, "demo:2");
    lab.run_for(seconds{1});
    // With one pod unavailable the old one goes before the new one comes.
    CHECK(numbers(lab).substr(0, 5) != "1 1 1");
    lab.run_for(seconds{5});
    REQUIRE(lab.pods().size() == 1);
    CHECK(image_of(*lab.pods().front()) == "demo:2");
    CHECK(text_at(*lab.pods().front(), {"metadata", "labels", "pod-template-generation"}) == "2");
    CHECK(numbers(lab) == "1 1 1 1 1 0");
    CHECK(revisions(lab) == std::vector<std::string>{"1 demo:1", "2 demo:2"});

    // What `kubectl rollout undo` sends.
    auto all = lab.list(resources::controller_revisions);
    const auto first = std::ranges::find_if(
        all, [](const ObjectPtr& one) { return integer_at(*one, {"revision"}) == 1; });
    REQUIRE(first != all.end());
    const Json back = *find(**first, {"data"});
    lab.patch(resources::daemon_sets, "agent", back, PatchKind::strategic);
    lab.run_for(seconds{6});
    CHECK(image_of(*lab.pods().front()) == "demo:1");
    CHECK(revisions(lab) == std::vector<std::string>{"2 demo:2", "3 demo:1"});
}

TEST_CASE("with maxSurge the old pod stays until the new one serves") {
    Lab lab;
    lab.start();
    lab.create(resources::daemon_sets,
               a_daemon_set("demo:1", {{"maxSurge", 1}, {"maxUnavailable", 0}}));
    lab.run_for(seconds{3});
    const auto old = kube::key_of(*lab.pods().front()).name;
    lab.runtime().script("demo:2", {.starts_after = seconds{10}});
    set_image(lab, "demo:2");
    lab.run_for(seconds{5});
    CHECK(lab.pods().size() == 2);
    CHECK(lab.has(resources::pods, old));
    CHECK(numbers(lab) == "1 1 1 - 1 0");
    lab.run_for(seconds{10});
    REQUIRE(lab.pods().size() == 1);
    CHECK(image_of(*lab.pods().front()) == "demo:2");
    CHECK(numbers(lab) == "1 1 1 1 1 0");
}

TEST_CASE("with OnDelete a pod keeps its template until somebody deletes it") {
    Lab lab;
    lab.start();
    auto set = a_daemon_set();
    put(set, {"spec", "updateStrategy", "type"}, "OnDelete");
    lab.create(resources::daemon_sets, set);
    lab.run_for(seconds{3});
    set_image(lab, "demo:2");
    lab.run_for(seconds{10});
    CHECK(image_of(*lab.pods().front()) == "demo:1");
    CHECK(numbers(lab) == "1 1 1 - 1 0");
    lab.remove(resources::pods, kube::key_of(*lab.pods().front()).name);
    lab.run_for(seconds{10});
    CHECK(image_of(*lab.pods().front()) == "demo:2");
}

// Flagger scales a DaemonSet to zero so (canary.md 4).
TEST_CASE("a nodeSelector that no node matches leaves a DaemonSet without pods") {
    Lab lab;
    lab.start();
    lab.create(resources::daemon_sets, a_daemon_set());
    lab.run_for(seconds{3});
    const Json away = {{"flagger.app/scale-to-zero", "true"}};
    Json patch = JsonObject{};
    put(patch, {"spec", "template", "spec", "nodeSelector"}, away);
    lab.patch(resources::daemon_sets, "agent", patch);
    lab.run_for(seconds{5});
    CHECK(lab.pods().empty());
    CHECK(numbers(lab) == "0 0 0 - - 0");
    CHECK(integer_at(lab.get(resources::daemon_sets, "agent"), {"status", "observedGeneration"}) ==
          2);

    put(patch, {"spec", "template", "spec", "nodeSelector"}, nullptr);
    lab.patch(resources::daemon_sets, "agent", patch);
    lab.run_for(seconds{5});
    CHECK(numbers(lab) == "1 1 1 1 1 0");
}

TEST_CASE("a DaemonSet waits minReadySeconds before it counts a pod as available") {
    Lab lab;
    lab.start();
    auto set = a_daemon_set();
    put(set, {"spec", "minReadySeconds"}, 20);
    lab.create(resources::daemon_sets, set);
    lab.run_for(seconds{10});
    CHECK(numbers(lab) == "1 1 1 1 - 0");
    CHECK(integer_at(lab.get(resources::daemon_sets, "agent"), {"status", "numberUnavailable"}) ==
          1);
    lab.run_for(seconds{15});
    CHECK(numbers(lab) == "1 1 1 1 1 0");
}

TEST_CASE("of the templates that no pod runs revisionHistoryLimit are kept") {
    Lab lab;
    lab.start();
    auto set = a_daemon_set();
    put(set, {"spec", "revisionHistoryLimit"}, 1);
    lab.create(resources::daemon_sets, set);
    lab.run_for(seconds{3});
    for (const std::string image : {"demo:2", "demo:3", "demo:4"}) {
        set_image(lab, image);
        lab.run_for(seconds{6});
    }
    CHECK(revisions(lab) == std::vector<std::string>{"3 demo:3", "4 demo:4"});
}

TEST_CASE("a daemon runs on a node that is closed for other pods") {
    Lab lab;
    lab.start();
    const auto closed = lab.cluster().patch(
        resources::nodes, {"", "lab-1"}, PatchKind::merge, {{"spec", {{"unschedulable", true}}}});
    REQUIRE(closed.has_value());
    lab.create(resources::daemon_sets, a_daemon_set());
    lab.create(resources::deployments, a_deployment({.replicas = 1}));
    lab.run_for(seconds{3});
    CHECK(numbers(lab) == "1 1 1 1 1 0");
    CHECK(lab.condition("web", "Available") == "False MinimumReplicasUnavailable");
}

TEST_CASE("of two pods on one node the older one stays") {
    Lab lab;
    lab.start();
    lab.create(resources::daemon_sets, a_daemon_set());
    lab.run_for(seconds{3});
    const auto first = *lab.pods().front();
    Json twin = first;
    put(twin, {"metadata"}, {{"name", "twin"}, {"namespace", "default"}});
    put(twin, {"metadata", "labels"}, object_at(first, {"metadata", "labels"}));
    lab.create(resources::pods, twin);
    lab.run_for(seconds{5});
    REQUIRE(lab.pods().size() == 1);
    CHECK(kube::key_of(*lab.pods().front()).name == kube::key_of(first).name);
}

}  // namespace sluice::lab::testing
