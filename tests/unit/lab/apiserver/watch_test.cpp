#include "an_api.hpp"

namespace sluice::lab {

using Texts = std::vector<std::string>;

namespace {

const std::string maps = "/api/v1/namespaces/default/configmaps";

void make_map(AnApi& api, std::string_view name, std::string_view label = "x") {
    api.create(kube::resources::config_maps,
               fmt::format(R"({{"metadata":{{"name":"{}","namespace":"default",
                                "labels":{{"app":"{}"}}}}}})",
                           name,
                           label));
}

}  // namespace

TEST_CASE("a watch from a list's revision tells what changes after it") {
    AnApi api;
    make_map(api, "a");
    const auto list = api.get_json(maps);
    const auto revision = std::string(text_at(list, {"metadata", "resourceVersion"}));
    Lines lines(api, api.watch(maps + "?watch=true&resourceVersion=" + revision));
    CHECK(lines.events_now() == Texts{});
    make_map(api, "b");
    api.patch(maps + "/b", "merge-patch+json", R"({"data":{"k":"v"}})");
    api.ask("DELETE", maps + "/a");
    CHECK(lines.events_now() == Texts{"ADDED b", "MODIFIED b", "DELETED a"});
    CHECK_FALSE(lines.ended());
}

TEST_CASE("a watch without a revision begins with what exists") {
    AnApi api;
    make_map(api, "a");
    Lines lines(api, api.watch(maps + "?watch=1"));
    CHECK(lines.events_now() == Texts{"ADDED a"});
    make_map(api, "b");
    CHECK(lines.events_now() == Texts{"ADDED b"});
}

TEST_CASE("a streaming list ends its first part with a marked bookmark") {
    AnApi api;
    make_map(api, "a");
    Lines lines(api,
                api.watch(maps + "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                                 "&resourceVersionMatch=NotOlderThan"));
    const auto events = lines.now();
    REQUIRE(events.size() == 2);
    CHECK(text_at(events[0], {"type"}) == "ADDED");
    CHECK(text_at(events[1], {"type"}) == "BOOKMARK");
    CHECK(events[1].at("object") ==
          json(fmt::format(R"({{"kind":"ConfigMap","apiVersion":"v1","metadata":{{
                               "resourceVersion":"{}",
                               "annotations":{{"k8s.io/initial-events-end":"true"}}}}}})",
                           api.cluster.revision())));
    make_map(api, "b");
    CHECK(lines.events_now() == Texts{"ADDED b"});
}

TEST_CASE("an object that leaves or enters a selection is deleted or added for the watcher") {
    AnApi api;
    make_map(api, "a", "x");
    make_map(api, "b", "y");
    Lines lines(api, api.watch(maps + "?watch=1&labelSelector=app%3Dx"));
    CHECK(lines.events_now() == Texts{"ADDED a"});
    api.patch(maps + "/a", "merge-patch+json", R"({"metadata":{"labels":{"app":"y"}}})");
    const auto left = lines.now();
    REQUIRE(left.size() == 1);
    CHECK(text_at(left[0], {"type"}) == "DELETED");
    CHECK(text_at(left[0], {"object", "metadata", "labels", "app"}) == "x");
    CHECK(text_at(left[0], {"object", "metadata", "resourceVersion"}) ==
          std::to_string(api.cluster.revision()));
    api.patch(maps + "/b", "merge-patch+json", R"({"metadata":{"labels":{"app":"x"}}})");
    CHECK(lines.events_now() == Texts{"ADDED b"});
}

TEST_CASE("a watch of one object sees no other") {
    AnApi api;
    make_map(api, "a");
    make_map(api, "b");
    Lines lines(api, api.watch(maps + "?watch=1&fieldSelector=metadata.name%3Db"));
    CHECK(lines.events_now() == Texts{"ADDED b"});
    api.patch(maps + "/a", "merge-patch+json", R"({"data":{"k":"v"}})");
    CHECK(lines.events_now() == Texts{});
}

TEST_CASE("bookmarks come each minute when something has changed, and before the end") {
    AnApi api;
    Lines lines(api,
                api.watch(maps + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=150"
                                 "&resourceVersion=1"));
    lines.now();
    api.clock.run_for(std::chrono::seconds{61});
    const auto first = lines.now();
    REQUIRE(first.size() == 1);
    CHECK(text_at(first[0], {"type"}) == "BOOKMARK");
    api.clock.run_for(std::chrono::seconds{60});
    CHECK(lines.now().empty());
    api.create(kube::resources::namespaces, R"({"metadata":{"name":"n"}})");
    api.clock.run_for(std::chrono::seconds{30});
    const auto last = lines.now();
    REQUIRE(last.size() == 1);
    CHECK(text_at(last[0], {"object", "metadata", "resourceVersion"}) ==
          std::to_string(api.cluster.revision()));
    CHECK(lines.ended());
}

TEST_CASE("a watch that nobody limits and nothing changes sleeps for ever") {
    AnApi api;
    Lines lines(api, api.watch(maps + "?watch=1&resourceVersion=1"));
    lines.now();
    CHECK_FALSE(api.clock.next_wake().has_value());
}

TEST_CASE("a watch from too old a revision says so and ends") {
    AnApi api;
    for (int i = 0; i < 1500; ++i) {
        make_map(api, fmt::format("m{}", i));
    }
    Lines lines(api, api.watch(maps + "?watch=1&resourceVersion=1"));
    const auto events = lines.now();
    REQUIRE(events.size() == 1);
    CHECK(text_at(events[0], {"type"}) == "ERROR");
    CHECK(integer_at(events[0], {"object", "code"}) == 410);
    CHECK(text_at(events[0], {"object", "reason"}) == "Expired");
    CHECK(lines.ended());
}

TEST_CASE("a watch's options are checked") {
    AnApi api;
    const auto message = [&](std::string_view options) {
        const auto answer = api.get(maps + "?watch=1&" + std::string(options));
        CHECK(answer.status == 422);
        return std::string(text_at(json(answer.body), {"message"}));
    };
    CHECK(message("sendInitialEvents=true")
              .ends_with("resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                         "resourceVersionMatch to NotOlderThan"));
    CHECK(message("resourceVersionMatch=NotOlderThan")
              .ends_with("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for "
                         "watch unless sendInitialEvents is provided"));
    CHECK(api.get(maps + "?watch=1&resourceVersion=999999").status == 504);
}

TEST_CASE("a watch in tables sends one row for each event") {
    AnApi api;
    make_map(api, "a");
    Lines lines(api,
                api.watch(maps + "?watch=1&resourceVersion=0",
                          {{"Accept", std::string(AnApi::table_media)}}));
    const auto events = lines.now();
    REQUIRE(events.size() == 1);
    CHECK(text_at(events[0], {"object", "kind"}) == "Table");
    const auto& rows = array_at(events[0], {"object", "rows"});
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].at("cells") == json(R"(["a",0,"0s"])"));
    CHECK(text_at(rows[0], {"object", "metadata", "name"}) == "a");
}

TEST_CASE("a server that ends its streams ends every watch") {
    AnApi api;
    Lines lines(api, api.watch(maps + "?watch=1"));
    lines.now();
    api.server.end_streams();
    lines.now();
    CHECK(lines.ended());
}

}  // namespace sluice::lab
