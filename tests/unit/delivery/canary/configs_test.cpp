// ConfigMaps and Secrets that the pods use are part of the revision (canary.md 4.3).
#include "delivery/canary/configs.hpp"

#include "base/core/sha256.hpp"
#include "delivery/canary/revision.hpp"
#include "model.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::model;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

const std::string settings = "configmap/settings";
const std::string token = "secret/token";

Json parsed(std::string_view text) {
    return parse_json(text).value();
}

Cluster initialized() {
    Cluster cluster;
    cluster.set_config(settings, "one");
    cluster.set_config(token, "b25l");
    cluster.use_config(settings);
    cluster.use_config(token);
    cluster.run(30s);
    REQUIRE(cluster.phase() == "Initialized");
    cluster.messages.clear();
    return cluster;
}

bool has_said(const Cluster& cluster, std::string_view message) {
    return std::ranges::find(cluster.messages, message) != cluster.messages.end();
}

std::string noted(const Cluster& cluster, std::string_view reference) {
    return std::string(text_at(cluster.status(), {"trackedConfigs", reference}));
}

// As the peer leaves it: its own hashes, a random flagger-id, no kept template, no fields of ours.
void leave_to_the_peer(Cluster& cluster) {
    put(*cluster.primary,
        {"spec", "template", "metadata", "annotations", "flagger-id"},
        "8a5e1cf1-6d40-4bd9-a1b4-0c2d7c7e1f00");
    cluster.revisions.clear();
    cluster.remembered = {};
    auto status = cluster.status();
    for (const std::string_view field :
         {"observedGeneration", "analysed", "unreadySince", "routedAt"}) {
        drop(status, {field});
    }
    put(status, {"lastAppliedSpec"}, "9bc949574");
    put(status, {"lastPromotedSpec"}, "9bc949574");
    put(cluster.canary, {"status"}, std::move(status));
    cluster.messages.clear();
    cluster.log.clear();
}

}  // namespace

TEST_CASE("a config's checksum is Flagger's: half a SHA-256 of the data as Go writes it") {
    const auto checksum = [](std::string_view object) { return config_checksum(parsed(object)); };
    CHECK(checksum(R"({})") == sha256_hex("null").substr(0, 16));
    CHECK(checksum(R"({"data": {"b": "x", "a": "<&>\"\\\n\u0001\u2028é"}})") ==
          sha256_hex(R"({"a":"\u003c\u0026\u003e\"\\\n\u0001\u2028é","b":"x"})").substr(0, 16));
    // What a Secret holds is base64 there as it is here.
    CHECK(checksum(R"({"kind": "Secret", "data": {"key": "c2VjcmV0"}})") ==
          sha256_hex(R"({"key":"c2VjcmV0"})").substr(0, 16));
    CHECK(checksum(R"({"data": {"a": "x"}, "metadata": {"labels": {"b": "y"}}})") ==
          checksum(R"({"data": {"a": "x"}})"));
}

TEST_CASE("binaryData counts, and a config without any has the checksum that Flagger gives it") {
    const auto without = config_checksum(parsed(R"({"data": {"a": "x"}})"));
    const auto with =
        config_checksum(parsed(R"({"data": {"a": "x"}, "binaryData": {"b": "AA=="}})"));
    const auto another =
        config_checksum(parsed(R"({"data": {"a": "x"}, "binaryData": {"b": "AQ=="}})"));
    CHECK(with != without);
    CHECK(with != another);
}

TEST_CASE("a summary holds no contents") {
    const auto summary = config_summary(parsed(
        R"({"kind": "Secret", "type": "Opaque", "data": {"key": "c2VjcmV0"}, "stringData": {"key": "secret"}})"));
    const auto text = to_text(summary);
    CHECK(text.find("c2VjcmV0") == std::string::npos);
    CHECK(text.find("\"secret\"") == std::string::npos);
    CHECK(text_at(summary, {"type"}) == "Opaque");
}

