#include "kube/cache.hpp"

#include "world.hpp"

using namespace sluice;
using namespace sluice::kube;
using namespace sluice::kube::test;

namespace {

const std::string streaming =
    "GET "
    "/api/v1/"
    "pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch="
    "NotOlderThan";
const std::string watching =
    "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=";
const std::string listing = "GET /api/v1/pods?limit=500";
const ObjectKey a{"prod", "a"};
const ObjectKey b{"prod", "b"};

using Names = std::vector<std::string>;

struct Cached {
    explicit Cached(CacheOptions options = {})
        : cache(world.context.get_executor(),
                world.clock,
                world.random,
                world.client,
                world.log,
                resources::pods,
                std::move(options)) {
        cache.on_change([this](const ObjectKey& key) { changes.push_back(key.name); });
    }
    ~Cached() {
        world.tasks.cancel();
        world.clock.settle();
    }

    void start() {
        world.tasks.spawn("cache", cache.run());
        world.clock.settle();
    }
    // The server has `first` and streams.
    void start_streaming(std::initializer_list<Json> first, const std::string& version) {
        Names lines;
        for (const auto& object : first) lines.push_back(event("ADDED", object));
        lines.push_back(bookmark(version, true));
        world.server.on_stream(streaming, lines);
        start();
    }
    void tell(const std::string& line) {
        world.server.feeds.back()->push_line(line);
        world.clock.settle();
    }
    void after(Duration duration) { world.clock.run_for(duration); }
    std::string image(const ObjectKey& key) const {
        const auto object = cache.get(key);
        return object ? std::string(text_at(*object, {"spec", "image"})) : "none";
    }
    Names asked() {
        auto all = world.server.asked();
        world.server.requests.clear();
        return all;
    }

    World world;
    Cache cache;
    Names changes;
};

}  // namespace

TEST_CASE("a cache opens with a streaming list and goes on with it") {
    Cached it;
    CHECK_FALSE(it.cache.synced());
    it.start_streaming({pod("a", "3"), pod("b", "2")}, "7");
    CHECK(it.cache.synced());
    CHECK(it.asked() == Names{streaming});
    CHECK(it.changes == Names{"a", "b"});
    it.tell(event("MODIFIED", pod("a", "8", "new")));
    it.tell(event("DELETED", pod("b", "9")));
    it.tell(event("ADDED", pod("c", "10")));
    CHECK(it.changes == Names{"a", "b", "a", "b", "c"});
    CHECK(it.image(a) == "new");
    CHECK(it.cache.resource_version(a) == "8");
    CHECK_FALSE(it.cache.contains(b));
    CHECK(it.cache.size() == 2);
    CHECK(it.cache.list("prod").size() == 2);
    CHECK(it.cache.list("other").empty());
    CHECK(resource_version_of(*it.cache.get(a)) == "8");
    CHECK(it.cache.last_contact() == it.world.clock.now());
    CHECK(it.asked().empty());
}

TEST_CASE("a server that refuses streaming lists is read by list and watch") {
    Cached it;
    it.world.server.on(listing, 200, pod_list("7", {pod("a", "3")}, "t"));
    it.world.server.on(listing + "&continue=t", 200, pod_list("7", {pod("b", "2")}));
    it.world.server.on_stream(watching);
    it.world.server.on(
        streaming, 422, to_text(status(422, "Invalid", "sendInitialEvents: Forbidden")));
    it.start();
    CHECK(it.cache.synced());
    CHECK(it.cache.size() == 2);
    CHECK(it.asked() == Names{streaming, listing, listing + "&continue=t", watching + "7"});
}

TEST_CASE(
    "a server that ignores the parameter of streaming lists does not keep the cache waiting") {
    Cached it;
    it.world.server.on_stream(watching);
    it.world.server.on(listing, 200, pod_list("7", {pod("a", "3")}));
    it.world.server.on_stream(streaming, {event("ADDED", pod("a", "3"))});
    it.start();
    CHECK_FALSE(it.cache.synced());
    it.after(11s);
    CHECK(it.cache.synced());
    CHECK(it.asked() == Names{streaming, listing, watching + "7"});
    CHECK(it.changes == Names{"a"});
    CHECK(it.world.server.feeds[0]->is_closed());
}

TEST_CASE("a watch that ends goes on where it ended, without reading everything again") {
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    it.world.server.on_stream(watching);
    it.tell(bookmark("12"));
    it.asked();
    it.world.server.feeds.back()->end();
    it.after(1s);
    CHECK(it.asked() == Names{watching + "12"});
    CHECK(it.cache.last_contact() == it.world.clock.now() - 1s);
}

