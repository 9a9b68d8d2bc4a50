// What pods take from ConfigMaps and Secrets, and how they wait for them.
#include "lab/workloads/pod_configs.hpp"

#include "a_lab.hpp"
#include "base/core/text.hpp"
#include "lab/workloads/container_environment.hpp"

namespace sluice::lab::testing {
namespace {

using Texts = std::vector<std::string>;

Json a_config(std::string_view name, const Json& data) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}, {"namespace", "default"}}},
            {"data", data}};
}

Json a_secret(std::string_view name, const Json& plain) {
    return {{"apiVersion", "v1"},
            {"kind", "Secret"},
            {"metadata", {{"name", name}, {"namespace", "default"}}},
            {"stringData", plain}};
}

Json a_pod(const Json& container, const Json& spec = JsonObject{}) {
    Json web = {{"name", "web"}, {"image", "demo:1"}};
    apply_merge_patch(web, container);
    Json pod = {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", {{"name", "web"}, {"namespace", "default"}}},
                {"spec", {{"containers", JsonArray{web}}}}};
    apply_merge_patch(*find(pod, {"spec"}), spec);
    return pod;
}

Json reference(std::string_view name, std::string_view from, const Json& to) {
    return {{"name", name}, {"valueFrom", {{from, to}}}};
}

Json plain(std::string_view name, std::string_view value) {
    return {{"name", name}, {"value", value}};
}

// "running", or why it waits: "reason: message".
std::string state(Lab& lab, std::string_view list = "containerStatuses") {
    const auto pod = lab.get(resources::pods, "web");
    const auto& status = array_at(pod, {"status", list}).front();
    if (find(status, {"state", "running"}) != nullptr) return "running";
    const std::string reason(text_at(status, {"state", "waiting", "reason"}));
    const std::string message(text_at(status, {"state", "waiting", "message"}));
    return message.empty() ? reason : reason + ": " + message;
}

std::int64_t count_of(Lab& lab, std::string_view message) {
    for (const auto& event : lab.list(resources::events)) {
        if (text_at(*event, {"message"}) == message) {
            return integer_at(*event, {"count"}).value_or(0);
        }
    }
    return 0;
}

Result<Environment> environment(Lab& lab, const Json& container) {
    const auto pod = a_pod(container);
    return container_environment(
        lab.cluster(), pod, array_at(pod, {"spec", "containers"}).front(), "127.64.0.9");
}

Variables variables(Lab& lab, const Json& container) {
    const auto made = environment(lab, container);
    INFO((made ? std::string{} : made.error().message));
    REQUIRE(made.has_value());
    return made->variables;
}

}  // namespace

TEST_CASE("variables come from ConfigMaps and Secrets, one by one and all of them") {
    Lab lab;
    lab.create(resources::config_maps,
               a_config("settings", {{"LEVEL", "debug"}, {"COLOR", "red"}}));
    lab.create(resources::secrets, a_secret("token", {{"KEY", "s3cret"}}));
    const auto all = variables(
        lab,
        {{"envFrom",
          JsonArray{Json{{"configMapRef", {{"name", "settings"}}}},
                    Json{{"secretRef", {{"name", "token"}}}, {"prefix", "APP_"}}}},
         {"env",
          JsonArray{reference("MODE", "configMapKeyRef", {{"name", "settings"}, {"key", "LEVEL"}}),
                    reference("PASSWORD", "secretKeyRef", {{"name", "token"}, {"key", "KEY"}})}}});
    CHECK(all == Variables{{"APP_KEY", "s3cret"},
                           {"COLOR", "red"},
                           {"IMAGE_TAG", "1"},
                           {"LEVEL", "debug"},
                           {"MODE", "debug"},
                           {"NODE_NAME", "lab-1"},
                           {"PASSWORD", "s3cret"},
                           {"POD_IP", "127.64.0.9"},
                           {"POD_NAME", "web"},
                           {"POD_NAMESPACE", "default"}});
}

TEST_CASE("of two sources of a variable the later wins, and its own entry over both") {
    Lab lab;
    lab.create(resources::config_maps, a_config("one", {{"A", "one"}, {"B", "one"}, {"C", "one"}}));
    lab.create(resources::config_maps, a_config("two", {{"B", "two"}, {"C", "two"}}));
    const Json sources = JsonArray{Json{{"configMapRef", {{"name", "one"}}}},
                                   Json{{"configMapRef", {{"name", "two"}}}}};
    const auto all = variables(
        lab, {{"envFrom", sources}, {"env", JsonArray{plain("C", "own"), plain("C", "last")}}});
    CHECK(all.at("A") == "one");
    CHECK(all.at("B") == "two");
    CHECK(all.at("C") == "last");
}

