#include "web/hub.hpp"

#include "base/async/deadline.hpp"
#include "base/core/text.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {

struct Hub::Listener {
    Listener(Executor executor, Listening the_listening)
        : listening(std::move(the_listening)), more(std::move(executor)) {}

    Listening listening;
    std::deque<std::shared_ptr<const std::string>> unread;
    std::size_t unread_bytes = 0;
    bool is_behind = false;  // it was told to ask again for everything, and has not read it yet
    bool is_over = false;
    Signal more;
};

class Hub::Reader final : public net::BodyReader {
   public:
    Reader(std::shared_ptr<Hub> hub, std::shared_ptr<Listener> listener)
        : hub_(std::move(hub)), listener_(std::move(listener)) {}
    ~Reader() override { hub_->leave(listener_); }

    Task<Result<std::string>> next() override {
        using boost::asio::experimental::awaitable_operators::operator||;
        if (listener_->unread.empty() && !listener_->is_over) {
            co_await (listener_->more.wait() || hub_->clock_.sleep_for(hub_->limits_.keep_alive));
        }
        if (listener_->is_over) {
            co_return Error{ErrorKind::cancelled, "the stream was closed"};
        }
        if (listener_->unread.empty()) co_return std::string(":\n\n");
        // What has gathered leaves in one piece; more than a socket takes at once would only wait.
        constexpr std::size_t piece_max = std::size_t{64} * 1024;
        std::string text;
        listener_->is_behind = false;
        while (!listener_->unread.empty() && text.size() < piece_max) {
            text += *listener_->unread.front();
            listener_->unread_bytes -= listener_->unread.front()->size();
            listener_->unread.pop_front();
        }
        co_return text;
    }

   private:
    std::shared_ptr<Hub> hub_;
    std::shared_ptr<Listener> listener_;
};

namespace {

std::string wire_of(std::string_view event, std::string_view id, std::string_view data) {
    return fmt::format("event: {}\nid: {}\ndata: {}\n\n", event, id, data);
}

}  // namespace

Hub::Hub(Executor executor, Clock& clock, std::string epoch, HubLimits limits)
    : executor_(std::move(executor)), clock_(clock), epoch_(std::move(epoch)), limits_(limits) {}

std::optional<std::uint64_t> Hub::number_of(std::string_view id) const {
    const auto dash = id.rfind('-');
    if (dash == std::string_view::npos || id.substr(0, dash) != epoch_) return std::nullopt;
    const auto number = parse_integer(id.substr(dash + 1));
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
}

bool Hub::concerns(const Listener& listener, const Event& event) {
    const auto& listening = listener.listening;
    if (!listening.topics.contains(event.topic)) return false;
    if (listening.sees && !event.ns.empty() && !listening.sees(event.topic, event.ns)) {
        return false;
    }
    if (event.whom == For::everybody) return true;
    const bool writes = !listening.writes || listening.writes(event.ns);
    return writes == (event.whom == For::writers);
}

// All that was told since then is kept, and all that happened since then was told.
bool Hub::has_missed_nothing(const Listening& listening, std::uint64_t number) const {
    if (number < forgotten_ || number > number_) return false;
    return std::ranges::all_of(listening.topics, [&](const std::string& topic) {
        const auto silent = silent_until_.find(topic);
        return is_heard(topic) && silent != silent_until_.end() && silent->second <= number;
    });
}

std::shared_ptr<const std::string> Hub::reset_wire(std::string_view reason) const {
    const auto data =
        fmt::format(R"({{"now":"{}","reason":"{}"}})", rfc3339_millis(clock_.now()), reason);
    return std::make_shared<const std::string>(
        wire_of("reset", fmt::format("{}-{}", epoch_, number_), data));
}

void Hub::hand(Listener& listener, const std::shared_ptr<const std::string>& wire) {
    listener.unread.push_back(wire);
    listener.unread_bytes += wire->size();
    listener.more.notify_all();
}