TEST_CASE("a watch that ends at once and brings nothing is a failure in disguise") {
    Cached it;
    it.start_streaming({}, "7");
    it.world.server.on_stream(watching);
    it.asked();
    it.world.server.on(watching, 200, "", {}, 3);
    it.after(1s);
    it.world.server.feeds.back()->end();
    it.after(500ms);
    CHECK(it.asked().size() == 1);
    it.after(30s);
    CHECK(it.asked().size() == 3);
}

TEST_CASE("a cut connection is taken up again after a pause, from the last version") {
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    it.world.server.on_stream(watching);
    it.asked();
    it.world.http.is_down = true;
    it.world.http.cut();
    it.after(1min);
    CHECK(it.cache.trouble()->kind == ErrorKind::unreachable);
    CHECK(it.cache.synced());
    CHECK(it.image(a) == "a");
    // 0.8 s doubled up to 30 s, times one to two: at least 3 and at most 7 tries in a minute.
    CHECK(it.world.http.sent >= 4);
    CHECK(it.world.http.sent <= 8);
    it.world.http.is_down = false;
    it.after(1min);
    CHECK(it.asked() == Names{watching + "7"});
    CHECK_FALSE(it.cache.trouble());
    it.tell(event("MODIFIED", pod("a", "8", "new")));
    CHECK(it.image(a) == "new");
    REQUIRE(it.world.log_lines.size() == 2);
    CHECK(it.world.log_lines[0].find("watching pods: connection re") != std::string::npos);
}

TEST_CASE("a watch that is broken off from within is no trouble to tell") {
    Cached it;
    it.world.http.fault = [](const net::Request&) {
        return Error{ErrorKind::cancelled, "cancelled"};
    };
    it.start();
    it.after(10s);
    CHECK(it.world.log_lines.empty());
    CHECK_FALSE(it.cache.trouble());
}

TEST_CASE("a watch that is cut after a while goes on at once, and is no trouble") {
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    for (int i = 0; i < 5; ++i) {
        it.after(5s);
        it.asked();
        it.world.server.on_stream(watching);
        it.world.http.cut();
        it.after(100ms);
        CHECK(it.asked() == Names{watching + "7"});
        CHECK_FALSE(it.cache.trouble());
    }
}

TEST_CASE("after a 410 everything is read again, and what went unseen is gone") {
    Cached it;
    it.start_streaming({pod("a", "3"), pod("b", "2")}, "7");
    it.after(10s);
    it.asked();
    it.changes.clear();
    it.world.server.on_stream(
        "GET "
        "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7&sendInitialEvents=true",
        {event("ADDED", pod("a", "3")), event("ADDED", pod("c", "20")), bookmark("30", true)});
    it.tell(event("ERROR", status(410, "Expired", "too old resource version: 7 (30)")));
    CHECK(it.asked() ==
          Names{"GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7"
                "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"});
    CHECK(it.changes == Names{"c", "b"});
    CHECK(it.cache.size() == 2);
}

TEST_CASE("a list that is too old or too new for the server is asked for without a version") {
    Cached it;
    it.world.server.on_stream(watching + "30");
    it.world.server.on(watching + "7", 410, to_text(status(410, "Expired", "too old")));
    it.world.server.on(listing, 200, pod_list("7", {pod("a", "3")}));
    it.world.server.on(streaming, 422, to_text(status(422, "Invalid", "x")));
    it.start();
    it.world.server.on(listing, 200, pod_list("30", {pod("b", "20")}));
    it.world.server.on(
        listing + "&resourceVersion=7",
        504,
        to_text(status(504, "Timeout", "Too large resource version: 7, current: 5")));
    it.after(1min);
    CHECK(it.cache.keys() == std::vector<ObjectKey>{b});
}

TEST_CASE("resource versions that went back mean another server: what it says is the truth") {
    Cached it;
    it.start_streaming({pod("a", "300", "old"), pod("b", "200")}, "700");
    it.cache.note_deleted(b, *parse_json(R"({"kind":"Status","status":"Success"})"));
    it.after(10s);
    it.world.server.on_stream(
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true",
        {event("ADDED", pod("a", "3", "new")), event("ADDED", pod("b", "4")), bookmark("5", true)});
    it.tell(bookmark("4"));
    it.after(1min);
    CHECK(it.image(a) == "new");
    CHECK(it.cache.contains(b));
    CHECK(it.cache.resource_version(a) == "3");
    it.tell(event("MODIFIED", pod("a", "6", "newer")));
    CHECK(it.image(a) == "newer");
}