TEST_CASE("what may be missing sets no variable, and leaves what another source has set") {
    Lab lab;
    lab.create(resources::config_maps, a_config("settings", {{"LEVEL", "debug"}}));
    const auto all = variables(
        lab,
        {{"envFrom",
          JsonArray{Json{{"configMapRef", {{"name", "settings"}}}},
                    Json{{"configMapRef", {{"name", "gone"}, {"optional", true}}}},
                    Json{{"secretRef", {{"name", "gone"}, {"optional", true}}}}}},
         {"env",
          JsonArray{reference("LEVEL",
                              "configMapKeyRef",
                              {{"name", "settings"}, {"key", "NONE"}, {"optional", true}}),
                    reference("OTHER",
                              "secretKeyRef",
                              {{"name", "gone"}, {"key", "KEY"}, {"optional", true}})}}});
    CHECK(all.at("LEVEL") == "debug");
    CHECK_FALSE(all.contains("OTHER"));
}

TEST_CASE("binary data is no variable") {
    Lab lab;
    auto map = a_config("settings", {{"LEVEL", "debug"}});
    put(map, {"binaryData"}, {{"BLOB", "AAEC"}});
    lab.create(resources::config_maps, map);
    const auto all =
        variables(lab, {{"envFrom", JsonArray{Json{{"configMapRef", {{"name", "settings"}}}}}}});
    CHECK_FALSE(all.contains("BLOB"));
    const auto one =
        environment(lab,
                    {{"env",
                      JsonArray{reference(
                          "BLOB", "configMapKeyRef", {{"name", "settings"}, {"key", "BLOB"}})}}});
    REQUIRE_FALSE(one.has_value());
    CHECK(one.error().message == "couldn't find key BLOB in ConfigMap default/settings");
}

TEST_CASE("a value names variables that stand before it; unknown names and $$ stay") {
    const Variables known{{"HOST", "db"}, {"PORT", "5432"}};
    CHECK(expanded("$(HOST):$(PORT)", known) == "db:5432");
    CHECK(expanded("$(NONE) $() $HOST ${HOST} 5$", known) == "$(NONE) $() $HOST ${HOST} 5$");
    CHECK(expanded("$$(HOST) $$$(HOST) $$", known) == "$(HOST) $db $");
    CHECK(expanded("$(HOST", known) == "$(HOST");

    Lab lab;
    lab.create(resources::config_maps, a_config("settings", {{"HOST", "db"}}));
    const auto all =
        variables(lab,
                  {{"envFrom", JsonArray{Json{{"configMapRef", {{"name", "settings"}}}}}},
                   {"env",
                    JsonArray{plain("URL", "$(HOST):$(PORT) at $(POD_IP)"),
                              plain("PORT", "5432"),
                              plain("AGAIN", "$(PORT)")}}});
    CHECK(all.at("URL") == "db:$(PORT) at 127.64.0.9");
    CHECK(all.at("AGAIN") == "5432");
}

TEST_CASE("a variable tells a container's resources, rounded up to the divisor") {
    Lab lab;
    lab.start();
    const Json resources_of = {{"limits", {{"memory", "64Mi"}}},
                               {"requests", {{"cpu", "1100m"}, {"memory", "1500k"}}}};
    const auto resource = [](std::string_view name, std::string_view what, std::string_view unit) {
        return reference(name, "resourceFieldRef", {{"resource", what}, {"divisor", unit}});
    };
    const auto all = variables(lab,
                               {{"resources", resources_of},
                                {"env",
                                 JsonArray{resource("MEMORY", "limits.memory", "0"),
                                           resource("MEBIBYTES", "limits.memory", "1Mi"),
                                           resource("CPU", "requests.cpu", "0"),
                                           resource("MILLIS", "requests.cpu", "1m"),
                                           resource("ASKED", "requests.memory", "1"),
                                           resource("OF_NODE", "limits.cpu", "1"),
                                           resource("NONE", "requests.ephemeral-storage", "1")}}});
    CHECK(all.at("MEMORY") == "67108864");
    CHECK(all.at("MEBIBYTES") == "64");
    CHECK(all.at("CPU") == "2");
    CHECK(all.at("MILLIS") == "1100");
    CHECK(all.at("ASKED") == "1500000");
    CHECK(all.at("OF_NODE") == "4");
    CHECK(all.at("NONE") == "0");
}

