#include "kube/client.hpp"

#include "base/core/text.hpp"
#include "world.hpp"

#include <unistd.h>

#include <fstream>

using namespace sluice;
using namespace sluice::kube;
using namespace sluice::kube::test;

namespace {

const std::string pods_path = "/api/v1/namespaces/prod/pods";

class ClosedGate final : public WriteGate {
   public:
    std::optional<std::string> refusal(Time) const override { return "not the leader"; }
};

// A body of which nothing more comes.
class Endless final : public net::BodyReader {
   public:
    explicit Endless(Clock& clock) : clock_(clock) {}
    Task<Result<std::string>> next() override {
        co_await clock_.sleep_for(24h);
        co_return std::string{};
    }

   private:
    Clock& clock_;
};

Task<Result<std::vector<WatchEvent>>> all_events(Watch& watch) {
    std::vector<WatchEvent> events;
    for (;;) {
        auto event = co_await watch.next();
        if (!event) co_return event.error();
        if (!*event) co_return events;
        events.push_back(**std::move(event));
    }
}

}  // namespace

TEST_CASE("refusals carry the server's words, and callers decide by their kind") {
    World world;
    world.server.on("GET " + pods_path + "/web",
                    404,
                    to_text(status(404, "NotFound", "pods \"web\" not found")));
    const auto answer = world.run(world.client.get(resources::pods, {"prod", "web"}));
    REQUIRE_FALSE(answer);
    CHECK(answer.error() == Error{ErrorKind::not_found, "pods \"web\" not found"});
}

TEST_CASE(
    "the reason of a refusal counts before its code, and a text that is no Status becomes one") {
    struct Case {
        int status;
        std::string body;
        ErrorKind kind;
        std::string message;
    };
    for (const auto& [code, body, kind, message] : {
             Case{409, to_text(status(409, "AlreadyExists", "x")), ErrorKind::already_exists, "x"},
             Case{409, to_text(status(409, "Conflict", "x")), ErrorKind::conflict, "x"},
             Case{410, to_text(status(410, "Expired", "x")), ErrorKind::gone, "x"},
             Case{422, to_text(status(422, "Invalid", "x")), ErrorKind::invalid, "x"},
             Case{500, to_text(status(500, "", "x")), ErrorKind::unavailable, "x"},
             Case{504, to_text(status(504, "Timeout", "x")), ErrorKind::timed_out, "x"},
             Case{404,
                  "404 page not found\n",
                  ErrorKind::not_found,
                  "the server could not find the requested resource (get pods web)"},
             Case{409, "", ErrorKind::conflict, "the server reported a conflict (get pods web)"},
             Case{503,
                  "<html>",
                  ErrorKind::unavailable,
                  "the server is currently unable to handle the request (get pods web)"},
             Case{502,
                  "bad gateway\n",
                  ErrorKind::unavailable,
                  "an error on the server (\"bad gateway\") has prevented the request from "
                  "succeeding (get pods web)"},
             Case{401,
                  "{",
                  ErrorKind::unauthorized,
                  "the server has asked for the client to provide credentials (get pods web)"},
         }) {
        CAPTURE(body);
        const auto error = error_of_answer(code, body, "get pods web");
        CHECK(error.kind == kind);
        CHECK(error.message == message);
    }
}

TEST_CASE("a list is read page by page, and its objects get their kind") {
    World world;
    auto bare = pod("a", "1");
    bare.get_object().erase("kind");
    bare.get_object().erase("apiVersion");
    world.server.on("GET " + pods_path + "?labelSelector=app%3Dweb&limit=500",
                    200,
                    pod_list("7", {bare}, "t/1"));
    world.server.on("GET " + pods_path + "?labelSelector=app%3Dweb&limit=500&continue=t%2F1",
                    200,
                    pod_list("7", {pod("b", "2")}));
    const auto list =
        world.run(world.client.list(resources::pods, {.ns = "prod", .label_selector = "app=web"}));
    REQUIRE(list);
    CHECK(list->resource_version == "7");
    REQUIRE(list->items.size() == 2);
    CHECK(to_text(list->items[0]).starts_with(R"({"apiVersion":"v1","kind":"Pod",)"));
    CHECK(key_of(list->items[1]) == ObjectKey{"prod", "b"});
}

