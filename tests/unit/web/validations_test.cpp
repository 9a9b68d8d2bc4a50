// What lint says of a cluster, told as it changes; and what that costs: which changes make a
// namespace be looked at again, how often, and what is read then.
#include "web/validations.hpp"

#include "known_world.hpp"
#include "release/lint_cluster.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::web;
using namespace sluice::web::test;
using namespace std::chrono_literals;

namespace {

namespace resources = kube::resources;

struct World : KnownWorld {
    // Those that may not be listed, and those that the cluster does not have.
    explicit World(std::set<std::string, std::less<>> refused = {},
                   std::set<std::string, std::less<>> absent = {}) {
        http.refused = std::move(refused);
        http.absent = std::move(absent);
        known->start([this](const kube::Resource& resource, const kube::ObjectKey& key) {
            validations.note_change(*known, resource, key);
        });
        validations.open(*known);
        clock.settle();
    }
    ~World() {
        known->cancel();
        clock.settle();
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void change(const kube::Resource& resource, const Json& object) { tell(resource, object); }
    void change(std::string_view kind, std::string_view name, std::string_view spec) {
        change_in("test", kind, name, spec);
    }
    void change_in(std::string_view ns,
                   std::string_view kind,
                   std::string_view name,
                   std::string_view spec) {
        for (const auto& each : release::lint_kinds()) {
            if (each.resource.kind != kind) continue;
            Json object = JsonObject{{"metadata", meta(name, ns)}};
            if (!each.resource.namespaced) drop(object, {"metadata", "namespace"});
            put(object, {"spec"}, boost::json::parse(spec));
            tell(each.resource, object);
        }
    }
    // What is found in namespace test when everything was looked at that is due within five
    // seconds.
    std::vector<std::string> lines(bool sees_everything = true) {
        clock.run_for(5s);
        look();
        std::vector<std::string> lines;
        for (const auto* one :
             validations.all({.namespaces = {"test"}, .sees_everything = sees_everything})) {
            if (one->finding.code != "IST0102") lines.push_back(line_of(one->finding));
        }
        return lines;
    }
    // Looks wherever it is time to; how often.
    int look() {
        int looked = 0;
        for (; validations.is_due(*known); ++looked) validations.look(*known);
        return looked;
    }
    static Json deployment(std::int64_t ready, std::string_view image = "a") {
        Json object = JsonObject{{"metadata", meta("podinfo")}};
        put(object, {"spec", "image"}, Json(image));
        put(object, {"status", "readyReplicas"}, ready);
        return object;
    }

    Validations validations{clock, {}};
};

}  // namespace

TEST_CASE("a status alone is no reason to look at a namespace again") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    world.change(resources::deployments, World::deployment(1));
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    world.change(resources::canaries, a_canary("podinfo", R"({"phase": "Progressing"})"));
    world.change(resources::deployments, World::deployment(2));
    CHECK_FALSE(world.validations.due(*world.known));
    // What the controller keeps for itself on a primary is no news either.
    auto noted = World::deployment(2);
    put(noted, {"metadata", "annotations"}, JsonObject{{"sluice.dev/state", "1"}});
    world.change(resources::deployments, noted);
    put(noted, {"metadata", "annotations", "sluice.dev/state"}, Json("2"));
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    world.change(resources::deployments, noted);
    CHECK_FALSE(world.validations.due(*world.known));
    // Whether any pod runs is: a release needs one.
    put(noted, {"status", "readyReplicas"}, Json(0));
    world.change(resources::deployments, noted);
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    auto other = a_canary("podinfo", R"({"phase": "Progressing"})");
    put(other, {"spec", "analysis", "threshold"}, Json(7));
    world.change(resources::canaries, other);
    CHECK(world.look() == 1);
}

TEST_CASE("a namespace is looked at once a second at most, and others meanwhile") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    CHECK(world.look() == 1);
    for (int i = 0; i < 10; ++i) {
        auto canary = a_canary("podinfo");
        put(canary, {"spec", "analysis", "threshold"}, Json(i));
        world.change(resources::canaries, canary);
        CHECK(world.look() == 0);
    }
    auto elsewhere = a_canary("podinfo");
    put(elsewhere, {"metadata", "namespace"}, Json("other"));
    world.change(resources::canaries, elsewhere);
    CHECK(world.look() == 1);
    CHECK(world.validations.due(*world.known) == world.clock.now() + 1s);
    world.clock.run_for(1s);
    CHECK(world.look() == 1);
    CHECK_FALSE(world.validations.due(*world.known));
}

