// A scripted server and a client of it, in virtual time.
#pragma once

#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "kube/client.hpp"
#include "net/in_process.hpp"
#include "support/scripted_server.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::kube::test {

using namespace std::chrono_literals;

struct World {
    explicit World(Connection connection = {}) : client(clock, http, std::move(connection)) {}
    ~World() {
        tasks.cancel();
        clock.settle();
    }

    // Runs the task to its end, in at most `limit` of virtual time.
    template <typename T>
    Result<T> run(Task<Result<T>> task, Duration limit = 1h) {
        std::optional<Result<T>> slot;
        tasks.spawn("test", keep(std::move(task), slot));
        const auto end = clock.now() + limit;
        clock.settle();
        while (!slot && clock.now() < end) {
            const auto wake = clock.next_wake();
            clock.run_until(wake && *wake < end ? *wake : end);
        }
        REQUIRE(slot);
        return *std::move(slot);
    }

    template <typename T>
    static Task<> keep(Task<Result<T>> task, std::optional<Result<T>>& slot) {
        slot = co_await std::move(task);
    }

    boost::asio::io_context context;
    VirtualClock clock{context, *parse_rfc3339("2026-01-01T00:00:00Z")};
    sluice::test::ScriptedServer server{context.get_executor()};
    net::InProcessClient in_process{clock, server};
    sluice::test::FaultyClient http{context.get_executor(), in_process};
    SeededRandom random{1};
    std::vector<std::string> log_lines;
    Logger log{clock,
               {.format = LogFormat::text, .level = LogLevel::info},
               [this](std::string_view line) { log_lines.emplace_back(line); }};
    Client client;
    TaskGroup tasks{context.get_executor()};
};

inline Json pod(const std::string& name,
                const std::string& version,
                const std::string& image = "a") {
    return JsonObject{{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"metadata",
                       JsonObject{{"namespace", "prod"},
                                  {"name", name},
                                  {"uid", "uid-of-" + name},
                                  {"resourceVersion", version}}},
                      {"spec", JsonObject{{"image", image}}}};
}

inline std::string event(const std::string& type, const Json& object) {
    return to_text(JsonObject{{"type", type}, {"object", object}});
}

inline std::string bookmark(const std::string& version, bool ends_initial_events = false) {
    Json object = JsonObject{{"kind", "Pod"}, {"apiVersion", "v1"}};
    put(object, {"metadata", "resourceVersion"}, Json(version));
    if (ends_initial_events)
        put(object, {"metadata", "annotations", "k8s.io/initial-events-end"}, "true");
    return event("BOOKMARK", object);
}

inline Json status(int code, const std::string& reason, const std::string& message) {
    return JsonObject{{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"status", "Failure"},
                      {"message", message},
                      {"reason", reason},
                      {"code", code}};
}

inline std::string pod_list(const std::string& version,
                            std::initializer_list<Json> items,
                            const std::string& continue_token = "") {
    Json list = JsonObject{{"kind", "PodList"}, {"apiVersion", "v1"}};
    put(list, {"metadata", "resourceVersion"}, Json(version));
    if (!continue_token.empty()) put(list, {"metadata", "continue"}, Json(continue_token));
    JsonArray array(items.begin(), items.end());
    put(list, {"items"}, std::move(array));
    return to_text(list);
}

}  // namespace sluice::kube::test
