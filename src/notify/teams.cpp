#include "notify/teams.hpp"

#include "base/core/json.hpp"

#include <boost/json.hpp>

namespace sluice::notify {
namespace {

using api::Severity;

// "https://prod-12.westeurope.logic.azure.com/workflows/…", and Power Automate's later addresses.
bool is_workflow(std::string_view address) {
    return address.find("/workflows/") != std::string_view::npos;
}

JsonArray facts_of(const Notice& notice, std::string_view key) {
    JsonArray facts;
    for (const auto& [name, value] : notice.fields) {
        facts.push_back(JsonObject{{key, name}, {"value", value}});
    }
    return facts;
}

Json message_card(const Notice& notice) {
    JsonObject section{{"activityTitle", notice.message},
                       {"activitySubtitle", notice.canary},
                       {"facts", facts_of(notice, "name")}};
    JsonArray sections;
    sections.push_back(std::move(section));
    return JsonObject{{"@type", "MessageCard"},
                      {"@context", "http://schema.org/extensions"},
                      {"themeColor", notice.severity == Severity::error ? "FF0000" : "0076D7"},
                      {"summary", notice.canary},
                      {"sections", std::move(sections)}};
}

std::string_view colour_of(Severity severity) {
    switch (severity) {
        case Severity::info:
            return "Good";
        case Severity::warn:
            return "Warning";
        case Severity::error:
            return "Attention";
    }
    SLUICE_ASSERT(false);
}

Json adaptive_card(const Notice& notice) {
    JsonArray body;
    body.push_back(JsonObject{{"type", "TextBlock"},
                              {"text", notice.message},
                              {"weight", "Bolder"},
                              {"color", colour_of(notice.severity)},
                              {"wrap", true}});
    body.push_back(JsonObject{{"type", "TextBlock"},
                              {"text", notice.canary},
                              {"isSubtle", true},
                              {"spacing", "None"},
                              {"wrap", true}});
    if (!notice.fields.empty()) {
        body.push_back(JsonObject{{"type", "FactSet"}, {"facts", facts_of(notice, "title")}});
    }
    JsonObject card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                    {"type", "AdaptiveCard"},
                    {"version", "1.4"},
                    {"body", std::move(body)}};
    JsonArray attachments;
    attachments.push_back(JsonObject{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                     {"content", std::move(card)}});
    return JsonObject{{"type", "message"}, {"attachments", std::move(attachments)}};
}

}  // namespace

Result<net::Request> teams_request(const Receiver& receiver, const Notice& notice) {
    return post_of(receiver,
                   {receiver.address, "MS Teams webhook"},
                   is_workflow(receiver.address) ? adaptive_card(notice) : message_card(notice));
}

}  // namespace sluice::notify
