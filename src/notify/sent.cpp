#include "notify/sent.hpp"

#include "base/core/address.hpp"
#include "base/core/excerpt.hpp"
#include "base/core/text.hpp"

#include <algorithm>

namespace sluice::notify {
namespace {

constexpr std::size_t error_shown = 300;

// A query may hold a token.
std::string without_query(std::string text, std::string_view address) {
    const auto bare = split_address(address).bare;
    const auto query = bare.find('?');
    if (query == std::string::npos) return text;
    for (auto at = text.find(bare); at != std::string::npos; at = text.find(bare, at + query)) {
        text.replace(at, bare.size(), bare.substr(0, query) + "?…");
    }
    return text;
}

}  // namespace

std::string_view to_string(SentKind kind) {
    switch (kind) {
        case SentKind::webhook:
            return "webhook";
        case SentKind::event:
            return "event";
        case SentKind::alert:
            return "alert";
    }
    return {};
}

void SentLog::note(const ReleaseName& release, Sent sent) {
    if (!releases_.contains(release) && releases_.size() >= releases_max) {
        releases_.erase(std::ranges::min_element(
            releases_, {}, [](const auto& entry) { return entry.second.last; }));
    }
    auto& of = releases_[release];
    of.last = clock_.now();
    // What began earlier may end later.
    const auto place =
        std::ranges::find_if(of.sent, [&](const Sent& other) { return other.at <= sent.at; });
    of.sent.insert(place, std::move(sent));
    if (of.sent.size() > kept) of.sent.pop_back();
    if (on_note_) on_note_(release);
}

std::vector<Sent> SentLog::of(const ReleaseName& release) const {
    const auto found = releases_.find(release);
    if (found == releases_.end()) return {};
    return {found->second.sent.begin(), found->second.sent.end()};
}

void SentLog::forget(const ReleaseName& release) {
    releases_.erase(release);
}

void SentLog::on_note(std::function<void(const ReleaseName&)> callback) {
    on_note_ = std::move(callback);
}

Sending::Sending(SentLog* log, ReleaseName release, SentKind kind, std::string name)
    : log_(log), release_(std::move(release)) {
    if (log_ == nullptr) return;
    sent_ = {.at = log_->now(), .kind = kind, .name = std::move(name)};
}

void Sending::end(const Result<void>& outcome, std::string_view address) {
    if (log_ == nullptr) return;
    sent_.took = log_->now() - sent_.at;
    if (!outcome) {
        sent_.error = excerpt(without_query(outcome.error().message, address), error_shown);
        if (sent_.error.empty()) sent_.error = "it was not taken";
    }
    log_->note(release_, std::move(sent_));
}

}  // namespace sluice::notify
