// What each kind of receiver is posted, to the letter.
#include "base/core/json.hpp"
#include "notify/receivers.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::notify;

namespace {

Notice a_notice() {
    return {.severity = api::Severity::info,
            .message = "New revision detected, progressing canary analysis.",
            .canary = "podinfo.test",
            .fields = {{"Target", "Deployment/podinfo.test"},
                       {"Failed checks threshold", "5"},
                       {"Progress deadline", "600s"},
                       {"Traffic routing", "Weight step: 10 max: 50"}}};
}

Receiver a_receiver(std::string type, std::string address = "https://hooks.test/services/T0/B0/x") {
    Receiver receiver;
    receiver.type = std::move(type);
    receiver.address = std::move(address);
    return receiver;
}

net::Request built(const Receiver& receiver, const Notice& notice = a_notice()) {
    const auto request = request_for(receiver, notice);
    REQUIRE(request);
    return *request;
}

std::string colour(std::string type, api::Severity severity) {
    auto notice = a_notice();
    notice.severity = severity;
    const auto body = *parse_json(built(a_receiver(std::move(type)), notice).body);
    return std::string(text_at(body.at("attachments").at(0), {"color"}));
}

std::string refusal(const Receiver& receiver) {
    const auto request = request_for(receiver, a_notice());
    return request ? "none" : request.error().message;
}

}  // namespace

TEST_CASE("Slack is posted the peer's message, key by key") {
    const auto request = built(a_receiver("slack"));
    CHECK(request.method == "POST");
    CHECK(net::to_string(request.origin) == "https://hooks.test");
    CHECK(request.target == "/services/T0/B0/x");
    CHECK(request.headers.get("Content-Type") == "application/json");
    CHECK_FALSE(request.headers.get("Authorization"));
    CHECK(request.timeout == std::chrono::seconds{5});
    CHECK(request.body ==
          R"({"channel":"general","username":"flagger","icon_url":"","icon_emoji":":rocket:",)"
          R"("attachments":[{"color":"good","author_name":"podinfo.test",)"
          R"("text":"New revision detected, progressing canary analysis.","mrkdwn_in":["text"],)"
          R"("fields":[{"title":"Target","value":"Deployment/podinfo.test","short":false},)"
          R"({"title":"Failed checks threshold","value":"5","short":false},)"
          R"({"title":"Progress deadline","value":"600s","short":false},)"
          R"({"title":"Traffic routing","value":"Weight step: 10 max: 50","short":false}]}]})");
}

TEST_CASE("an alert without fields has an empty list of them") {
    auto notice = a_notice();
    notice.fields.clear();
    CHECK(built(a_receiver("slack"), notice).body.find(R"("fields":[])") != std::string::npos);
    CHECK(built(a_receiver("msteams"), notice).body.find(R"("facts":[])") != std::string::npos);
}

TEST_CASE("a channel, a name and a bot's token are used when they are given, the token by Slack") {
    auto receiver = a_receiver("slack", "https://slack.com/api/chat.postMessage");
    receiver.channel = "releases";
    receiver.username = "sluice";
    receiver.token = "xoxb-1";
    const auto request = built(receiver);
    CHECK(request.body.starts_with(R"({"channel":"releases","username":"sluice",)"));
    CHECK(request.headers.get("Authorization") == "Bearer xoxb-1");
    receiver.type = "discord";
    CHECK_FALSE(built(receiver).headers.get("Authorization"));
}

TEST_CASE("each severity has its colour") {
    using enum api::Severity;
    CHECK(colour("slack", info) == "good");
    CHECK(colour("slack", warn) == "warning");
    CHECK(colour("slack", error) == "danger");
    CHECK(colour("discord", warn) == "good");
    CHECK(colour("discord", error) == "danger");
    CHECK(colour("rocket", info) == "#0076D7");
    CHECK(colour("rocket", error) == "#FF0000");
}

