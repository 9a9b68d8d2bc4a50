#include "kube/events.hpp"

#include "base/async/deadline.hpp"
#include "base/core/sha256.hpp"
#include "base/core/text.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::kube {
namespace {

constexpr std::size_t message_max = 1024;
constexpr std::size_t remembered_max = 4096;
constexpr auto retry_pause = std::chrono::seconds{10};
constexpr auto failed_pause_max = std::chrono::minutes{5};
constexpr int tries_max = 12;
constexpr auto record_limit = std::chrono::seconds{2};

// No word is cut within a character.
std::string shortened(std::string text) {
    if (text.size() <= message_max) return text;
    auto end = message_max - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

// Events that say the same about the same object. The object's version is no part of it.
std::string fold_key_of(const EventNote& note) {
    auto involved = note.involved;
    drop(involved, {"resourceVersion"});
    return sha256_hex(canonical_text(involved) + '\0' + note.type + '\0' + note.reason + '\0' +
                      note.message);
}

// Cluster-scoped objects have their Events in `default`.
ObjectKey key_for(const EventNote& note, std::uint64_t stamp) {
    ObjectKey key{std::string(text_at(note.involved, {"namespace"}, "default")), note.name};
    if (key.name.empty())
        key.name = fmt::format("{}.{:x}", text_at(note.involved, {"name"}), stamp);
    return key;
}

// A server that cannot answer now may later; everything else is its last word.
bool may_work_later(const Error& error) {
    switch (error.kind) {
        case ErrorKind::unreachable:
        case ErrorKind::timed_out:
        case ErrorKind::unavailable:
        case ErrorKind::too_many:
        case ErrorKind::unauthorized:
        case ErrorKind::cancelled:  // by the limit of record(), which queues it
            return true;
        case ErrorKind::not_found:
        case ErrorKind::already_exists:
        case ErrorKind::conflict:
        case ErrorKind::gone:
        case ErrorKind::invalid:
        case ErrorKind::denied:
        case ErrorKind::unsupported:
        case ErrorKind::bad_answer:
        case ErrorKind::too_large:
        case ErrorKind::unsettled:
            return false;
    }
    return false;
}

}  // namespace

Json involved_object(const Resource& resource, const Json& object) {
    Json reference = JsonObject{};
    put(reference, {"kind"}, Json(text_at(object, {"kind"}, resource.kind)));
    const auto key = key_of(object);
    if (!key.ns.empty()) put(reference, {"namespace"}, Json(key.ns));
    put(reference, {"name"}, Json(key.name));
    if (!uid_of(object).empty()) put(reference, {"uid"}, Json(uid_of(object)));
    put(reference, {"apiVersion"}, Json(text_at(object, {"apiVersion"}, resource.api_version())));
    if (!resource_version_of(object).empty())
        put(reference, {"resourceVersion"}, Json(resource_version_of(object)));
    return reference;
}

EventRecorder::EventRecorder(Executor executor,
                             Clock& clock,
                             Random& random,
                             Client& client,
                             Logger& log,
                             EventOptions options)
    : clock_(clock),
      random_(random),
      client_(client),
      log_(log),
      options_(std::move(options)),
      signal_(std::move(executor)) {}

EventRecorder::~EventRecorder() = default;

// Ended by cancellation only.
Task<> EventRecorder::run() {
    bool failed_before = false;
    for (;;) {
        co_await wait_for_due();
        const auto due = std::ranges::find_if(
            queue_, [&](const Pending& event) { return event.due <= clock_.now(); });
        const auto place = due - queue_.begin();
        auto event = std::move(*due);
        queue_.erase(due);
        in_flight_ = true;
        const auto outcome = co_await write(event);
        in_flight_ = false;
        const bool has_failed = outcome == Outcome::failed;
        if (outcome == Outcome::away || has_failed) put_back(std::move(event), outcome, place);
        // One that the server fails at holds up no other one; two in a row are the server's state.
        if (outcome == Outcome::away || (has_failed && failed_before)) co_await pause();
        failed_before = has_failed;
    }
}

Task<> EventRecorder::wait_for_due() {
    using boost::asio::experimental::awaitable_operators::operator||;
    for (;;) {
        if (queue_.empty()) {
            co_await signal_.wait();
            continue;
        }
        if (is_any_due()) co_return;
        const auto next = std::ranges::min_element(queue_, {}, &Pending::due)->due;
        co_await (signal_.wait() || clock_.sleep_until(next));
    }
}

bool EventRecorder::is_any_due() const {
    return std::ranges::any_of(
        queue_, [now = clock_.now()](const Pending& event) { return event.due <= now; });
}

Task<> EventRecorder::pause() {
    const std::chrono::duration<double> length(retry_pause);
    co_await clock_.sleep_for(
        std::chrono::duration_cast<Duration>(length * (0.5 + random_.unit())));
}

// Where it was: nothing in front of it has gone. A failure counts against a named one only when the
// server has taken others since the last: then it is the Event, and not the server.
void EventRecorder::put_back(Pending event, Outcome outcome, std::ptrdiff_t place) {
    const bool is_named = !event.note.name.empty();
    const bool took_others = std::exchange(event.written_before, written_) != written_;
    if (outcome == Outcome::failed) {
        Duration pause = retry_pause;
        for (int i = 0; i < event.tries && pause < failed_pause_max; ++i) pause *= 2;
        event.due = clock_.now() + std::min<Duration>(pause, failed_pause_max);
    }
    if (!is_named || (outcome == Outcome::failed && (took_others || event.tries == 0))) {
        ++event.tries;
    }
    if (event.tries < tries_max) {
        queue_.insert(queue_.begin() + place, std::move(event));
        return;
    }
    ++dropped_;
    if (is_named) {
        log_.warn(fmt::format("Event \"{}\" is given up after {} tries: the API server fails at it",
                              event.note.message,
                              event.tries));
    }
}

void EventRecorder::post(EventNote note) {
    queue(pending_of(std::move(note)));
}

Task<> EventRecorder::record(EventNote note) {
    auto event = pending_of(std::move(note));
    // What waits already comes first, save what the server fails at: Events of an object keep their
    // order.
    if (!is_any_due() && !in_flight_) {
        const auto outcome =
            co_await with_deadline<Outcome>(clock_, record_limit, write_as_result(event));
        if (outcome && (*outcome == Outcome::written || *outcome == Outcome::refused)) co_return;
    }
    queue(std::move(event));
}

EventRecorder::Pending EventRecorder::pending_of(EventNote note) {
    note.message = shortened(std::move(note.message));
    const auto now = clock_.now();
    // Two in one moment get two names.
    last_stamp_ =
        std::max(last_stamp_ + 1, static_cast<std::uint64_t>(now.time_since_epoch().count()));
    return {std::move(note), now, last_stamp_};
}

void EventRecorder::queue(Pending event) {
    const bool is_named = !event.note.name.empty();
    if (queue_.size() >= (is_named ? options_.named_max : options_.queue_max)) {
        ++dropped_;
        if (is_named) {
            log_.warn(fmt::format("dropping an Event, {} wait for the API server: {}",
                                  queue_.size(),
                                  event.note.message));
        }
        return;
    }
    queue_.push_back(std::move(event));
    signal_.notify_all();
}

std::size_t EventRecorder::pending() const {
    return queue_.size() + (in_flight_ ? 1 : 0);
}

std::uint64_t EventRecorder::dropped() const {
    return dropped_;
}

Task<Result<EventRecorder::Outcome>> EventRecorder::write_as_result(Pending event) {
    co_return co_await write(std::move(event));
}

Task<EventRecorder::Outcome> EventRecorder::write(Pending event) {
    const auto own_key = key_for(event.note, event.stamp);
    if (!event.note.name.empty()) co_return co_await write_new(event, own_key, 1);

    const auto fold_key = fold_key_of(event.note);
    const auto earlier = posted_.find(fold_key);
    if (earlier == posted_.end()) {
        const auto outcome = co_await write_new(event, own_key, 1);
        if (outcome == Outcome::written) remember(fold_key, own_key, 1);
        co_return outcome;
    }
    const auto key = earlier->second.key;
    const auto count = earlier->second.count + 1;
    Json patch = JsonObject{};
    put(patch, {"count"}, count);
    put(patch, {"lastTimestamp"}, Json(rfc3339(event.time)));
    const auto counted = co_await client_.merge_patch(resources::events, key, std::move(patch));
    if (counted) {
        ++written_;
        remember(fold_key, key, count);
        co_return Outcome::written;
    }
    if (counted.error().kind == ErrorKind::not_found) {
        // The server keeps Events for an hour only.
        const auto outcome = co_await write_new(event, own_key, count);
        if (outcome == Outcome::written) remember(fold_key, own_key, count);
        co_return outcome;
    }
    co_return judged(counted.error(), event.note);
}

Task<EventRecorder::Outcome> EventRecorder::write_new(Pending event,
                                                      ObjectKey key,
                                                      std::int64_t count) {
    const auto made = co_await client_.create(resources::events, to_json(event, key, count));
    // Somebody, or we before a restart, wrote it already.
    if (made || made.error().kind == ErrorKind::already_exists) {
        ++written_;
        co_return Outcome::written;
    }
    co_return judged(made.error(), event.note);
}

EventRecorder::Outcome EventRecorder::judged(const Error& error, const EventNote& note) {
    if (error.kind == ErrorKind::unavailable) return Outcome::failed;
    if (may_work_later(error)) return Outcome::away;
    ++dropped_;
    log_.warn(fmt::format("Event \"{}\" was refused: {}", note.message, error.message));
    return Outcome::refused;
}

void EventRecorder::remember(const std::string& fold_key, ObjectKey key, std::int64_t count) {
    const auto known = posted_.find(fold_key);
    if (known != posted_.end()) {
        recent_.erase(known->second.recent);
        posted_.erase(known);
    }
    posted_[fold_key] = {std::move(key), count, recent_.insert(recent_.end(), fold_key)};
    if (posted_.size() <= remembered_max) return;
    posted_.erase(recent_.front());
    recent_.pop_front();
}

Json EventRecorder::to_json(const Pending& event, const ObjectKey& key, std::int64_t count) const {
    const auto time = rfc3339(event.time);
    Json object = JsonObject{{"apiVersion", "v1"}, {"kind", "Event"}};
    put(object, {"metadata", "name"}, Json(key.name));
    put(object, {"metadata", "namespace"}, Json(key.ns));
    put(object, {"involvedObject"}, event.note.involved);
    put(object, {"reason"}, Json(event.note.reason));
    put(object, {"message"}, Json(event.note.message));
    put(object, {"type"}, Json(event.note.type));
    put(object, {"source", "component"}, Json(options_.component));
    if (!options_.host.empty()) put(object, {"source", "host"}, Json(options_.host));
    put(object, {"reportingComponent"}, Json(options_.component));
    put(object, {"reportingInstance"}, Json(options_.host));
    put(object, {"count"}, count);
    put(object, {"firstTimestamp"}, Json(time));
    put(object, {"lastTimestamp"}, Json(time));
    return object;
}

}  // namespace sluice::kube