TEST_CASE("every place of a pod that names a ConfigMap or Secret is followed and renamed") {
    const auto target =
        parsed(R"({"spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {
        "volumes": [{"name": "a", "configMap": {"name": "c1"}}, {"name": "b", "secret": {"secretName": "s1"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "c2"}}, {"secret": {"name": "s2"}}]}},
            {"name": "o", "emptyDir": {}}],
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "c", "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "c3", "key": "k"}}},
                {"name": "Y", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "k"}}}, {"name": "Z", "value": "z"}],
            "envFrom": [{"configMapRef": {"name": "c4"}}, {"secretRef": {"name": "s4"}}]}],
        "initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "c5"}}]}]}}}})");
    const auto references = config_references(target);
    CHECK(references == std::vector<std::string>{"configmap/c1",
                                                 "configmap/c2",
                                                 "configmap/c3",
                                                 "configmap/c4",
                                                 "configmap/c5",
                                                 "secret/s1",
                                                 "secret/s2",
                                                 "secret/s3",
                                                 "secret/s4"});
    Rewriting rewriting{"app", "web", "web", {"app"}, {references.begin(), references.end()}};
    const auto& pod_template = *find(target, {"spec", "template"});
    const auto made = primary_template(pod_template, rewriting, "v2:1");
    const auto text = to_text(made);
    for (const auto& reference : references) {
        const auto quoted = "\"" + name_of_config(copy_of_config(reference)) + "\"";
        CHECK_MESSAGE(text.find(quoted) != std::string::npos, quoted);
    }
    CHECK(text.find("\"pull\"") != std::string::npos);
    CHECK(revision_of(undone_template(made, rewriting)) == revision_of(pod_template));
    CHECK(same_meaning(made, pod_template, rewriting));
    // Those that are not followed keep their names.
    rewriting.configs = {"configmap/c1"};
    CHECK(to_text(primary_template(pod_template, rewriting, "v2:1")).find("\"s1\"") !=
          std::string::npos);
}

TEST_CASE("the primary's pods use copies, which the Canary owns") {
    const auto cluster = initialized();
    CHECK(cluster.config("configmap/settings-primary") == "one");
    CHECK(cluster.config("secret/token-primary") == "b25l");
    const auto template_text = to_text(*find(*cluster.primary, {"spec", "template"}));
    CHECK(template_text.find("settings-primary") != std::string::npos);
    CHECK(template_text.find("token-primary") != std::string::npos);
    CHECK(noted(cluster, settings) == config_checksum(cluster.configs.at(settings)));
    CHECK(noted(cluster, token) == config_checksum(cluster.configs.at(token)));
    const auto& owner =
        array_at(cluster.configs.at("secret/token-primary"), {"metadata", "ownerReferences"}).at(0);
    CHECK(text_at(owner, {"kind"}) == "Canary");
    CHECK(bool_at(owner, {"controller"}) == true);
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a changed config is a release, and its copy changes when it is promoted") {
    for (const auto& reference : {settings, token}) {
        CAPTURE(reference);
        auto cluster = initialized();
        cluster.set_config(reference, "dHdv");
        while (cluster.phase() != "Promoting") {
            CHECK(cluster.config(copy_of_config(reference)) != "dHdv");
            cluster.run(1s);
            REQUIRE(cluster.phase() != "Failed");
        }
        cluster.run(6min);
        REQUIRE(!cluster.messages.empty());
        CHECK(cluster.messages.front() == "New revision detected! Scaling up podinfo.test");
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.config(copy_of_config(reference)) == "dHdv");
        CHECK(noted(cluster, reference) == config_checksum(cluster.configs.at(reference)));
        CHECK(cluster.configs.size() == 4);
        CHECK(cluster.complaints == Messages{});
        cluster.messages.clear();
        cluster.run(1h);
        CHECK(cluster.messages == Messages{});
    }
}