TEST_CASE("keys that cannot be variables are left out, with a Warning, and the pod starts") {
    Lab lab;
    lab.start();
    lab.create(resources::config_maps,
               a_config("settings", {{"9lives", "x"}, {"..up", "x"}, {"a.b-c", "x"}}));
    lab.create(resources::secrets, a_secret("token", {{"1st", "x"}, {"2nd", "x"}}));
    const Json container = {
        {"envFrom",
         JsonArray{Json{{"configMapRef", {{"name", "settings"}}}},
                   Json{{"secretRef", {{"name", "token"}}}},
                   Json{{"secretRef", {{"name", "token"}}}, {"prefix", "THE_"}}}}};
    const auto all = variables(lab, container);
    CHECK(all.contains("a.b-c"));
    CHECK_FALSE(all.contains("9lives"));
    CHECK_FALSE(all.contains("1st"));
    CHECK(all.at("THE_1st") == "x");

    lab.create(resources::pods, a_pod(container));
    lab.run_for(seconds{2});
    CHECK(state(lab) == "running");
    const auto events = lab.events("Pod");
    CHECK(std::ranges::count(
              events,
              "InvalidEnvironmentVariableNames: Keys [..up, 9lives] from the EnvFrom configMap "
              "default/settings were skipped since they are considered invalid environment "
              "variable names.") == 1);
    CHECK(std::ranges::count(
              events,
              "InvalidEnvironmentVariableNames: Keys [1st, 2nd] from the EnvFrom secret "
              "default/token were skipped since they are considered invalid environment variable "
              "names.") == 1);
}

TEST_CASE("a container waits for the ConfigMap it takes variables from, and says which") {
    Lab lab;
    lab.start();
    lab.create(resources::pods,
               a_pod({{"envFrom", JsonArray{Json{{"configMapRef", {{"name", "settings"}}}}}}}));
    lab.run_for(seconds{5});
    const std::string why = "configmap \"settings\" not found";
    CHECK(state(lab) == "CreateContainerConfigError: " + why);
    const auto pod = lab.get(resources::pods, "web");
    CHECK(text_at(pod, {"status", "phase"}) == "Pending");
    CHECK_FALSE(text_at(pod, {"status", "podIP"}).empty());
    CHECK(lab.events("Pod") ==
          Texts{"Scheduled: Successfully assigned default/web to lab-1",
                "Pulled: Container image \"demo:1\" already present on machine",
                "Failed: Error: " + why});

    lab.run_for(seconds{20});
    CHECK(count_of(lab, "Error: " + why) == 3);
    lab.create(resources::config_maps, a_config("settings", {{"LEVEL", "debug"}}));
    lab.run_for(seconds{8});
    CHECK(state(lab) == "running");
    CHECK(count_of(lab, "Error: " + why) == 3);
    CHECK(lab.events("Pod").back() == "Started: Started container web");
    CHECK(lab.clock().next_wake() == std::nullopt);
}

TEST_CASE("each thing that is missing is said in its own words") {
    Lab lab;
    lab.create(resources::config_maps, a_config("settings", JsonObject{}));
    lab.create(resources::secrets, a_secret("token", JsonObject{}));
    const auto why = [&](std::string_view from, std::string_view name) {
        const auto made = environment(
            lab, {{"env", JsonArray{reference("A", from, {{"name", name}, {"key", "KEY"}})}}});
        return made ? std::string{} : made.error().message;
    };
    CHECK(why("configMapKeyRef", "gone") == "configmap \"gone\" not found");
    CHECK(why("secretKeyRef", "gone") == "secret \"gone\" not found");
    CHECK(why("configMapKeyRef", "settings") ==
          "couldn't find key KEY in ConfigMap default/settings");
    CHECK(why("secretKeyRef", "token") == "couldn't find key KEY in Secret default/token");
    const auto all =
        environment(lab, {{"envFrom", JsonArray{Json{{"secretRef", {{"name", "gone"}}}}}}});
    CHECK(all.error().message == "secret \"gone\" not found");
}

TEST_CASE("an init container waits for its Secret as well, and the pod's own behind it") {
    Lab lab;
    lab.start();
    const Json first = {
        {"name", "first"},
        {"image", "init:1"},
        {"env", JsonArray{reference("KEY", "secretKeyRef", {{"name", "token"}, {"key", "KEY"}})}}};
    lab.create(resources::pods, a_pod(JsonObject{}, {{"initContainers", JsonArray{first}}}));
    lab.run_for(seconds{5});
    CHECK(state(lab, "initContainerStatuses") ==
          "CreateContainerConfigError: secret \"token\" not found");
    CHECK(state(lab) == "PodInitializing");
    lab.create(resources::secrets, a_secret("token", {{"KEY", "s3cret"}}));
    lab.run_for(seconds{10});
    CHECK(state(lab) == "running");
}

