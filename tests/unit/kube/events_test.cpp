#include "kube/events.hpp"

#include "lab_world.hpp"

using namespace sluice;
using namespace sluice::kube;
using namespace sluice::kube::test;

namespace {

struct Recorded {
    Recorded()
        : recorder(
              world.context.get_executor(), world.clock, world.random, world.client, world.log) {
        world.tasks.spawn("events", recorder.run());
    }
    ~Recorded() {
        world.tasks.cancel();
        world.clock.settle();
    }

    EventNote note(std::string message, std::string name = {}) const {
        Json canary = JsonObject{};
        put(canary, {"metadata", "name"}, "web");
        put(canary, {"metadata", "namespace"}, "default");
        put(canary, {"metadata", "uid"}, "u-1");
        put(canary, {"metadata", "resourceVersion"}, "7");
        return {.involved = involved_object(resources::canaries, canary),
                .type = "Warning",
                .reason = "Synced",
                .message = std::move(message),
                .name = std::move(name)};
    }
    void post(std::string message, std::string name = {}) {
        recorder.post(note(std::move(message), std::move(name)));
        world.clock.settle();
    }
    // "message ×count"
    std::vector<std::string> events() const {
        std::vector<std::string> all;
        for (const auto& event : world.cluster.list(resources::events, "default")) {
            all.push_back(std::string(text_at(*event, {"message"})) + " ×" +
                          std::to_string(integer_at(*event, {"count"}).value_or(0)));
        }
        return all;
    }

    LabWorld world;
    EventRecorder recorder;
};

using Texts = std::vector<std::string>;

Task<> record(EventRecorder& recorder, EventNote note, bool& done) {
    co_await recorder.record(std::move(note));
    done = true;
}

}  // namespace

TEST_CASE("an Event says what happened to whom") {
    Recorded it;
    it.post("Halt web.default", "web.abc");
    const auto event = it.world.cluster.find(resources::events, {"default", "web.abc"});
    REQUIRE(event);
    CHECK(
        to_text(*find(*event, {"involvedObject"})) ==
        R"({"kind":"Canary","namespace":"default","name":"web","uid":"u-1","apiVersion":"flagger.app/v1beta1","resourceVersion":"7"})");
    CHECK(text_at(*event, {"reason"}) == "Synced");
    CHECK(text_at(*event, {"type"}) == "Warning");
    CHECK(text_at(*event, {"source", "component"}) == "sluice");
    CHECK(text_at(*event, {"firstTimestamp"}) == "2026-01-01T00:00:00Z");
    CHECK(text_at(*event, {"lastTimestamp"}) == "2026-01-01T00:00:00Z");
}

TEST_CASE("an Event with a derived name is there once, however often a pass repeats it") {
    Recorded it;
    it.post("Advance web.default canary weight 10", "web.abc");
    it.post("Advance web.default canary weight 10", "web.abc");
    CHECK(it.events() == Texts{"Advance web.default canary weight 10 ×1"});
    CHECK(it.recorder.dropped() == 0);
    CHECK(it.world.log_lines.empty());
}

TEST_CASE(
    "unnamed Events that say the same are counted, and written anew when the server forgot them") {
    Recorded it;
    it.post("not ready");
    it.world.clock.run_for(10s);
    it.post("not ready");
    it.post("something else");
    CHECK(it.events() == Texts{"not ready ×2", "something else ×1"});
    const auto events = it.world.cluster.list(resources::events, "default");
    CHECK(text_at(*events[0], {"lastTimestamp"}) == "2026-01-01T00:00:10Z");
    CHECK(text_at(*events[0], {"firstTimestamp"}) == "2026-01-01T00:00:00Z");
    REQUIRE(it.world.cluster.remove(resources::events, key_of(*events[0])));
    it.post("not ready");
    CHECK(it.events() == Texts{"something else ×1", "not ready ×3"});
}

TEST_CASE("Events wait while the API server is away, in their order") {
    Recorded it;
    it.world.http.is_down = true;
    it.post("one", "e1");
    it.post("two", "e2");
    it.post("three");
    it.world.clock.run_for(10min);
    CHECK(it.events().empty());
    // The unnamed one is not tried before the named ones in front of it have gone.
    CHECK(it.recorder.pending() == 3);
    it.world.http.is_down = false;
    it.world.clock.run_for(20s);
    CHECK(it.events() == Texts{"one ×1", "two ×1", "three ×1"});
    CHECK(it.recorder.pending() == 0);
}

