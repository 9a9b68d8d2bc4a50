// What was sent to hooks and receivers for each release, and how it went: the last of it, for
// people who look.
#pragma once

#include "base/async/clock.hpp"
#include "base/core/result.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::notify {

struct ReleaseName {
    std::string ns, name;

    auto operator<=>(const ReleaseName&) const = default;
};

enum class SentKind { webhook, event, alert };
std::string_view to_string(SentKind kind);

struct Sent {
    Time at{};
    SentKind kind = SentKind::webhook;
    std::string name;  // of the hook, or of the receiver
    Duration took{};
    std::string error;  // empty: it was taken

    bool operator==(const Sent&) const = default;
};

class SentLog {
   public:
    static constexpr std::size_t kept = 50;            // of each release
    static constexpr std::size_t releases_max = 2000;  // the ones last told of

    explicit SentLog(Clock& clock) : clock_(clock) {}

    Time now() const { return clock_.now(); }
    void note(const ReleaseName& release, Sent sent);
    // Newest first.
    std::vector<Sent> of(const ReleaseName& release) const;
    void forget(const ReleaseName& release);
    // Called after each note.
    void on_note(std::function<void(const ReleaseName& release)> callback);

   private:
    struct Of {
        std::deque<Sent> sent;  // newest first
        Time last{};
    };
    Clock& clock_;
    std::map<ReleaseName, Of> releases_;
    std::function<void(const ReleaseName&)> on_note_;
};

// One that is under way. Where nobody keeps a log it notes nothing.
class Sending {
   public:
    Sending(SentLog* log, ReleaseName release, SentKind kind, std::string name);
    // How it ended. The error's text may show the address, and is kept without its query.
    void end(const Result<void>& outcome, std::string_view address = {});

   private:
    SentLog* log_;
    ReleaseName release_;
    Sent sent_;
};

}  // namespace sluice::notify