TEST_CASE("pods are read when they change, and not whenever their namespace is looked at") {
    World world;
    constexpr std::uint64_t pods = 50;
    for (std::uint64_t i = 0; i < pods; ++i) {
        world.change(resources::pods, JsonObject{{"metadata", meta(fmt::format("p{}", i))}});
    }
    world.change(resources::canaries, a_canary("podinfo"));
    CHECK(world.look() == 1);
    CHECK(world.parsed() >= pods);
    world.clock.run_for(5s);
    auto canary = a_canary("podinfo");
    put(canary, {"spec", "analysis", "threshold"}, Json(7));
    world.change(resources::canaries, canary);
    world.change(resources::pods, JsonObject{{"metadata", meta("p7")}, {"spec", JsonObject{}}});
    CHECK(world.look() == 1);
    CHECK(world.parsed() <= 10);
}

namespace {

using Lines = std::vector<std::string>;

Lines about(std::string_view object, const Lines& lines) {
    Lines found;
    for (const auto& line : lines) {
        if (line.find(object) != std::string::npos) found.push_back(line);
    }
    return found;
}

const std::string payments_unknown =
    "error: VirtualService test/shop spec.http[0].route[0].destination.host: Referenced host not "
    "found: \"payments\" [IST0101]";
constexpr std::string_view to_payments =
    R"({"hosts": ["shop"], "http": [{"route": [{"destination": {"host": "payments"}}]}]})";

}  // namespace

TEST_CASE("a host that a ServiceEntry of any namespace declares is not called unknown") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    world.change("VirtualService", "shop", to_payments);
    CHECK(about("shop", world.lines()) == Lines{payments_unknown});
    world.change_in("other", "ServiceEntry", "all", R"({"hosts": ["*.svc.cluster.local"]})");
    CHECK(about("shop", world.lines()).empty());
}

TEST_CASE("what may not be listed is named in one line, and nothing is judged by it") {
    World world({"serviceentries", "alertproviders"}, {"sidecars"});
    auto canary = a_canary("podinfo");
    put(canary,
        {"spec", "analysis", "alerts"},
        boost::json::parse(R"([{"name": "a", "providerRef": {"name": "slack"}}])"));
    world.change(resources::canaries, canary);
    world.change("VirtualService", "shop", to_payments);
    CHECK(about("shop", world.lines()).empty());
    CHECK(about("AlertProvider", world.lines()).empty());
    const auto problems = world.validations.problems(*world.known, true);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].code == "not_judged");
    CHECK(problems[0].message ==
          "Findings: not judged, for you cannot read them: alertproviders (providerRef), "
          "serviceentries (whether a host is there)");
}

TEST_CASE("a reference to another namespace is judged by what stands there") {
    World world;
    auto canary = a_canary("podinfo");
    put(canary,
        {"spec", "analysis", "alerts"},
        boost::json::parse(
            R"([{"name": "a", "providerRef": {"name": "slack", "namespace": "ops"}}])"));
    world.change(resources::canaries, canary);
    CHECK(about("AlertProvider", world.lines()) ==
          Lines{"error: Canary test/podinfo spec.analysis.alerts[0].providerRef: AlertProvider "
                "ops/slack does not exist"});
    world.change_in("ops", "AlertProvider", "slack", R"({"type": "slack"})");
    CHECK(about("AlertProvider", world.lines()).empty());
}

TEST_CASE("what only another namespace tells is not told to who may not read it") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    world.change("VirtualService", "shop", to_payments);
    world.change("VirtualService",
                 "away",
                 R"({"hosts": ["away"], "http": [{"route": [
                     {"destination": {"host": "vault.secret.svc.cluster.local"}}]}]})");
    world.change_in("secret", "Service", "vault", R"({"ports": [{"port": 8200}, {"port": 8201}]})");
    world.change("VirtualService", "mine", R"({"hosts": ["both.example.com"]})");
    world.change_in("secret", "VirtualService", "theirs", R"({"hosts": ["both.example.com"]})");
    CHECK(about("multiple ports [8200 8201]", world.lines()).size() == 1);
    CHECK(about("secret/theirs,test/mine", world.lines()).size() == 1);
    // Before it is known who sees what nothing is told.
    CHECK(world.lines(false).empty());
    world.validations.tell_apart();
    const auto plain = world.lines(false);
    CHECK(about("secret", plain).empty());
    CHECK(about("8200", plain).empty());
    CHECK(about("shop", plain).size() == 1);
    CHECK(world.validations.counts({.sees_everything = false}).errors <
          world.validations.counts({}).errors);
    CHECK(world.validations.problems(*world.known, false).size() == 1);
}

