#include "lab/workloads/container_logs.hpp"

#include "a_lab.hpp"

#include <boost/asio/co_spawn.hpp>

namespace sluice::lab::testing {
namespace {

struct Reading {
    std::string text;
    bool ended = false;
};

Task<> read_all(std::unique_ptr<net::BodyReader> body, Reading& reading) {
    while (true) {
        const auto piece = co_await body->next();
        if (!piece || piece->empty()) break;
        reading.text += *piece;
    }
    reading.ended = true;
}

void read(Lab& lab, const LogQuery& query, Reading& reading) {
    auto body = lab.logs().open({"default", "web"}, query);
    REQUIRE(body.has_value());
    boost::asio::co_spawn(
        lab.context(), read_all(std::move(*body), reading), [](const std::exception_ptr&) {});
    lab.clock().settle();
}

std::string refusal(Lab& lab, const LogQuery& query) {
    const auto body = lab.logs().open({"default", "web"}, query);
    return body ? "" : body.error().message;
}

// A pod "web" whose container runs and has the log of its first life open.
ContainerId a_running_pod(Lab& lab, const std::string& image = "demo:1") {
    lab.start();
    lab.create(resources::pods,
               {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", {{"name", "web"}, {"namespace", "default"}}},
                {"spec", {{"containers", JsonArray{Json{{"name", "web"}, {"image", image}}}}}}});
    lab.run_for(seconds{2});
    return {std::string(kube::uid_of(lab.get(resources::pods, "web"))), "web", 0};
}

}  // namespace

TEST_CASE("a log is read whole, from its tail, by time and by size") {
    Lab lab;
    const auto id = a_running_pod(lab);
    lab.logs().append(id, "one");
    lab.run_for(seconds{10});
    lab.logs().append(id, "two");
    lab.logs().append(id, "three");
    const auto text = [&lab](LogQuery query) {
        Reading reading;
        read(lab, query, reading);
        CHECK(reading.ended);
        return reading.text;
    };
    CHECK(text({}) == "one\ntwo\nthree\n");
    CHECK(text({.tail_lines = 1}) == "three\n");
    CHECK(text({.tail_lines = 0}).empty());
    CHECK(text({.limit_bytes = 5}) == "one\nt");
    CHECK(text({.since = lab.clock().now() - seconds{5}}) == "two\nthree\n");
    CHECK(text({.timestamps = true, .tail_lines = 1}) == "2026-01-25T19:45:12.000000000Z three\n");
}

TEST_CASE("who follows a log gets each line, and the end with the container") {
    Lab lab;
    const auto id = a_running_pod(lab);
    Reading reading;
    read(lab, {.follow = true}, reading);
    CHECK_FALSE(reading.ended);
    lab.logs().append(id, "hello");
    lab.clock().settle();
    CHECK(reading.text == "hello\n");
    lab.remove(resources::pods, "web");
    lab.run_for(seconds{5});
    CHECK(reading.ended);
}

TEST_CASE("after a restart the log of the last life is the previous one") {
    Lab lab;
    const auto id = a_running_pod(lab);
    lab.logs().append(id, "first life");
    CHECK(refusal(lab, {.previous = true}) ==
          "previous terminated container \"web\" in pod \"web\" not found");
    lab.runtime().crash({"default", "web"});
    lab.run_for(seconds{3});
    Reading previous;
    read(lab, {.previous = true}, previous);
    CHECK(previous.text == "first life\n");
    Reading current;
    read(lab, {}, current);
    CHECK(current.text.empty());
}

TEST_CASE("a container that has not started has no log yet") {
    ImageMap images;
    images.put("gone:*", std::string(apps::bad));
    Lab lab(images);
    a_running_pod(lab, "gone:1");
    CHECK(refusal(lab, {}) ==
          "container \"web\" in pod \"web\" is waiting to start: trying and failing to pull image");
    CHECK(refusal(lab, {.container = "db"}) == "container db is not valid for pod web");
}

TEST_CASE("a long log forgets its beginning") {
    Lab lab;
    const auto id = a_running_pod(lab);
    for (int line = 0; line < 10'010; ++line) lab.logs().append(id, std::to_string(line));
    Reading reading;
    read(lab, {}, reading);
    CHECK(reading.text.starts_with("10\n11\n"));
}

}  // namespace sluice::lab::testing