TEST_CASE(
    "an Event that the server always fails at holds up no other one, and is given up at last") {
    Recorded it;
    it.world.http.fault = [](const net::Request& request) -> std::optional<Error> {
        if (request.body.find("bad") == std::string::npos) return std::nullopt;
        return Error{ErrorKind::unavailable, "etcdserver: something broke"};
    };
    it.post("bad", "b1");
    it.post("one", "e1");
    CHECK(it.events() == Texts{"one ×1"});
    bool done = false;
    it.world.tasks.spawn("record", record(it.recorder, it.note("at once", "e2"), done));
    it.world.clock.settle();
    CHECK(it.events() == Texts{"one ×1", "at once ×1"});
    CHECK(it.recorder.pending() == 1);
    CHECK(it.world.log_lines.empty());
    // Nobody else writes: that proves nothing against it.
    it.world.clock.run_for(24h);
    CHECK(it.recorder.pending() == 1);
    for (int i = 0; i < 14; ++i) {
        it.post("next", "n" + std::to_string(i));
        it.world.clock.run_for(6min);
    }
    CHECK(it.recorder.pending() == 0);
    CHECK(it.recorder.dropped() == 1);
    REQUIRE(it.world.log_lines.size() == 1);
    CHECK(it.world.log_lines[0].find("is given up after 12 tries") != std::string::npos);
}

TEST_CASE("a server that fails at everything for hours loses no named Event") {
    Recorded it;
    it.world.http.fault = [](const net::Request&) {
        return Error{ErrorKind::unavailable, "the server is shutting down"};
    };
    for (int i = 0; i < 20; ++i) it.post("m", "e" + std::to_string(i));
    it.world.clock.run_for(5h);
    CHECK(it.recorder.pending() == 20);
    it.world.http.fault = nullptr;
    it.world.clock.run_for(10min);
    CHECK(it.events().size() == 20);
    CHECK(it.recorder.dropped() == 0);
}

TEST_CASE("an Event whose answer was lost is not written twice") {
    Recorded it;
    int lost = 0;
    it.world.http.loses_answer = [&](const net::Request&) { return lost++ == 0; };
    it.post("one");
    CHECK(it.recorder.pending() == 1);
    it.world.clock.run_for(20s);
    CHECK(it.events() == Texts{"one ×1"});
    CHECK(it.recorder.pending() == 0);
}

TEST_CASE("an unnamed Event is given up after twelve tries, and the queue of them is bounded") {
    Recorded it;
    it.world.http.is_down = true;
    it.post("one");
    it.world.clock.run_for(5min);
    CHECK(it.recorder.pending() == 0);
    CHECK(it.recorder.dropped() == 1);
    for (int i = 0; i < 1010; ++i) it.recorder.post(it.note("m" + std::to_string(i)));
    CHECK(it.recorder.pending() <= 1001);
    CHECK(it.recorder.dropped() >= 10);
    it.recorder.post(it.note("named", "n"));
    CHECK(it.recorder.pending() >= 1001);
}

TEST_CASE("an Event that the server refuses is said once in the log and dropped") {
    Recorded it;
    auto nowhere = it.note("hello", "x");
    put(nowhere.involved, {"namespace"}, "nowhere");
    it.recorder.post(nowhere);
    it.post("next");
    CHECK(it.events() == Texts{"next ×1"});
    REQUIRE(it.world.log_lines.size() == 1);
    CHECK(it.world.log_lines[0].find("was refused") != std::string::npos);
}

TEST_CASE("an Event that must stand before a status is written when record returns, or queued") {
    Recorded it;
    bool done = false;
    it.world.tasks.spawn("record", record(it.recorder, it.note("now", "n1"), done));
    it.world.clock.settle();
    CHECK(done);
    CHECK(it.events() == Texts{"now ×1"});
    it.world.http.is_down = true;
    done = false;
    it.world.tasks.spawn("record", record(it.recorder, it.note("later", "n2"), done));
    it.world.clock.run_for(2s);
    CHECK(done);
    it.world.http.is_down = false;
    it.world.clock.run_for(20s);
    CHECK(it.events() == Texts{"now ×1", "later ×1"});
}

TEST_CASE("an Event whose writing was broken off waits, and is not called refused") {
    Recorded it;
    it.world.http.fault = [](const net::Request&) {
        return Error{ErrorKind::cancelled, "cancelled"};
    };
    bool done = false;
    it.world.tasks.spawn("record", record(it.recorder, it.note("later", "n1"), done));
    it.world.clock.run_for(2s);
    CHECK(done);
    CHECK(it.recorder.dropped() == 0);
    CHECK(it.world.log_lines.empty());
    it.world.http.fault = nullptr;
    it.world.clock.run_for(20s);
    CHECK(it.events() == Texts{"later ×1"});
}

TEST_CASE("a long message is shortened between two characters") {
    Recorded it;
    std::string message;
    for (int i = 0; i < 600; ++i) message += "é";
    it.post(message, "long");
    const auto event = it.world.cluster.find(resources::events, {"default", "long"});
    REQUIRE(event);
    const auto text = text_at(*event, {"message"});
    CHECK(text.size() <= 1024);
    CHECK(text.ends_with("é..."));
}