Result<std::unique_ptr<net::BodyReader>> Hub::listen(Listening listening, std::string_view hello) {
    if (listeners_.size() >= limits_.listeners) {
        return Error{ErrorKind::too_many,
                     fmt::format("{} streams are open already", limits_.listeners)};
    }
    const auto of_the_same =
        static_cast<std::size_t>(std::ranges::count_if(listeners_, [&](const auto& other) {
            return other->listening.person == listening.person;
        }));
    const bool is_nobody = listening.person.empty();
    const auto limit = is_nobody ? limits_.listeners_of_nobody : limits_.listeners_of_one_person;
    if (of_the_same >= limit) {
        return Error{
            ErrorKind::too_many,
            fmt::format("{} streams {} are open",
                        limit,
                        is_nobody ? "with the dashboard's own token, or none," : "of one person")};
    }
    forget_old();
    auto listener = std::make_shared<Listener>(executor_, std::move(listening));
    const auto now_id = fmt::format("{}-{}", epoch_, number_);
    hand(*listener, std::make_shared<const std::string>(wire_of("hello", now_id, hello)));
    const auto& from = listener->listening.last_event_id;
    auto reset = listener->listening.reset;
    if (!from.empty() && reset.empty()) {
        const auto number = number_of(from);
        if (number && has_missed_nothing(listener->listening, *number)) {
            for (const auto& event : kept_) {
                if (event.number > *number && concerns(*listener, event)) {
                    hand(*listener, event.wire);
                }
            }
        } else {
            const bool is_ours = from.substr(0, from.rfind('-')) == epoch_;
            reset = is_ours ? "gap" : "restart";
        }
    }
    if (!reset.empty()) hand(*listener, reset_wire(reset));
    for (const auto& topic : listener->listening.topics) {
        if (!is_heard(topic)) silent_until_[topic] = number_;
        ++heard_by_[topic];
        left_.erase(topic);
    }
    listeners_.insert(listener);
    if (on_listen_) on_listen_();
    return std::unique_ptr<net::BodyReader>(
        std::make_unique<Reader>(shared_from_this(), std::move(listener)));
}

void Hub::leave(const std::shared_ptr<Listener>& listener) {
    if (listeners_.erase(listener) == 0) return;
    for (const auto& topic : listener->listening.topics) {
        const auto found = heard_by_.find(topic);
        if (found == heard_by_.end() || --found->second > 0) continue;
        heard_by_.erase(found);
        left_[topic] = clock_.now();
    }
}

void Hub::forget_old() {
    const auto now = clock_.now();
    while (!kept_.empty() &&
           (kept_.size() > limits_.kept_events || kept_bytes_ > limits_.kept_bytes ||
            kept_.front().at + limits_.kept_for <= now)) {
        forgotten_ = kept_.front().number;
        kept_bytes_ -= kept_.front().wire->size();
        kept_.pop_front();
    }
    std::erase_if(left_, [&](const auto& entry) {
        const bool is_over = entry.second + limits_.kept_for <= now;
        if (is_over) silent_until_.erase(entry.first);
        return is_over;
    });
}

bool Hub::is_heard(const std::string& topic) const {
    if (heard_by_.contains(topic)) return true;
    const auto left = left_.find(topic);
    return left != left_.end() && left->second + limits_.kept_for > clock_.now();
}

std::set<std::string> Hub::heard() const {
    std::set<std::string> topics;
    for (const auto& [topic, count] : heard_by_) topics.insert(topic);
    for (const auto& [topic, at] : left_) {
        if (is_heard(topic)) topics.insert(topic);
    }
    return topics;
}

std::vector<std::string> Hub::heard_under(std::string_view beginning) const {
    std::vector<std::string> topics;
    const auto gather = [&](const auto& by_topic) {
        for (auto one = by_topic.lower_bound(std::string(beginning));
             one != by_topic.end() && one->first.starts_with(beginning);
             ++one) {
            if (is_heard(one->first)) topics.push_back(one->first);
        }
    };
    gather(heard_by_);
    gather(left_);
    return topics;
}

void Hub::publish(const Message& message) {
    if (!is_heard(message.topic)) return;
    const auto id = fmt::format("{}-{}", epoch_, ++number_);
    kept_.push_back(
        {.number = number_,
         .topic = message.topic,
         .ns = message.ns,
         .whom = message.whom,
         .wire = std::make_shared<const std::string>(wire_of(message.event, id, message.data)),
         .at = clock_.now()});
    kept_bytes_ += kept_.back().wire->size();
    const auto& told = kept_.back();
    std::vector<std::shared_ptr<Listener>> too_slow;
    for (const auto& listener : listeners_) {
        if (!concerns(*listener, told)) continue;
        hand(*listener, told.wire);
        if (listener->unread_bytes <= limits_.unread_bytes) continue;
        if (listener->is_behind) {
            too_slow.push_back(listener);
            continue;
        }
        // One question for everything costs less than all that has gathered.
        listener->is_behind = true;
        listener->unread.clear();
        listener->unread_bytes = 0;
        hand(*listener, reset_wire("behind"));
    }
    for (const auto& listener : too_slow) end(listener);
    forget_old();
}

void Hub::end(const std::shared_ptr<Listener>& listener) {
    listener->is_over = true;
    listener->unread.clear();
    listener->unread_bytes = 0;
    listener->more.notify_all();
    leave(listener);
}

void Hub::end(const void* mark) {
    const auto found = std::ranges::find_if(
        listeners_, [&](const auto& listener) { return listener->listening.mark == mark; });
    if (found == listeners_.end()) return;
    // A copy: the list's own goes while it leaves.
    end(std::shared_ptr<Listener>(*found));
}

void Hub::close() {
    const auto all = listeners_;
    for (const auto& listener : all) end(listener);
}

}  // namespace sluice::web