TEST_CASE("a container that is started again reads its ConfigMap again, and waits if it is gone") {
    Lab lab;
    lab.start();
    lab.create(resources::config_maps, a_config("settings", {{"LEVEL", "debug"}}));
    lab.create(resources::pods,
               a_pod({{"envFrom", JsonArray{Json{{"configMapRef", {{"name", "settings"}}}}}}}));
    lab.run_for(seconds{5});
    lab.remove(resources::config_maps, "settings");
    lab.run_for(seconds{60});
    CHECK(state(lab) == "running");
    lab.runtime().crash({"default", "web"});
    lab.run_for(seconds{1});
    CHECK(state(lab) == "CreateContainerConfigError: configmap \"settings\" not found");
    const auto pod = lab.get(resources::pods, "web");
    const auto& status = array_at(pod, {"status", "containerStatuses"}).front();
    CHECK(text_at(status, {"lastState", "terminated", "reason"}) == "Error");
    lab.create(resources::config_maps, a_config("settings", {{"LEVEL", "info"}}));
    lab.run_for(seconds{15});
    CHECK(state(lab) == "running");
}

TEST_CASE("a pod that waits for its ConfigMap can be deleted") {
    Lab lab;
    lab.start();
    lab.create(resources::pods,
               a_pod({{"envFrom", JsonArray{Json{{"configMapRef", {{"name", "settings"}}}}}}}));
    lab.run_for(seconds{5});
    lab.remove(resources::pods, "web");
    lab.run_for(seconds{1});
    CHECK_FALSE(lab.has(resources::pods, "web"));
}

TEST_CASE("a pod waits for what its volumes show, without an address, and is told of each try") {
    Lab lab;
    lab.start();
    const Json volume = {{"name", "config"}, {"configMap", {{"name", "settings"}}}};
    lab.create(resources::pods, a_pod(JsonObject{}, {{"volumes", JsonArray{volume}}}));
    lab.run_for(seconds{3});
    CHECK(state(lab) == "ContainerCreating");
    CHECK(text_at(lab.get(resources::pods, "web"), {"status", "podIP"}).empty());
    const std::string why =
        "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found";
    CHECK(lab.events("Pod") ==
          Texts{"Scheduled: Successfully assigned default/web to lab-1", "FailedMount: " + why});
    // At 0, 0.5 and 1.5 s.
    CHECK(count_of(lab, why) == 3);
    lab.create(resources::config_maps, a_config("settings", {{"LEVEL", "debug"}}));
    lab.run_for(seconds{3});
    CHECK(state(lab) == "running");
    CHECK_FALSE(text_at(lab.get(resources::pods, "web"), {"status", "podIP"}).empty());
    CHECK(count_of(lab, why) == 3);
}

TEST_CASE("a volume names what it lacks: objects, keys, and all of a projected one") {
    Lab lab;
    lab.create(resources::config_maps, a_config("settings", {{"LEVEL", "debug"}}));
    lab.create(resources::secrets, a_secret("token", {{"KEY", "s3cret"}}));
    const auto problems = [&](const Json& volume) {
        Json named = {{"name", "v"}};
        apply_merge_patch(named, volume);
        return mount_problems(lab.cluster(), a_pod(JsonObject{}, {{"volumes", JsonArray{named}}}));
    };
    const auto failed = [](std::string_view why) {
        return Texts{"MountVolume.SetUp failed for volume \"v\" : " + std::string(why)};
    };
    const auto items = [](std::string_view key) {
        return JsonArray{Json{{"key", key}, {"path", "file"}}};
    };
    CHECK(problems({{"emptyDir", JsonObject{}}}).empty());
    CHECK(problems({{"secret", {{"secretName", "token"}, {"items", items("KEY")}}}}).empty());
    CHECK(problems({{"secret", {{"secretName", "gone"}}}}) == failed("secret \"gone\" not found"));
    CHECK(problems({{"secret", {{"secretName", "gone"}, {"optional", true}}}}).empty());
    CHECK(problems({{"secret", {{"secretName", "token"}, {"items", items("NONE")}}}}) ==
          failed("references non-existent secret key: NONE"));
    CHECK(problems({{"configMap", {{"name", "settings"}, {"items", items("NONE")}}}}) ==
          failed("configmap references non-existent config key: NONE"));
    CHECK(problems({{"projected",
                     {{"sources",
                       JsonArray{Json{{"secret", {{"name", "gone"}}}},
                                 Json{{"configMap", {{"name", "gone"}}}},
                                 Json{{"configMap", {{"name", "settings"}}}}}}}}}) ==
          failed("[secret \"gone\" not found, configmap \"gone\" not found]"));
}

}  // namespace sluice::lab::testing