TEST_CASE(
    "what nobody asks about elsewhere is not read, and what is asked about is seen to change") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    world.change("VirtualService",
                 "away",
                 R"({"hosts": ["away"], "http": [{"route": [
                     {"destination": {"host": "vault.secret.svc.cluster.local"}}]}]})");
    CHECK(about("not found", world.lines()).size() == 1);
    for (int i = 0; i < 50; ++i) {
        world.change_in("secret", "Service", fmt::format("s{}", i), R"({"ports": [{"port": 1}]})");
    }
    // Only the namespace itself is looked at.
    CHECK(world.look() == 1);
    CHECK_FALSE(world.validations.due(*world.known));
    world.clock.run_for(5s);
    // In the others five seconds after the look before it.
    world.change("VirtualService", "more", R"({"hosts": ["more"]})");
    CHECK(world.look() == 1);
    world.change_in("secret", "Service", "vault", R"({"ports": [{"port": 1}]})");
    CHECK(world.look() == 1);
    CHECK(world.validations.due(*world.known) == world.clock.now() + 5s);
    CHECK(about("not found", world.lines()).empty());
    // What nobody reads of it is no news but in its own namespace.
    world.change_in("secret",
                    "Service",
                    "vault",
                    R"({"ports": [{"port": 1}], "externalTrafficPolicy": "Local"})");
    CHECK(world.look() == 1);
    CHECK_FALSE(world.validations.due(*world.known));
}

TEST_CASE("a namespace without a Canary is looked at, too, until nothing is left in it") {
    World world;
    world.change("VirtualService", "shop", to_payments);
    CHECK(world.validations.not_yet_looked_at([](const auto& /*ns*/) { return true; }) == 1);
    CHECK(world.validations.not_yet_looked_at([](const auto& ns) { return ns == "other"; }) == 0);
    CHECK(about("shop", world.lines()) == Lines{payments_unknown});
    CHECK(world.validations.not_yet_looked_at([](const auto& /*ns*/) { return true; }) == 0);
}

TEST_CASE("of ConfigMaps beside the injectors' nothing is read, and none makes anybody look") {
    World world;
    world.change(resources::canaries, a_canary("podinfo"));
    CHECK(world.look() == 1);
    world.clock.run_for(5s);
    Json map = JsonObject{{"metadata", meta("istio-leader", "istio-system")},
                          {"data", JsonObject{{"values", "a"}}}};
    world.change(resources::config_maps, map);
    CHECK_FALSE(world.validations.due(*world.known));
    CHECK(find(*world.known->get(resources::config_maps, {"istio-system", "istio-leader"}),
               {"data"}) == nullptr);
    for (const auto* name : {"istio-sidecar-injector", "istio-sidecar-injector-1-20"}) {
        put(map, {"metadata", "name"}, Json(name));
        world.change(resources::config_maps, map);
        CHECK(world.validations.due(*world.known) == world.clock.now());
        CHECK(world.look() > 0);
        world.clock.run_for(5s);
    }
}

TEST_CASE("who may not list pods is told of none, and of everything else") {
    World world;
    world.change_in("", "Namespace", "test", "{}");
    Json space = JsonObject{
        {"metadata",
         JsonObject{{"name", "test"}, {"labels", JsonObject{{"istio-injection", "enabled"}}}}}};
    world.change(resources::namespaces, space);
    world.change("VirtualService", "shop", to_payments);
    world.change("Pod", "bare", R"({"containers": [{"name": "a", "image": "a"}]})");
    CHECK(about("test/bare", world.lines()).size() == 1);
    const Validations::Of blind{.sees_pods = [](const std::string& /*ns*/) { return false; }};
    const Validations::Of elsewhere{.sees_pods = [](const std::string& ns) { return ns == "x"; }};
    for (const auto& of : {blind, elsewhere}) {
        const auto all = world.validations.all(of);
        REQUIRE(all.size() == 1);
        CHECK(line_of(all.front()->finding) == payments_unknown);
        CHECK(world.validations.counts(of).warnings == 0);
        CHECK(world.validations.counts(of).errors == 1);
    }
    // What the objects of a release count is told to everybody.
    CHECK(world.validations.for_all("test").size() == 1);
    CHECK(world.validations.counts({}).warnings == 1);
}

TEST_CASE("a kind that is read at last is judged from then on") {
    World world({"serviceentries"});
    world.change(resources::canaries, a_canary("podinfo"));
    world.change("VirtualService", "shop", to_payments);
    CHECK(about("shop", world.lines()).empty());
    world.http.refused.clear();
    world.clock.run_for(1min);
    CHECK(about("shop", world.lines()) == Lines{payments_unknown});
}
