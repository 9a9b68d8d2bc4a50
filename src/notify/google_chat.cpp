#include "notify/google_chat.hpp"

#include "base/core/json.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::notify {
namespace {

// The card's text is HTML, and what stands in it are strangers' words.
std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

std::string strong(std::string_view text) {
    return fmt::format("<font color=#848484><strong>{}</strong></font>", escaped(text));
}

Json section_of(std::string text) {
    JsonArray widgets;
    widgets.push_back(JsonObject{{"textParagraph", JsonObject{{"text", std::move(text)}}}});
    return JsonObject{{"widgets", std::move(widgets)}};
}

}  // namespace

Result<net::Request> google_chat_request(const Receiver& receiver, const Notice& notice) {
    JsonArray sections;
    sections.push_back(section_of(strong(notice.message)));
    for (const auto& [name, value] : notice.fields) {
        sections.push_back(section_of(escaped(name) + "<br>" + strong(value)));
    }
    const JsonObject header{{"title", "Flagger"},
                            {"subtitle", notice.canary},
                            {"imageUrl", "https://flagger.app/favicon.png"}};
    JsonArray cards;
    cards.push_back(JsonObject{{"header", header}, {"sections", std::move(sections)}});
    return post_of(receiver,
                   {receiver.address, "Google Chat webhook"},
                   JsonObject{{"cards", std::move(cards)}});
}

}  // namespace sluice::notify