TEST_CASE("refusals are complained about once and asked again later, with what the server wants") {
    Cached it;
    it.world.server.on("GET", 404, "404 page not found\n");
    it.start();
    CHECK_FALSE(it.cache.synced());
    CHECK(it.cache.trouble()->kind == ErrorKind::not_found);
    it.after(2min);
    CHECK(it.world.log_lines.size() == 1);
    it.world.server.on_stream(streaming, {event("ADDED", pod("a", "3")), bookmark("7", true)});
    it.after(1min);
    CHECK(it.cache.synced());
}

TEST_CASE("a new version alone is no change") {
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    it.changes.clear();
    auto busy = pod("a", "8");
    put(busy, {"metadata", "managedFields"}, JsonArray{JsonObject{{"manager", "x"}}});
    put(busy,
        {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"},
        "{}");
    it.tell(event("MODIFIED", busy));
    // The annotations came, though what is left of them is empty.
    it.changes.clear();
    put(busy, {"metadata", "resourceVersion"}, "9");
    put(busy, {"metadata", "managedFields"}, JsonArray{});
    it.tell(event("MODIFIED", busy));
    CHECK(it.changes.empty());
    CHECK(it.cache.resource_version(a) == "9");
    const auto kept = it.cache.get(a);
    CHECK(find(*kept, {"metadata", "managedFields"}) == nullptr);
}

TEST_CASE("a pass sees what it wrote before the watch brings it, and older news does not undo it") {
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    it.changes.clear();
    it.cache.note(pod("a", "10", "ours"));
    CHECK(it.image(a) == "ours");
    it.tell(event("MODIFIED", pod("a", "9", "somebody's")));
    CHECK(it.image(a) == "ours");
    it.tell(event("MODIFIED", pod("a", "10", "ours")));
    it.tell(event("MODIFIED", pod("a", "11", "later")));
    CHECK(it.image(a) == "later");
    it.cache.note(pod("a", "10", "ours"));
    CHECK(it.image(a) == "later");
    CHECK(it.changes == Names{"a", "a"});
    it.cache.note(pod("b", "20"));
    CHECK(it.cache.contains(b));
}

TEST_CASE("what we deleted stays away until the watch has passed the deletion") {
    const auto success =
        *parse_json(R"({"kind":"Status","status":"Success","details":{"uid":"uid-of-a"}})");
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    it.cache.note_deleted(a, success);
    CHECK_FALSE(it.cache.contains(a));
    // News from before the deletion.
    it.tell(event("MODIFIED", pod("a", "9", "stale")));
    it.cache.note(pod("a", "10", "stale"));
    CHECK_FALSE(it.cache.contains(a));
    // Another object of that name is another object.
    auto reborn = pod("a", "12", "reborn");
    put(reborn, {"metadata", "uid"}, "another");
    it.cache.note(reborn);
    CHECK(it.image(a) == "reborn");
    it.tell(event("DELETED", pod("a", "11")));
    CHECK(it.image(a) == "reborn");
    it.tell(event("ADDED", reborn));
    CHECK(it.image(a) == "reborn");
}

TEST_CASE("a list from before our deletion does not bring the object back, a much later one does") {
    Cached it;
    it.start_streaming({pod("a", "3")}, "7");
    it.after(10s);
    it.cache.note_deleted(a, *parse_json(R"({"kind":"Status","status":"Success"})"));
    it.world.server.on_stream(
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=",
        {event("ADDED", pod("a", "3")), bookmark("7", true)});
    it.tell(event("ERROR", status(410, "Expired", "x")));
    it.after(1s);
    CHECK_FALSE(it.cache.contains(a));
    it.after(2min);
    it.tell(event("ERROR", status(410, "Expired", "x")));
    it.after(1s);
    CHECK(it.cache.contains(a));
}

TEST_CASE("a deletion that something holds up is a change") {
    Cached it;
    it.start_streaming({pod("a", "3"), pod("b", "4")}, "7");
    auto kept = pod("a", "8");
    put(kept, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z");
    put(kept, {"metadata", "finalizers"}, JsonArray{"x/y"});
    it.cache.note_deleted(a, kept);
    CHECK(it.cache.resource_version(a) == "8");
    it.cache.note_deleted(b, pod("b", "4"));
    CHECK_FALSE(it.cache.contains(b));
}

TEST_CASE(
    "the answer to a write that comes after the news of the object's deletion is not believed") {
    Cached it;
    it.start_streaming({}, "7");
    it.tell(event("ADDED", pod("a", "8")));
    it.tell(event("DELETED", pod("a", "9")));
    it.cache.note(pod("a", "8"));
    CHECK_FALSE(it.cache.contains(a));
}

TEST_CASE("what we wrote while everything was read again is not taken for gone") {
    Cached it;
    it.start_streaming({}, "7");
    it.after(10s);
    it.world.server.on_stream(
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7");
    it.tell(event("ERROR", status(410, "Expired", "x")));
    it.cache.note(pod("a", "20"));
    it.tell(bookmark("15", true));
    CHECK(it.cache.contains(a));
    it.tell(event("ADDED", pod("a", "20")));
    it.tell(event("DELETED", pod("a", "21")));
    CHECK_FALSE(it.cache.contains(a));
}

TEST_CASE("objects are found by what they are indexed by, as long as they have it") {
    Cached it({.index = [](const Json& object) {
        return Names{std::string(text_at(object, {"spec", "image"}))};
    }});
    it.start_streaming({pod("a", "3", "x"), pod("b", "4", "x")}, "7");
    CHECK(it.cache.find_by("x").size() == 2);
    it.tell(event("MODIFIED", pod("a", "8", "y")));
    it.tell(event("DELETED", pod("b", "9", "x")));
    CHECK(it.cache.find_by("x").empty());
    CHECK(it.cache.find_by("y").size() == 1);
}

TEST_CASE("long objects are kept compressed and come back whole") {
    Cached it({.compress_above = 100});
    auto big = pod("a", "3");
    JsonObject labels;
    for (int i = 0; i < 200; ++i) labels["app.kubernetes.io/name-" + std::to_string(i)] = "x";
    put(big, {"metadata", "labels"}, std::move(labels));
    it.start_streaming({big}, "7");
    CHECK(canonical_text(*it.cache.get(a)) == canonical_text(big));
    CHECK(it.cache.bytes() < to_text(big).size() / 3);
    it.changes.clear();
    put(big, {"metadata", "resourceVersion"}, "8");
    it.tell(event("MODIFIED", big));
    CHECK(it.changes.empty());
    it.tell(event("DELETED", big));
    CHECK(it.cache.bytes() == 0);
}

TEST_CASE("resource versions compare as numbers") {
    CHECK(is_newer("10", "9"));
    CHECK_FALSE(is_newer("9", "10"));
    CHECK_FALSE(is_newer("10", "10"));
    CHECK_FALSE(is_newer("010", "10"));
    CHECK(is_newer("99999999999999999999999", "99999999999999999999998"));
    CHECK(is_newer("x", "10"));
    CHECK_FALSE(is_newer("x", "x"));
}

TEST_CASE("what is held is parsed again only when it is another one") {
    Cached it;
    it.start_streaming({pod("a", "3"), pod("b", "2")}, "7");
    std::optional<Json> held;
    CHECK(it.cache.refresh(a, held));
    CHECK(held == it.cache.get(a));
    CHECK_FALSE(it.cache.refresh(a, held));
    it.tell(event("MODIFIED", pod("a", "8", "new")));
    CHECK(it.cache.refresh(a, held));
    CHECK(held == it.cache.get(a));
    // One of another name, with the same version or not.
    CHECK(it.cache.refresh(b, held));
    CHECK(held == it.cache.get(b));
    auto reborn = pod("b", "8");
    put(reborn, {"metadata", "uid"}, "another");
    it.tell(event("MODIFIED", reborn));
    CHECK(it.cache.refresh(b, held));
    CHECK(text_at(*held, {"metadata", "uid"}) == "another");
    it.tell(event("DELETED", reborn));
    CHECK(it.cache.refresh(b, held));
    CHECK_FALSE(held);
    CHECK_FALSE(it.cache.refresh(b, held));
}

TEST_CASE("what is held of an index is read again when any of it has changed, come or gone") {
    Cached it({.index = [](const Json& object) {
        return std::vector{std::string(text_at(object, {"spec", "image"}))};
    }});
    it.start_streaming({pod("a", "3"), pod("b", "2")}, "7");
    std::vector<Json> held;
    CHECK(it.cache.refresh_by("a", held));
    CHECK(held.size() == 2);
    CHECK_FALSE(it.cache.refresh_by("a", held));
    it.tell(event("MODIFIED", pod("b", "8", "other")));
    CHECK(it.cache.refresh_by("a", held));
    CHECK(held.size() == 1);
    it.tell(event("DELETED", pod("a", "9")));
    CHECK(it.cache.refresh_by("a", held));
    CHECK(held.empty());
    CHECK_FALSE(it.cache.refresh_by("a", held));
}
