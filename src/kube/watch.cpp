// One open watch: lines of JSON in any chunking, as events.
#include "base/async/deadline.hpp"
#include "kube/client.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::kube {
namespace {

constexpr std::size_t line_limit = std::size_t{32} * 1024 * 1024;

std::optional<WatchEventKind> kind_named(std::string_view type) {
    if (type == "ADDED") return WatchEventKind::added;
    if (type == "MODIFIED") return WatchEventKind::modified;
    if (type == "DELETED") return WatchEventKind::deleted;
    if (type == "BOOKMARK") return WatchEventKind::bookmark;
    return std::nullopt;
}

}  // namespace

Watch::Watch(Clock& clock, std::unique_ptr<net::BodyReader> body, Resource resource, Duration limit)
    : clock_(clock),
      body_(std::move(body)),
      resource_(std::move(resource)),
      end_(clock.now() + limit) {}

Watch::~Watch() = default;

Task<Result<std::optional<WatchEvent>>> Watch::next() {
    for (;;) {
        if (const auto newline = buffer_.find('\n', searched_); newline != std::string::npos) {
            const auto line = std::string_view(buffer_).substr(begin_, newline - begin_);
            begin_ = searched_ = newline + 1;
            if (line.empty() || line == "\r") continue;
            co_return event_of(line);
        }
        buffer_.erase(0, begin_);
        begin_ = 0;
        searched_ = buffer_.size();
        if (ended_) {
            if (buffer_.empty()) co_return std::optional<WatchEvent>{};
            buffer_.clear();
            searched_ = 0;
            co_return Error{ErrorKind::unreachable, "the watch broke off within an event"};
        }
        if (buffer_.size() > line_limit)
            co_return Error{ErrorKind::too_large,
                            fmt::format("an event of more than {} bytes", line_limit)};
        if (clock_.now() >= end_)
            co_return Error{ErrorKind::unreachable, "the server did not end the watch in time"};

        auto bytes =
            co_await with_deadline<std::string>(clock_, end_ - clock_.now(), body_->next());
        // A deadline that passes here is the server's silence.
        if (!bytes && bytes.error().kind == ErrorKind::timed_out) continue;
        if (!bytes) co_return bytes.error();
        if (bytes->empty()) {
            ended_ = true;
        } else {
            buffer_ += *bytes;
        }
    }
}

Result<std::optional<WatchEvent>> Watch::event_of(std::string_view line) const {
    auto parsed = parse_json(line, {.bytes = line_limit});
    if (!parsed) return parsed.error().with("an event of " + resource_.qualified());
    const auto type = text_at(*parsed, {"type"});
    auto* object = find(*parsed, {"object"});
    if (object == nullptr || !object->is_object())
        return Error{ErrorKind::bad_answer,
                     fmt::format("an event of {} without an object", resource_.qualified())};
    if (type == "ERROR") return error_of_status(*object);
    const auto kind = kind_named(type);
    if (!kind)
        return Error{ErrorKind::bad_answer,
                     fmt::format("an event of {} of type '{}'", resource_.qualified(), type)};
    WatchEvent event{*kind, std::move(*object)};
    event.initial_events_end =
        *kind == WatchEventKind::bookmark &&
        text_at(event.object, {"metadata", "annotations", "k8s.io/initial-events-end"}) == "true";
    return std::optional<WatchEvent>{std::move(event)};
}

}  // namespace sluice::kube