TEST_CASE("a continue token that has expired starts the list again in one piece") {
    World world;
    world.server.on("GET " + pods_path, 200, pod_list("9", {pod("a", "1"), pod("b", "8")}));
    world.server.on("GET " + pods_path + "?limit=500", 200, pod_list("7", {pod("a", "1")}, "t"));
    world.server.on("GET " + pods_path + "?limit=500&continue=t",
                    410,
                    to_text(status(410, "Expired", "too old")));
    const auto list = world.run(world.client.list(resources::pods, {.ns = "prod"}));
    REQUIRE(list);
    CHECK(list->resource_version == "9");
    CHECK(list->items.size() == 2);
    CHECK(world.server.asked() ==
          std::vector<std::string>{"GET " + pods_path + "?limit=500",
                                   "GET " + pods_path + "?limit=500&continue=t",
                                   "GET " + pods_path});
}

TEST_CASE("an answer of 'later' is waited for and asked again, with its body") {
    World world;
    world.server.on("POST " + pods_path, 201, to_text(pod("a", "5")));
    world.server.on("POST " + pods_path,
                    429,
                    "Too many requests, please try again later.",
                    {{"Retry-After", "2"}},
                    2);
    const auto began = world.clock.now();
    const auto made = world.run(world.client.create(resources::pods, pod("a", "")));
    REQUIRE(made);
    CHECK(resource_version_of(*made) == "5");
    CHECK(world.clock.now() - began == 4s);
    REQUIRE(world.server.requests.size() == 3);
    CHECK(world.server.requests[2].body == world.server.requests[0].body);
}

TEST_CASE("patience with a server that says 'later' ends, and the pause is handed on") {
    World world;
    world.server.on("GET " + pods_path, 503, "", {{"Retry-After", "25"}});
    const auto answer = world.run(world.client.get(resources::pods, {"prod", "a"}));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ErrorKind::unavailable);
    CHECK(answer.error().retry_after == Duration(25s));
    CHECK(world.server.requests.size() == 3);
    // Without Retry-After nothing is repeated.
    world.server.on("GET " + pods_path, 500, "");
    CHECK_FALSE(world.run(world.client.get(resources::pods, {"prod", "a"})));
    CHECK(world.server.requests.size() == 4);
}

TEST_CASE("a watch that is refused with a text that never ends is refused in time") {
    World world;
    world.server.on("GET /api/v1/pods?watch=true", [&](const net::Request&) {
        net::Response answer;
        answer.status = 502;
        answer.stream = std::make_unique<Endless>(world.clock);
        return answer;
    });
    const auto began = world.clock.now();
    const auto watch = world.run(world.client.watch(resources::pods, {}, {}));
    REQUIRE_FALSE(watch);
    CHECK(watch.error().kind == ErrorKind::unavailable);
    CHECK(world.clock.now() - began == 30s);
}

TEST_CASE("the page of a proxy in between is shown as far as it is text") {
    World world;
    world.server.on("GET " + pods_path, 500, "<b>" + std::string(252, '-') + "é</b>");
    const auto answer = world.run(world.client.get(resources::pods, {"prod", "a"}));
    REQUIRE_FALSE(answer);
    CHECK(is_utf8(answer.error().message));
}

TEST_CASE("requests are spaced by the token bucket") {
    World world({.rate = {.per_second = 2, .burst = 3}});
    world.server.on("GET " + pods_path, 200, to_text(pod("a", "1")));
    const auto began = world.clock.now();
    for (int i = 0; i < 7; ++i) CHECK(world.run(world.client.get(resources::pods, {"prod", "a"})));
    CHECK(world.clock.now() - began == 2s);
}

TEST_CASE("writes say what they mean on the wire") {
    World world;
    world.server.on("", 200, to_text(pod("a", "6")));
    auto& client = world.client;
    const ObjectKey key{"prod", "a"};
    CHECK(world.run(client.merge_patch(resources::pods,
                                       key,
                                       *parse_json(R"({"status":{"x":1}})"),
                                       {.subresource = "status",
                                        .resource_version = "5",
                                        .uid = "u",
                                        .field_manager = "sluice",
                                        .dry_run = true})));
    CHECK(world.run(client.json_patch(resources::pods,
                                      key,
                                      *parse_json(R"([{"op":"remove","path":"/x"}])"),
                                      {.resource_version = "5"})));
    CHECK(world.run(client.update(resources::pods, pod("a", "5"), {.subresource = "status"})));
    CHECK(world.run(client.apply(resources::pods, pod("a", ""), {.force = true})));
    CHECK(world.run(
        client.remove(resources::pods, key, {.propagation = Propagation::foreground, .uid = "u"})));
    const auto& requests = world.server.requests;
    REQUIRE(requests.size() == 5);
    CHECK(world.server.asked() ==
          std::vector<std::string>{
              "PATCH " + pods_path + "/a/status?dryRun=All&fieldManager=sluice",
              "PATCH " + pods_path + "/a",
              "PUT " + pods_path + "/a/status",
              "PATCH " + pods_path + "/a?fieldManager=sluice&force=true",
              "DELETE " + pods_path + "/a",
          });
    CHECK(requests[0].headers.get("Content-Type") == "application/merge-patch+json");
    CHECK(requests[0].body == R"({"status":{"x":1},"metadata":{"resourceVersion":"5","uid":"u"}})");
    CHECK(requests[1].headers.get("Content-Type") == "application/json-patch+json");
    CHECK(
        requests[1].body ==
        R"([{"op":"test","path":"/metadata/resourceVersion","value":"5"},{"op":"remove","path":"/x"}])");
    CHECK(requests[3].headers.get("Content-Type") == "application/apply-patch+yaml");
    CHECK(
        requests[4].body ==
        R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground","preconditions":{"uid":"u"}})");
    CHECK(world.client.count().writes == 5);
}