TEST_CASE("Discord is posted to at its Slack door (check 23)") {
    CHECK(built(a_receiver("discord", "https://d/x")).target == "/x/slack");
    CHECK(built(a_receiver("discord", "https://d/x/slack")).target == "/x/slack");
    CHECK(built(a_receiver("discord", "https://d/x/?wait=true")).target == "/x/slack?wait=true");
}

TEST_CASE("Teams is posted a MessageCard, and an Adaptive Card behind a Workflows address") {
    auto notice = a_notice();
    notice.fields = {{"Target", "Deployment/podinfo.test"}};
    CHECK(built(a_receiver("msteams"), notice).body ==
          R"({"@type":"MessageCard","@context":"http://schema.org/extensions",)"
          R"("themeColor":"0076D7","summary":"podinfo.test",)"
          R"("sections":[{"activityTitle":"New revision detected, progressing canary analysis.",)"
          R"("activitySubtitle":"podinfo.test",)"
          R"("facts":[{"name":"Target","value":"Deployment/podinfo.test"}]}]})");
    notice.severity = api::Severity::error;
    CHECK(built(a_receiver("msteams"), notice).body.find(R"("themeColor":"FF0000")") !=
          std::string::npos);

    const auto card = *parse_json(
        built(a_receiver("msteams", "https://prod-1.logic.azure.com:443/workflows/a/run?sig=b"),
              notice)
            .body);
    const auto& attachment = card.at("attachments").at(0);
    CHECK(text_at(card, {"type"}) == "message");
    CHECK(text_at(attachment, {"contentType"}) == "application/vnd.microsoft.card.adaptive");
    const auto& body = array_at(attachment, {"content", "body"});
    CHECK(text_at(body.at(0), {"color"}) == "Attention");
    CHECK(text_at(array_at(body.at(2), {"facts"}).at(0), {"title"}) == "Target");
}

TEST_CASE("Google Chat is posted a card whose text is escaped") {
    Notice notice{.message = "no values for <a> & \"b\"",
                  .canary = "podinfo.test",
                  .fields = {{"Target", "Deployment/podinfo.test"}}};
    CHECK(
        built(a_receiver("gchat"), notice).body ==
        R"({"cards":[{"header":{"title":"Flagger","subtitle":"podinfo.test",)"
        R"("imageUrl":"https://flagger.app/favicon.png"},)"
        R"("sections":[{"widgets":[{"textParagraph":{"text":)"
        R"("<font color=#848484><strong>no values for &lt;a&gt; &amp; &quot;b&quot;</strong></font>"}}]},)"
        R"({"widgets":[{"textParagraph":{"text":)"
        R"("Target<br><font color=#848484><strong>Deployment/podinfo.test</strong></font>"}}]}]}]})");
}

TEST_CASE("a wrong address is named by its kind, and only as far as its host") {
    CHECK(refusal(a_receiver("slack", "ftp://hooks.slack.com/services/secret")) ==
          "invalid Slack hook URL ftp://hooks.slack.com/…");
    CHECK(refusal(a_receiver("discord", "secret")) == "invalid Discord hook URL …");
    CHECK(refusal(a_receiver("rocket", "secret")) == "invalid Rocket hook URL …");
    CHECK(refusal(a_receiver("msteams", "secret")) == "invalid MS Teams webhook URL …");
    CHECK(refusal(a_receiver("gchat", "secret")) == "invalid Google Chat webhook URL …");
    CHECK(refusal(a_receiver("telegram")) == "provider telegram not supported");
}

TEST_CASE("a receiver's proxy leads to it, and a wrong one is named without its user") {
    auto receiver = a_receiver("slack");
    receiver.proxy = "http://proxy.test:3128";
    CHECK(built(receiver).proxy == net::Origin{.host = "proxy.test", .port = 3128});
    receiver.proxy = "socks://me:secret@proxy.test/x";
    CHECK(refusal(receiver) ==
          "unable to parse proxy URL 'socks://proxy.test/…', error: it is no http address");
    receiver.proxy = "http://me:secret@proxy.test";
    CHECK(built(receiver).headers.get("Proxy-Authorization") == "Basic bWU6c2VjcmV0");
}
