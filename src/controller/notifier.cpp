#include "controller/notifier.hpp"

#include "base/async/deadline.hpp"
#include "base/core/address.hpp"
#include "base/core/excerpt.hpp"
#include "base/core/text.hpp"
#include "controller/announcer.hpp"
#include "delivery/canary/alerts.hpp"
#include "delivery/canary/hooks.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::controller {
namespace {

using std::chrono::seconds;

constexpr std::size_t url_shown = 30;
constexpr std::size_t alerted_max = 32;
constexpr int secret_tries = 3;
constexpr Duration secret_limit = seconds{5};

std::optional<notify::Receiver> global_receiver(const Notifications& told) {
    notify::Receiver receiver;
    if (!told.msteams_url.empty()) {
        receiver.type = "msteams";
        receiver.address = told.msteams_url;
        receiver.proxy = told.msteams_proxy_url;
        return receiver;
    }
    if (told.slack_url.empty()) return std::nullopt;
    receiver.type = "slack";
    receiver.address = told.slack_url;
    receiver.proxy = told.slack_proxy_url;
    receiver.token = told.slack_token;
    receiver.channel = told.slack_channel;
    receiver.username = told.slack_user;
    return receiver;
}

// A key of the Secret as text; people leave a newline behind what they encode.
std::string secret_text(const Json& secret, std::string_view key) {
    const auto bytes = from_base64(text_at(secret, {"data", key}));
    return bytes ? std::string(trimmed(*bytes)) : std::string{};
}

std::string name_of(const api::Reference& provider) {
    return provider.name + "." + provider.ns;
}

bool may_pass(ErrorKind kind) {
    return kind == ErrorKind::unreachable || kind == ErrorKind::timed_out ||
           kind == ErrorKind::unavailable || kind == ErrorKind::too_many;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
    if (what.empty()) return;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

}  // namespace

Notifier::Notifier(Means means, Notifications told)
    : means_(means),
      told_(std::move(told)),
      receivers_(means.http, means.clock),
      global_(global_receiver(told_)) {}

void Notifier::introduce() {
    if (!global_) return;
    if (global_->type == "slack" && global_->channel.empty()) {
        means_.log.error("Notifier empty Slack channel");
        global_.reset();
        return;
    }
    if (const auto usable = notify::request_for(*global_, {}); !usable) {
        means_.log.error("Notifier " + usable.error().message);
        global_.reset();
        return;
    }
    means_.log.info("Notifications enabled for " +
                    excerpt(masked_address(global_->address), url_shown));
}

// --- alerts -----------------------------------------------------------------------------------

void Notifier::alert(const Json& object,
                     const canary::World& world,
                     const std::vector<canary::Alert>& alerts) {
    const auto key = kube::key_of(object);
    auto& alerted = alerted_[key];
    // What goes on for long says many things, each of them once.
    if (alerted.size() > alerted_max) alerted.clear();
    for (const auto& alert : alerts) {
        if (!alerted.insert(world.revision + "\n" + alert.message).second) continue;
        const notify::Notice notice{
            .severity = alert.severity,
            .message = alert.message,
            .canary = world.canary.dotted(),
            .fields = canary::alert_fields(world, alert, told_.cluster_name)};
        const auto line = "alerts of " + to_string(key);
        if (world.canary.analysis.alerts.empty()) {
            if (global_) means_.alerts.post(line, tell_global(object, notice));
            continue;
        }
        for (const auto& to : canary::receivers_of(world, alert)) {
            // A receiver that is slow keeps only its own messages waiting.
            means_.alerts.post(line + " to " + name_of(to.provider),
                               tell_receiver(object, to, notice));
        }
    }
}

void Notifier::settled(const kube::ObjectKey& key) {
    alerted_.erase(key);
}

void Notifier::forget(const kube::ObjectKey& key) {
    alerted_.erase(key);
    if (means_.sent != nullptr) means_.sent->forget({key.ns, key.name});
}

notify::Sending Notifier::sending(const Json& object, const std::string& to) const {
    const auto key = kube::key_of(object);
    return {means_.sent, {key.ns, key.name}, notify::SentKind::alert, to};
}

Task<> Notifier::tell_global(Json object, notify::Notice notice) {
    auto sending = this->sending(object, global_->type);
    const auto sent = co_await receivers_.send(*global_, std::move(notice));
    sending.end(sent);
    means_.metrics.count_notification(sent ? "sent" : "failed");
    if (!sent) report(object, "alert can't be sent: " + sent.error().message);
}

Task<> Notifier::tell_receiver(Json object, api::AlertRef to, notify::Notice notice) {
    auto sending = this->sending(object, name_of(to.provider));
    auto receiver = co_await receiver_of(to);
    if (!receiver) {
        sending.end(receiver.error());
        means_.metrics.count_notification("failed");
        report(object, receiver.error().message);
        co_return;
    }
    // A provider that is there and says nowhere is switched off.
    if (receiver->address.empty()) co_return;
    const auto sent = co_await receivers_.send(std::move(*receiver), std::move(notice));
    sending.end(sent);
    means_.metrics.count_notification(sent ? "sent" : "failed");
    if (!sent) {
        report(object,
               fmt::format(
                   "alert provider {} send error: {}", name_of(to.provider), sent.error().message));
    }
}

// As it stands now: a Secret that was rotated counts from the next alert on.
Task<Result<notify::Receiver>> Notifier::receiver_of(api::AlertRef to) {
    const auto name = name_of(to.provider);
    const auto object = means_.providers.get({to.provider.ns, to.provider.name});
    if (!object) {
        co_return Error{ErrorKind::not_found,
                        fmt::format("alert provider {} error: "
                                    "alertproviders.flagger.app \"{}\" not found",
                                    name,
                                    to.provider.name)};
    }
    notify::Receiver receiver;
    receiver.type = text_at(*object, {"spec", "type"});
    receiver.address = text_at(*object, {"spec", "address"});
    receiver.channel = text_at(*object, {"spec", "channel"});
    receiver.username = text_at(*object, {"spec", "username"});
    receiver.proxy = text_at(*object, {"spec", "proxy"});
    const std::string secret_name(text_at(*object, {"spec", "secretRef", "name"}));
    if (secret_name.empty()) co_return receiver;

    const auto secret = co_await read_secret({to.provider.ns, secret_name});
    if (!secret) {
        co_return Error{
            secret.error().kind,
            fmt::format("alert provider {} secretRef error: {}", name, secret.error().message)};
    }
    receiver.address = secret_text(*secret, "address");
    receiver.token = secret_text(*secret, "token");
    if (receiver.address.empty()) {
        co_return Error{ErrorKind::invalid,
                        fmt::format("alert provider {} secret does not contain an address", name)};
    }
    co_return receiver;
}

Task<Result<Json>> Notifier::read_secret(kube::ObjectKey key) {
    for (int attempt = 1;; ++attempt) {
        auto secret = co_await with_deadline<Json>(
            means_.clock, secret_limit, means_.client.get(kube::resources::secrets, key));
        if (secret || attempt == secret_tries || !may_pass(secret.error().kind)) co_return secret;
        co_await means_.clock.sleep_for(seconds{1LL << (attempt - 1)});
    }
}

// Said to the user, too; not to the event webhooks, which may be what failed.
void Notifier::report(const Json& object, const std::string& what) {
    means_.log.error(what, {{"canary", dotted_name(kube::key_of(object))}});
    means_.events.post({.involved = kube::involved_object(kube::resources::canaries, object),
                        .type = "Warning",
                        .reason = "Synced",
                        .message = what});
}

// --- event webhooks ---------------------------------------------------------------------------

void Notifier::announce(const canary::World& world, const std::vector<canary::Event>& events) {
    const kube::ObjectKey key{world.canary.ns, world.canary.name};
    for (const auto& event : events) {
        auto calls = canary::calls_for(world, event, means_.clock.now());
        if (calls.empty() && !told_.event_webhook.empty()) {
            const api::Hook global{.name = "events",
                                   .type = api::HookType::event,
                                   .url = told_.event_webhook,
                                   .timeout = seconds{10}};
            calls.push_back(canary::call_for(world, event, means_.clock.now(), global));
        }
        for (auto& call : calls) {
            const auto line = fmt::format("events of {} to {}", to_string(key), call.hook.name);
            means_.announcements.post(line, post_event(std::move(call)));
        }
    }
}

Task<> Notifier::post_event(canary::CallHook call) {
    notify::Sending sending(means_.sent,
                            {.ns = std::string(text_at(call.payload, {"namespace"})),
                             .name = std::string(text_at(call.payload, {"name"}))},
                            notify::SentKind::event,
                            call.hook.name);
    const auto done = co_await means_.webhooks.call(call.hook, to_text(call.payload));
    means_.metrics.count_notification(done ? "sent" : "failed");
    if (done) {
        sending.end(done);
        co_return;
    }
    auto why = done.error().message;
    // The process' own comes from its environment, where secrets are.
    if (call.hook.url == told_.event_webhook) {
        replace_all(why, split_address(call.hook.url).bare, masked_address(call.hook.url));
    }
    sending.end(Error{done.error().kind, why}, call.hook.url);
    means_.log.error(
        "error sending event to webhook: " + why,
        {{"canary",
          fmt::format(
              "{}.{}", text_at(call.payload, {"name"}), text_at(call.payload, {"namespace"}))}});
}

}  // namespace sluice::controller