TEST_CASE("a closed gate keeps writes back and lets reads pass") {
    World world;
    const ClosedGate gate;
    world.client.guard_writes(&gate);
    world.server.on("", 200, to_text(pod("a", "6")));
    CHECK(world.run(world.client.get(resources::pods, {"prod", "a"})));
    const auto refused = world.run(world.client.create(resources::pods, pod("a", "")));
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Error{ErrorKind::cancelled, "not the leader"});
    CHECK(world.server.requests.size() == 1);
}

TEST_CASE("the token file is read again once a minute, and at once after a 401") {
    const std::string path = "/tmp/sluice-unit-kube-token-" + std::to_string(::getpid());
    const auto write = [&](std::string_view text) { std::ofstream(path) << text; };
    write("one\n");
    World world({.token_file = path});
    world.server.on("", 200, to_text(pod("a", "6")));
    const auto token = [&] {
        CHECK(world.run(world.client.get(resources::pods, {"prod", "a"})));
        return std::string(world.server.requests.back().headers.get("Authorization").value_or(""));
    };
    CHECK(token() == "Bearer one");
    write("two\n");
    CHECK(token() == "Bearer one");
    world.clock.run_for(1min);
    CHECK(token() == "Bearer two");
    write("three\n");
    world.server.on("", 401, "Unauthorized", {}, 1);
    CHECK(token() == "Bearer three");
    ::unlink(path.c_str());
    world.clock.run_for(1min);
    CHECK(token() == "Bearer three");
    World other({.token_file = path});
    const auto none = other.run(other.client.get(resources::pods, {"prod", "a"}));
    REQUIRE_FALSE(none);
    CHECK(none.error().message == "token file " + path + " cannot be read");
}

TEST_CASE("each distinct warning of the server is told once") {
    World world;
    std::vector<std::string> warnings;
    world.client.on_warning([&](std::string_view text) { warnings.emplace_back(text); });
    world.server.on("",
                    200,
                    to_text(pod("a", "6")),
                    {{"Warning", "299 - \"unknown field \\\"x\\\"\""}, {"Warning", "299 - \"b\""}});
    for (int i = 0; i < 2; ++i) CHECK(world.run(world.client.get(resources::pods, {"prod", "a"})));
    CHECK(warnings == std::vector<std::string>{"unknown field \"x\"", "b"});
}