TEST_CASE("a config that changes in an analysis starts it again, with pods that have read it") {
    auto cluster = initialized();
    cluster.set_image("podinfo:2");
    while (cluster.live().canary < 30) cluster.run(1s);
    cluster.set_config(settings, "two");
    cluster.run(1s);
    CHECK(cluster.live() == Weights{});
    // Its pods drain before they start anew.
    CHECK(find(*cluster.target,
               {"spec", "template", "metadata", "annotations", rolled_annotation}) == nullptr);
    cluster.run(12s);
    CHECK(find(*cluster.target,
               {"spec", "template", "metadata", "annotations", rolled_annotation}) != nullptr);
    cluster.run(8min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(has_said(cluster, "New revision detected! Restarting analysis for podinfo.test"));
    CHECK(cluster.config("configmap/settings-primary") == "two");
    // The note at the canary's pods is none of the primary's, and no revision.
    CHECK(find(*cluster.primary,
               {"spec", "template", "metadata", "annotations", rolled_annotation}) == nullptr);
    cluster.messages.clear();
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a config that goes back to what was promoted cancels the analysis") {
    auto cluster = initialized();
    cluster.set_config(settings, "two");
    while (cluster.live().canary < 20) cluster.run(1s);
    cluster.set_config(settings, "one");
    cluster.run(2min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(has_said(cluster, "podinfo.test is back at the promoted revision, analysis cancelled"));
    CHECK(integer_at(*cluster.target, {"spec", "replicas"}) == 0);
    cluster.messages.clear();
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a failed config is not tried again until it changes") {
    auto cluster = initialized();
    bool fails = true;
    cluster.edit_canary([](Json& spec) {
        put(spec,
            {"analysis", "metrics"},
            parsed(R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}}])"));
    });
    cluster.answer = [&](const Question&) -> Answer {
        return {Outcome::passed, {}, fails ? 50.0 : 100.0};
    };
    cluster.set_config(settings, "two");
    cluster.run(6min);
    CHECK(cluster.phase() == "Failed");
    CHECK(cluster.config("configmap/settings-primary") == "one");
    cluster.messages.clear();
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
    fails = false;
    cluster.set_config(settings, "three");
    cluster.run(8min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(cluster.config("configmap/settings-primary") == "three");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a failed promotion gives the primary its configs back with its template") {
    auto cluster = initialized();
    cluster.set_image("podinfo:2");
    cluster.set_config(settings, "two");
    while (cluster.phase() != "Promoting") cluster.run(1s);
    CHECK(cluster.config("configmap/settings-primary") == "two");
    CHECK(cluster.config("configmap/settings-podinfo-primary-last") == "one");
    // Only the primary's pods fail.
    cluster.bad_images = {"podinfo:2"};
    put(*cluster.target,
        {"status", "observedGeneration"},
        *find(*cluster.target, {"metadata", "generation"}));
    put(*cluster.primary, {"status", "availableReplicas"}, 0);
    cluster.run(10min);
    CHECK(cluster.phase() == "Failed");
    CHECK(cluster.image_of(*cluster.primary) == "podinfo:1");
    CHECK(cluster.config("configmap/settings-primary") == "one");
    CHECK(cluster.live() == Weights{});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("opting out takes a config out of the release, and the primary uses it itself") {
    Cluster cluster;
    cluster.set_config(settings, "one");
    cluster.use_config(settings);
    put(cluster.configs[settings],
        {"metadata", "annotations", "flagger.app/config-tracking"},
        "disabled");
    cluster.run(30s);
    CHECK(cluster.phase() == "Initialized");
    CHECK(cluster.configs.size() == 1);
    CHECK(to_text(*cluster.primary).find("settings-primary") == std::string::npos);
    CHECK(to_text(*find(cluster.status(), {"trackedConfigs"})) == "{}");
    cluster.messages.clear();
    cluster.set_config(settings, "two");
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});

    // What is opted out later on goes with the next promotion, and so does its copy.
    auto later = initialized();
    put(later.configs[settings],
        {"metadata", "annotations", "flagger.app/config-tracking"},
        "disabled");
    later.run(8min);
    CHECK(later.phase() == "Succeeded");
    CHECK(later.configs.size() == 3);
    CHECK(to_text(*later.primary).find("settings-primary") == std::string::npos);
    CHECK(later.complaints == Messages{});
}

TEST_CASE("without config tracking nothing is copied, renamed or noted") {
    Cluster cluster;
    cluster.settings.track_configs = false;
    cluster.set_config(settings, "one");
    cluster.use_config(settings);
    cluster.run(30s);
    CHECK(cluster.phase() == "Initialized");
    CHECK(cluster.configs.size() == 1);
    CHECK(find(cluster.status(), {"trackedConfigs"}) == nullptr);
    CHECK(to_text(*cluster.primary).find("settings-primary") == std::string::npos);
    cluster.messages.clear();
    cluster.set_config(settings, "two");
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
}

