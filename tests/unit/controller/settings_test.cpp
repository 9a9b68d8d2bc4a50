#include "controller/settings.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace sluice;
using namespace sluice::controller;
using namespace std::chrono_literals;

namespace {

Result<Settings> parsed(const std::vector<std::string>& arguments,
                        const std::map<std::string, std::string, std::less<>>& environment = {}) {
    return settings_from(arguments, [&](std::string_view name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        if (found == environment.end()) return std::nullopt;
        return found->second;
    });
}

}  // namespace

TEST_CASE("the peer's flags are read in Go's syntax") {
    const auto settings = parsed({"-mesh-provider=istio",
                                  "--metrics-server",
                                  "http://prom:59090/prometheus",
                                  "-enable-leader-election=false",
                                  "-selector-labels",
                                  "app, tier",
                                  "-port=9000",
                                  "-v=4",
                                  "-logtostderr",
                                  "--drain-delay=0",
                                  "--revert-on-deletion"});
    REQUIRE(settings);
    CHECK(settings->metrics_server == "http://prom:59090/prometheus");
    CHECK_FALSE(settings->leader_election);
    CHECK(settings->selector_labels == std::vector<std::string>{"app", "tier"});
    CHECK(settings->port == 9000);
    CHECK(settings->drain_delay == 0s);
    CHECK(settings->revert_on_deletion);
    CHECK(settings->log_level == LogLevel::debug);
    CHECK(settings->warnings.empty());
}

TEST_CASE("a wrong flag is one clear line") {
    CHECK(parsed({"-mesh"}).error().message == "flag provided but not defined: -mesh");
    CHECK(parsed({"-port"}).error().message == "flag needs an argument: -port");
    CHECK(parsed({"-port=x"}).error().message == "invalid value \"x\" for flag -port");
    CHECK(parsed({"-port=70000"}).error().message == "invalid value \"70000\" for flag -port");
    CHECK(parsed({"-enable-leader-election=maybe"}).error().message ==
          "invalid value \"maybe\" for flag -enable-leader-election");
    CHECK(parsed({"istio"}).error().message == "unexpected argument istio");
}

TEST_CASE("a flag that asks for what is not built gives one warning") {
    CHECK(parsed({"-ingress-class=nginx", "-slack-user=flagger"})->warnings ==
          std::vector<std::string>{"-ingress-class is not built yet and has no effect"});
}

TEST_CASE("who is told is read from the flags, and the environment wins") {
    const auto settings = parsed({"-slack-url=http://s",
                                  "-slack-channel=releases",
                                  "-event-webhook=http://e",
                                  "-cluster-name=lab",
                                  "-no-cross-namespace-refs"},
                                 {{"EVENT_WEBHOOK_URL", "http://sink"},
                                  {"SLACK_URL", ""},
                                  {"SLACK_TOKEN", "xoxb-1"},
                                  {"MSTEAMS_URL", "http://teams"}});
    REQUIRE(settings);
    const auto& told = settings->notifications;
    CHECK(told.event_webhook == "http://sink");
    CHECK(told.slack_url == "http://s");
    CHECK(told.slack_token == "xoxb-1");
    CHECK(told.slack_channel == "releases");
    CHECK(told.slack_user == "flagger");
    CHECK(told.msteams_url == "http://teams");
    CHECK(told.cluster_name == "lab");
    CHECK_FALSE(settings->cross_namespace_refs);
    CHECK(settings->warnings.empty());
}

TEST_CASE(
    "the lease stands in the pod's namespace, else the watched one, else where the flag says") {
    CHECK(parsed({})->leader_election_ns == "kube-system");
    CHECK(parsed({"-leader-election-namespace=a"})->leader_election_ns == "a");
    CHECK(parsed({"-leader-election-namespace=a", "-namespace=b"})->leader_election_ns == "b");
    CHECK(parsed({"-namespace=b"}, {{"POD_NAMESPACE", "c"}})->leader_election_ns == "c");
}

TEST_CASE("our log format wins over zap's encoding") {
    CHECK(parsed({"-zap-encoding=console"})->log_format == LogFormat::text);
    CHECK(parsed({"--log-format=json", "-zap-encoding=console"})->log_format == LogFormat::json);
    CHECK_FALSE(parsed({"--log-format=xml"}));
}

TEST_CASE("there is no dashboard unless it is asked for, and then on loopback") {
    const auto none = parsed({});
    REQUIRE(none);
    CHECK_FALSE(none->ui_port);
    const auto shown = parsed({"--ui-port=4680", "--ui-base-path=/sluice/", "--ui-host=a,b:80"});
    REQUIRE(shown);
    CHECK(shown->ui_port == 4680);
    CHECK(shown->ui_address == "127.0.0.1");
    CHECK(shown->ui_base_path == "/sluice");
    CHECK(shown->ui_hosts == std::vector<std::string>{"a", "b:80"});
    CHECK_FALSE(shown->ui_write);
    CHECK(parsed({"--ui-port=70000"}).error().message ==
          "invalid value \"70000\" for flag -ui-port");
    CHECK_FALSE(parsed({"--ui-base-path=sluice"}));
    CHECK_FALSE(parsed({"--ui-base-path=/a\"b"}));
}