TEST_CASE("a watch gives events in any chunking") {
    World world;
    world.server.on_stream(
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=5");
    auto watch = world.run(world.client.watch(resources::pods, {}, {.resource_version = "5"}));
    REQUIRE(watch);
    auto& feed = *world.server.feeds.at(0);
    const auto text = event("ADDED", pod("a", "6")) + "\r\n\n" + event("DELETED", pod("a", "7")) +
                      "\n" + bookmark("9", true) + "\n";
    for (std::size_t i = 0; i < text.size(); i += 7) feed.push(text.substr(i, 7));
    feed.end();
    const auto events = world.run(all_events(**watch));
    REQUIRE(events);
    REQUIRE(events->size() == 3);
    CHECK((*events)[0].kind == WatchEventKind::added);
    CHECK((*events)[1].kind == WatchEventKind::deleted);
    CHECK((*events)[2].kind == WatchEventKind::bookmark);
    CHECK((*events)[2].initial_events_end);
}

TEST_CASE("a watch that breaks off, lies or is too old says so") {
    World world;
    world.server.on_stream("GET /api/v1/pods?watch=true");
    const auto outcome = [&](const std::function<void(sluice::test::Feed&)>& script) {
        auto watch = world.run(world.client.watch(resources::pods, {}, {}));
        REQUIRE(watch);
        script(*world.server.feeds.back());
        const auto events = world.run(all_events(**watch));
        REQUIRE_FALSE(events);
        return events.error();
    };
    CHECK(outcome([](auto& feed) { feed.break_off(); }).kind == ErrorKind::unreachable);
    CHECK(outcome([](auto& feed) {
              feed.push("{\"type\":");
              feed.end();
          }).kind == ErrorKind::unreachable);
    CHECK(outcome([](auto& feed) { feed.push_line("nonsense"); }).kind == ErrorKind::bad_answer);
    CHECK(outcome([](auto& feed) { feed.push_line(event("WHAT", pod("a", "1"))); }).kind ==
          ErrorKind::bad_answer);
    CHECK(outcome([](auto& feed) { feed.push_line(R"({"type":"ADDED"})"); }).kind ==
          ErrorKind::bad_answer);
    CHECK(outcome([](auto& feed) {
              feed.push_line(
                  event("ERROR", status(410, "Expired", "too old resource version: 5 (9)")));
          }) == Error{ErrorKind::gone, "too old resource version: 5 (9)"});
    // A server that is gone without a word.
    CHECK(outcome([](auto&) {}).message == "the server did not end the watch in time");
    CHECK(world.server.feeds.back()->is_closed());
}

TEST_CASE("discovery reads the aggregated documents") {
    World world;
    world.server.on("GET /api",
                    200,
                    R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":""},"versions":[
        {"version":"v1","resources":[{"resource":"pods","responseKind":{"group":"","version":"v1","kind":"Pod"},
        "scope":"Namespaced","singularResource":"pod","shortNames":["po"],"verbs":["get","list"],"categories":["all"],
        "subresources":[{"subresource":"status"}]}]}]}]})");
    world.server.on(
        "GET /apis",
        200,
        R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[
        {"version":"v1","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced",
        "singularResource":"deployment","shortNames":["deploy"]}]},{"version":"v1beta1","freshness":"Stale"}]}]})");
    const auto found = world.run(world.client.discover());
    REQUIRE(found);
    REQUIRE(found->find_kind("apps", "Deployment") != nullptr);
    CHECK(found->find_kind("apps", "Deployment")->resource == resources::deployments);
    CHECK(found->find_name("po")->resource == resources::pods);
    CHECK(found->find_name("Pod")->subresources == std::vector<std::string>{"status"});
    CHECK(found->find_name("deploy.apps")->resource == resources::deployments);
    CHECK(found->find_name("deployments.v1.apps")->resource == resources::deployments);
    CHECK(found->find_name("deployments.other") == nullptr);
    CHECK(found->serves(resources::pods));
    CHECK_FALSE(found->serves(resources::canaries));
    CHECK(found->trouble ==
          std::vector<std::string>{"apps/v1beta1: the server behind it does not answer"});
}

TEST_CASE("discovery reads the older documents, and one broken group does not hide the others") {
    World world;
    world.server.on("GET /apis/metrics.k8s.io/v1beta1", 503, "");
    world.server.on("GET /api", 200, R"({"kind":"APIVersions","versions":["v1"]})");
    world.server.on("GET /api/v1", 200, R"({"kind":"APIResourceList","resources":[
        {"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get"]},{"name":"pods/log"}]})");
    world.server.on("GET /apis", 200, R"({"kind":"APIGroupList","groups":[
        {"name":"metrics.k8s.io","versions":[{"version":"v1beta1"}],"preferredVersion":{"version":"v1beta1"}},
        {"name":"apps","versions":[{"version":"v1beta1"},{"version":"v1"}],"preferredVersion":{"version":"v1"}}]})");
    world.server.on("GET /apis/metrics.k8s.io/v1beta1", 503, "");
    world.server.on(
        "GET /apis/apps/",
        200,
        R"({"resources":[{"name":"deployments","namespaced":true,"kind":"Deployment"}]})");
    const auto found = world.run(world.client.discover());
    REQUIRE(found);
    CHECK(found->find_kind("apps", "Deployment")->resource.version == "v1");
    CHECK(found->find_name("pods")->subresources == std::vector<std::string>{"log"});
    CHECK(found->trouble.size() == 1);
}

TEST_CASE("the server's version is read with its odd minors") {
    World world;
    world.server.on("GET /version", 200, R"({"major":"1","minor":"32+","gitVersion":"v1.32.4-x"})");
    const auto version = world.run(world.client.server_version());
    REQUIRE(version);
    CHECK(version->major == 1);
    CHECK(version->minor == 32);
    CHECK(version->git_version == "v1.32.4-x");
}