TEST_CASE("switching config tracking off starts no release, and the next one leaves the copies") {
    auto cluster = initialized();
    cluster.settings.track_configs = false;
    cluster.set_config(settings, "two");
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
    cluster.set_image("podinfo:2");
    cluster.run(8min);
    CHECK(cluster.phase() == "Succeeded");
    CHECK(find(cluster.status(), {"trackedConfigs"}) == nullptr);
    CHECK(to_text(*cluster.primary).find("settings-primary") == std::string::npos);
    cluster.messages.clear();
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a missing config holds a promotion, but no rollback; an optional one is nothing") {
    SUBCASE("required") {
        auto cluster = initialized();
        cluster.set_image("podinfo:2");
        while (cluster.live().canary < 20) cluster.run(1s);
        const auto whole = cluster.configs.at(settings);
        cluster.configs.erase(settings);
        cluster.run(10min);
        CHECK(cluster.phase() == "Progressing");
        CHECK(cluster.live().canary == 50);
        CHECK(has_said(cluster,
                       "GetTargetConfigs failed: configmap settings.test get query error: "
                       "configmap settings.test get query error: configmaps \"settings\" not "
                       "found"));
        SUBCASE("comes back") {
            cluster.configs[settings] = whole;
            cluster.run(8min);
            CHECK(cluster.phase() == "Succeeded");
            CHECK(
                !has_said(cluster, "New revision detected! Restarting analysis for podinfo.test"));
        }
        SUBCASE("checks fail") {
            cluster.edit_canary([](Json& spec) {
                put(spec,
                    {"analysis", "metrics"},
                    parsed(R"([{"name": "request-success-rate", "thresholdRange": {"min": 99}}])"));
            });
            cluster.answer = [](const Question&) -> Answer { return {Outcome::passed, {}, 50.0}; };
            cluster.run(5min);
            CHECK(cluster.phase() == "Failed");
        }
        CHECK(cluster.complaints == Messages{});
    }
    SUBCASE("optional") {
        Cluster cluster;
        cluster.use_config(settings);
        auto& container =
            find(*cluster.target, {"spec", "template", "spec", "containers"})->get_array()[0];
        put(array_at(container, {"envFrom"}).empty() ? container
                                                     : find(container, {"envFrom"})->get_array()[0],
            {"configMapRef", "optional"},
            true);
        cluster.run(30s);
        CHECK(cluster.phase() == "Initialized");
        CHECK(to_text(*find(cluster.status(), {"trackedConfigs"})) == "{}");
        // It has come: a release.
        cluster.set_config(settings, "one");
        cluster.run(8min);
        CHECK(cluster.phase() == "Succeeded");
        CHECK(cluster.config("configmap/settings-primary") == "one");
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("a settled Canary of the peer with tracked configs is re-baselined in silence") {
    for (const auto* phase : {"Initialized", "Succeeded", "Failed"}) {
        CAPTURE(phase);
        auto cluster = initialized();
        put(cluster.canary, {"status", "phase"}, phase);
        leave_to_the_peer(cluster);
        SUBCASE("unchanged") {
            cluster.run(1h);
            CHECK(cluster.messages == Messages{});
            // And what changes from now on is a release.
            cluster.set_config(token, "dHdv");
        }
        SUBCASE("changed meanwhile") {
            cluster.set_config(token, "dHdv");
        }
        cluster.run(8min);
        CHECK(cluster.phase() == "Succeeded");
        REQUIRE(!cluster.messages.empty());
        CHECK(cluster.messages.front() == "New revision detected! Scaling up podinfo.test");
        CHECK(cluster.config("secret/token-primary") == "dHdv");
        CHECK(cluster.complaints == Messages{});
    }
}

TEST_CASE("binaryData that Flagger did not count starts no release when it is taken over") {
    auto cluster = initialized();
    put(cluster.configs[settings], {"binaryData"}, parsed(R"({"b": "AA=="})"));
    leave_to_the_peer(cluster);
    cluster.run(1h);
    CHECK(cluster.messages == Messages{});
    CHECK(noted(cluster, settings) == config_checksum(cluster.configs.at(settings)));
    put(cluster.configs[settings], {"binaryData"}, parsed(R"({"b": "AQ=="})"));
    cluster.run(8min);
    REQUIRE(cluster.phase() == "Succeeded");
    REQUIRE(!cluster.messages.empty());
    CHECK(cluster.messages.front() == "New revision detected! Scaling up podinfo.test");
    CHECK(to_text(*find(cluster.configs.at("configmap/settings-primary"), {"binaryData"})) ==
          R"({"b":"AQ=="})");
}

TEST_CASE("a lost copy is made again while its original holds what was promoted") {
    auto cluster = initialized();
    cluster.configs.erase("configmap/settings-primary");
    cluster.run(1min);
    CHECK(cluster.config("configmap/settings-primary") == "one");
    // A changed original is a release, whose promotion makes the copy.
    cluster.configs.erase("configmap/settings-primary");
    cluster.set_config(settings, "two");
    cluster.run(30s);
    CHECK(cluster.config("configmap/settings-primary") == "none");
    cluster.run(8min);
    CHECK(cluster.config("configmap/settings-primary") == "two");
    CHECK(cluster.complaints == Messages{});
}

TEST_CASE("a copy keeps what others put there, and gets its original's metadata but our own") {
    CopyConfig copy;
    copy.kind = Kind::config_map;
    copy.from = "settings";
    copy.to = "settings-primary";
    copy.label_prefixes = {"team"};
    copy.owner = parsed(R"({"kind": "Canary", "uid": "u", "controller": true})");
    const auto source =
        parsed(R"({"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "test",
            "labels": {"team/a": "1", "app": "x"},
            "annotations": {"note": "n", "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "kustomize.toolkit.fluxcd.io/x": "y", "flagger.app/config-tracking": "enabled"}},
        "data": {"a": "1"}, "binaryData": {"b": "AA=="}, "immutable": true})");
    const auto made = copied(copy, source, nullptr);
    CHECK(to_text(*find(made, {"metadata", "labels"})) == R"({"team/a":"1"})");
    CHECK(to_text(*find(made, {"metadata", "annotations"})) == R"({"note":"n"})");
    CHECK(text_at(made, {"metadata", "namespace"}) == "test");
    CHECK(bool_at(made, {"immutable"}) == true);
    CHECK(find(made, {"binaryData"}) != nullptr);

    const auto present = parsed(
        R"({"kind": "ConfigMap", "metadata": {"name": "settings-primary", "namespace": "test",
            "labels": {"theirs": "2", "team/b": "old"},
            "ownerReferences": [{"kind": "Canary", "uid": "other", "controller": true}]},
        "data": {"z": "9"}})");
    const auto shared = copied(copy, source, &present);
    CHECK(to_text(*find(shared, {"metadata", "labels"})) == R"({"theirs":"2","team/a":"1"})");
    CHECK(to_text(*find(shared, {"data"})) == R"({"a":"1"})");
    const auto& owners = array_at(shared, {"metadata", "ownerReferences"});
    REQUIRE(owners.size() == 2);
    CHECK(text_at(owners[0], {"uid"}) == "u");
    CHECK(find(owners[1], {"controller"}) == nullptr);

    CHECK(!has_to_be_replaced(present, shared));
    CHECK(!has_to_be_replaced(made, made));
    CHECK(has_to_be_replaced(made, present));
}

TEST_CASE("a copy's place that another controller has is not taken, nor one that the pods use") {
    Cluster cluster;
    cluster.set_config(settings, "one");
    cluster.use_config(settings);
    SUBCASE("controlled") {
        cluster.set_config("configmap/settings-primary", "theirs");
        put(cluster.configs["configmap/settings-primary"],
            {"metadata", "ownerReferences"},
            parsed(R"([{"kind": "Knob", "name": "k", "uid": "x", "controller": true}])"));
        cluster.run(1min);
        CHECK(cluster.messages ==
              Messages{"ConfigMap settings-primary.test is controlled by Knob k and is not taken "
                       "from it"});
    }
    SUBCASE("used") {
        cluster.set_config("configmap/settings-primary", "theirs");
        cluster.use_config("configmap/settings-primary");
        cluster.run(1min);
        CHECK(cluster.messages ==
              Messages{"spec.targetRef: its pods name ConfigMap settings and ConfigMap "
                       "settings-primary, which is the name of the primary's copy of the first"});
    }
    CHECK(cluster.config("configmap/settings-primary") == "theirs");
    CHECK(!cluster.primary);
}
