// How a cache is kept in step with the server: list and watch, or one streaming list, resumed after
// cuts (kubernetes.md A.3).
#include "base/async/deadline.hpp"
#include "kube/cache.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::kube {
namespace {

// A server that knows streaming lists says when everything has been sent; one that ignores the
// parameter stays silent.
constexpr auto silence_max = std::chrono::seconds{10};
// Internal errors of a watch are waited out this many times before everything is read again.
constexpr int internal_errors_max = 5;

class Backoff {
   public:
    Backoff(Clock& clock, Random& random) : clock_(clock), random_(random) {}

    // How long to wait after one more failure: 0.8 s doubled up to 30 s, times [1, 2). Two minutes
    // without one start anew.
    Duration next(const std::optional<Duration>& asked) {
        const auto now = clock_.now();
        if (last_ && now - *last_ > std::chrono::minutes{2}) pause_ = first;
        const auto jittered = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(pause_) * (1 + random_.unit()));
        pause_ = std::min<Duration>(pause_ * 2, std::chrono::seconds{30});
        last_ = now + jittered;
        return asked ? std::max(jittered, *asked) : jittered;
    }

   private:
    static constexpr Duration first = std::chrono::milliseconds{800};
    Clock& clock_;
    Random& random_;
    Duration pause_ = first;
    std::optional<Time> last_;
};

}  // namespace

// Ended by cancellation only.
Task<> Cache::run() {
    Backoff backoff(clock_, random_);
    bool is_filled = false;
    Time filled_at{};
    int internal_errors = 0;
    for (;;) {
        const auto began = clock_.now();
        const auto events_before = events_;
        Result<void> outcome;
        if (!is_filled) {
            outcome = co_await fill();
            filling_.reset();
            if (outcome) {
                is_filled = true;
                filled_at = clock_.now();
                continue;
            }
        } else {
            outcome = co_await follow();
        }
        // One that was open and is cut says nothing about the server: else watches that are cut
        // often would wait out ever longer pauses, in turns, and be in contact never all at once.
        const bool is_cut =
            is_filled && watch_ && !outcome && outcome.error().kind == ErrorKind::unreachable;
        watch_.reset();

        std::optional<Duration> asked;
        if (outcome || (is_cut && clock_.now() - began >= std::chrono::seconds{1})) {
            // The end of a watch: go on where it ended. One that brought nothing at all is a
            // failure in disguise.
            internal_errors = 0;
            if (events_ != events_before || clock_.now() - began >= std::chrono::seconds{1})
                continue;
        } else {
            const auto& error = outcome.error();
            asked = error.retry_after;
            switch (error.kind) {
                case ErrorKind::gone:
                    log_.debug(
                        fmt::format("reading {} again: {}", resource_.qualified(), error.message));
                    // At once, unless that is what we just did.
                    if (std::exchange(is_filled, false) &&
                        clock_.now() - filled_at > std::chrono::seconds{1})
                        continue;
                    break;
                case ErrorKind::unreachable:
                case ErrorKind::too_many:
                    break;
                case ErrorKind::unavailable:
                    if (++internal_errors >= internal_errors_max) is_filled = false;
                    break;
                case ErrorKind::timed_out:  // "Too large resource version", too
                case ErrorKind::not_found:
                case ErrorKind::already_exists:
                case ErrorKind::conflict:
                case ErrorKind::invalid:
                case ErrorKind::denied:
                case ErrorKind::unauthorized:
                case ErrorKind::unsupported:
                case ErrorKind::bad_answer:
                case ErrorKind::too_large:
                case ErrorKind::cancelled:
                case ErrorKind::unsettled:
                    is_filled = false;
                    break;
            }
            complain(error);
        }
        co_await clock_.sleep_for(backoff.next(asked));
    }
}

// Everything, at least as new as what we know already.
Task<Result<void>> Cache::fill() {
    const auto from = version_;
    auto outcome = co_await fill_once(from);
    if (outcome) co_return outcome;
    const auto kind = outcome.error().kind;
    if (!from.empty() && (kind == ErrorKind::gone || kind == ErrorKind::timed_out)) {
        // Too old or, to a server that is behind, too new.
        outcome = co_await fill_once("");
    }
    co_return outcome;
}

Task<Result<void>> Cache::fill_once(std::string from) {
    if (streaming_) {
        auto streamed = co_await fill_by_stream(from);
        if (streamed) co_return streamed;
        watch_.reset();
        const auto kind = streamed.error().kind;
        if (kind == ErrorKind::unreachable || kind == ErrorKind::too_many ||
            kind == ErrorKind::unauthorized || kind == ErrorKind::denied ||
            kind == ErrorKind::not_found || kind == ErrorKind::cancelled ||
            (kind == ErrorKind::gone && !from.empty())) {
            co_return streamed;
        }
        // Refused outright it is not asked for again; after other mishaps it is, next time.
        if (kind == ErrorKind::invalid || kind == ErrorKind::unsupported) streaming_ = false;
        log_.debug(fmt::format(
            "reading {} without streaming: {}", resource_.qualified(), streamed.error().message));
    }
    co_return co_await fill_by_list(std::move(from));
}

