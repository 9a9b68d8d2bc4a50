#include "controller/contests.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <vector>

using namespace sluice;
using namespace sluice::controller;
using namespace std::chrono_literals;

namespace {

Time at(Duration since) {
    return Time{since};
}

}  // namespace

TEST_CASE("an object that somebody writes against us is put right at once, then ever more rarely") {
    Contests contests;
    CHECK_FALSE(contests.next(at(0s)));
    std::vector<std::int64_t> when;
    // Written over again as soon as it is put right, for an hour.
    for (Duration now = 0s; now < 1h; now += 100ms) {
        if (contests.spaced(at(now)).contains("Service web")) continue;
        contests.note("Service web", at(now));
        when.push_back(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    }
    CHECK(std::vector(when.begin(), when.begin() + 11) ==
          std::vector<std::int64_t>{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 767});
    CHECK(when.back() - when[when.size() - 2] == 256);
}

TEST_CASE("one object that is fought over leaves the others their pace") {
    Contests contests;
    for (int i = 0; i < 5; ++i) contests.note("Service web", at(0s));
    contests.note("routes", at(0s));
    CHECK(contests.spaced(at(2s)) == std::set<std::string>{"Service web"});
    CHECK(contests.next(at(2s)) == at(16s));
}

TEST_CASE("a contest is forgotten when it has been quiet") {
    Contests contests;
    for (int i = 0; i < 3; ++i) contests.note("routes", at(0s));
    contests.tell("routes", "routes of web.prod had to be put right");
    CHECK(contests.times("routes", at(63s)) == 3);
    CHECK(contests.told(at(63s)) == "routes of web.prod had to be put right");
    CHECK(contests.next(at(10s)) == at(64s));
    CHECK(contests.times("routes", at(64s)) == 0);
    CHECK(contests.told(at(64s)).empty());
    CHECK(contests.note("routes", at(64s)) == 1);
    CHECK(contests.told(at(64s)).empty());
}

TEST_CASE("a clock that goes back makes no pause between two corrections longer") {
    Contests contests;
    for (int i = 0; i < 8; ++i) contests.note("Service web", at(2h));
    CHECK(contests.spaced(at(2h + 1s)).contains("Service web"));
    CHECK(contests.spaced(at(1h)).empty());
}

TEST_CASE("who writes a field, too, is read from managedFields: the last one who is not us") {
    const auto live = boost::json::parse(R"({"metadata": {"managedFields": [
        {"manager": "kubectl", "time": "2024-01-01T00:00:00Z",
         "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:team": {}}}}},
        {"manager": "argocd", "time": "2024-01-01T00:00:09Z",
         "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}, "f:spec": {"f:http": {}}}},
        {"manager": "sluice", "time": "2024-01-01T00:00:10Z",
         "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}, "f:app": {}}}}}]}})");
    const auto who = [&](const char* patch) {
        const auto contender = contender_of(live, boost::json::parse(patch), "sluice");
        return contender.field + " " + contender.manager;
    };
    CHECK(who(R"({"metadata": {"labels": {"team": null}}})") == "metadata.labels.team argocd");
    CHECK(who(R"({"metadata": {"labels": {"app": "web", "team": "a"}}})") ==
          "metadata.labels.team argocd");
    CHECK(who(R"({"metadata": {"labels": {"app": "web"}}})") == "metadata.labels.app ");
    CHECK(who(R"({"spec": {"http": [{"route": []}]}})") == "spec.http argocd");
    CHECK(who(R"({"metadata": {"resourceVersion": "7"}, "spec": {"http": []}})") ==
          "spec.http argocd");
    CHECK(who(R"({"spec": {"hosts": []}})") == "spec.hosts ");
    CHECK(who("{}") == " ");
    CHECK(contender_of(Json(), boost::json::parse(R"({"spec": {"x": 1}})"), "sluice").field ==
          "spec.x");
}
