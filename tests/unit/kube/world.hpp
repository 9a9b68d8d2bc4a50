// A scripted server and a client of it, in virtual time.
#pragma once

#include "kube/client.hpp"
#include "net/in_process.hpp"
#include "support/scripted_server.hpp"
#include "virtual_world.hpp"

namespace sluice::kube::test {

struct World : VirtualWorld {
    explicit World(Connection connection = {}) : client(clock, http, std::move(connection)) {}
    ~World() { end_tasks(); }

    sluice::test::ScriptedServer server{context.get_executor()};
    net::InProcessClient in_process{clock, server};
    sluice::test::FaultyClient http{context.get_executor(), in_process};
    Client client;
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