Task<Result<void>> Cache::fill_by_stream(std::string from) {
    filling_ = Filling{.began = clock_.now()};
    auto opened =
        co_await client_.watch(resource_,
                               options_.selection,
                               {.resource_version = std::move(from),
                                .send_initial_events = true,
                                .timeout = std::chrono::seconds{300 + random_.below(301)}});
    if (!opened) co_return opened.error();
    watch_ = *std::move(opened);
    touch();
    for (;;) {
        auto next =
            co_await with_deadline<std::optional<WatchEvent>>(clock_, silence_max, watch_->next());
        if (!next) {
            if (next.error().kind == ErrorKind::timed_out) {
                streaming_ = false;
                co_return Error{ErrorKind::unsupported, "the end of the initial events never came"};
            }
            co_return next.error();
        }
        auto event = std::move(next.value());
        if (!event)
            co_return Error{ErrorKind::unavailable,
                            "the watch ended before the end of the initial events"};
        ++events_;
        touch();
        if (event->initial_events_end)
            co_return finish_filling(std::string(resource_version_of(event->object)));
        switch (event->kind) {
            case WatchEventKind::added:
            case WatchEventKind::modified:
                store(std::move(event->object));
                break;
            case WatchEventKind::deleted:
                take_deletion(event->object);
                break;
            case WatchEventKind::bookmark:
                break;
        }
    }
}

Task<Result<void>> Cache::fill_by_list(std::string from) {
    filling_ = Filling{.began = clock_.now()};
    ListOptions options{.resource_version = std::move(from)};
    std::string version;
    std::string continue_token;
    for (;;) {
        auto page =
            co_await client_.list_page(resource_, options_.selection, options, continue_token);
        if (!page && page.error().kind == ErrorKind::gone && !continue_token.empty()) {
            // The list grew too old between two pages: once more, in one piece.
            filling_ = Filling{.began = clock_.now()};
            version.clear();
            continue_token.clear();
            options.limit = 0;
            continue;
        }
        if (!page) co_return page.error();
        touch();
        if (version.empty()) version = page->resource_version;
        for (auto& item : page->items) store(std::move(item));
        continue_token = std::move(page->continue_token);
        if (continue_token.empty()) break;
    }
    co_return finish_filling(version);
}

Result<void> Cache::finish_filling(const std::string& version) {
    if (!version_.empty() && !distrusts_itself_ && is_newer(version_, version)) {
        // Another server, or one that was restored: its numbers say nothing about ours.
        distrusts_itself_ = true;
        ++restarts_;
        version_.clear();
        tombstones_.clear();
        return Error{ErrorKind::gone,
                     fmt::format("the resource versions of {} went back", resource_.qualified())};
    }
    settle(version);
    return {};
}

// Events until the watch ends.
Task<Result<void>> Cache::follow() {
    if (!watch_) {
        auto opened =
            co_await client_.watch(resource_,
                                   options_.selection,
                                   {.resource_version = version_,
                                    .timeout = std::chrono::seconds{300 + random_.below(301)}});
        if (!opened) co_return opened.error();
        watch_ = *std::move(opened);
        touch();
    }
    for (;;) {
        auto next = co_await watch_->next();
        if (!next) co_return next.error();
        auto event = std::move(next.value());
        if (!event) co_return Result<void>{};
        ++events_;
        touch();
        const auto taken = take(*std::move(event));
        if (!taken) co_return taken.error();
    }
}

Result<void> Cache::take(WatchEvent event) {
    std::string version(resource_version_of(event.object));
    if (version.empty()) return Error{ErrorKind::bad_answer, "an event without a resourceVersion"};
    if (is_newer(version_, version)) {
        // Events of one kind come in the order of their versions.
        return Error{ErrorKind::gone, fmt::format("version {} after {}", version, version_)};
    }
    switch (event.kind) {
        case WatchEventKind::added:
        case WatchEventKind::modified:
            store(std::move(event.object));
            break;
        case WatchEventKind::deleted:
            take_deletion(event.object);
            break;
        case WatchEventKind::bookmark:
            break;
    }
    version_ = std::move(version);
    return {};
}

void Cache::touch() {
    last_contact_ = clock_.now();
    if (trouble_) log_.info(fmt::format("in contact again about {}", resource_.qualified()));
    trouble_.reset();
}

void Cache::complain(const Error& error) {
    // The end of the process is no trouble.
    if (error.kind == ErrorKind::cancelled) return;
    if (!trouble_) log_.warn(fmt::format("watching {}: {}", resource_.qualified(), error.message));
    trouble_ = error;
}

}  // namespace sluice::kube
