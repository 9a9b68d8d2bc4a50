// The live stream: what is told to all who listen to a topic, written once for all of them, kept
// for a minute so that who was cut off goes on where it ended, and bounded for who never reads.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/signal.hpp"
#include "base/core/result.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

struct HubLimits {
    std::size_t listeners = 200;
    std::size_t listeners_of_one_person = 20;
    // Of those who bring no token of their own: whoever has the shared one leaves room for people.
    std::size_t listeners_of_nobody = 150;
    // Who has more unread is told to ask again for everything; who then gathers as much once more
    // without reading is ended.
    std::size_t unread_bytes = std::size_t{1024} * 1024;
    std::size_t kept_events = 4096;
    std::size_t kept_bytes = std::size_t{8} * 1024 * 1024;
    Duration kept_for = std::chrono::seconds{60};
    Duration keep_alive = std::chrono::seconds{15};
};

class Hub : public std::enable_shared_from_this<Hub> {
   public:
    // The clock outlives the hub and its readers.
    Hub(Executor executor, Clock& clock, std::string epoch, HubLimits limits = {});

    struct Listening {
        std::set<std::string> topics;
        std::string last_event_id = {};  // empty: from now on
        std::string person = {};         // empty: nobody in particular
        std::string reset = {};          // why the listener has to ask again for everything
        // Whether what happens in that namespace is told, and told as to somebody who may act
        // there. Unset: everything.
        std::function<bool(const std::string& topic, const std::string& ns)> sees = {};
        std::function<bool(const std::string& ns)> writes = {};
        const void* mark = nullptr;  // by which it is ended
    };
    // Some events differ by what their reader may do.
    enum class For { everybody, writers, readers };
    // too_many when there are as many as may be. The stream begins with `hello`, whose data is
    // this text. Destroying it ends the listening.
    Result<std::unique_ptr<net::BodyReader>> listen(Listening listening, std::string_view hello);

    // `data` is one line of JSON, written once for all. `ns` is the namespace it tells of; empty:
    // of none.
    struct Message {
        std::string topic;
        std::string_view event;
        std::string_view data;
        std::string ns = {};
        For whom = For::everybody;
    };
    void publish(const Message& message);
    // Somebody listens, or did a moment ago and may come back for what it missed.
    bool is_heard(const std::string& topic) const;
    // The topics that are heard now.
    std::set<std::string> heard() const;
    // Those of them that begin so.
    std::vector<std::string> heard_under(std::string_view beginning) const;
    std::size_t listeners() const { return listeners_.size(); }
    // Called when somebody begins to listen.
    void on_listen(std::function<void()> callback) { on_listen_ = std::move(callback); }
    // Ends the stream with that mark, as if it were too slow: its reader comes back.
    void end(const void* mark);
    // Ends every stream.
    void close();
    const std::string& epoch() const { return epoch_; }

   private:
    struct Event {
        std::uint64_t number = 0;
        std::string topic;
        std::string ns;
        For whom = For::everybody;
        std::shared_ptr<const std::string> wire;
        Time at{};
    };
    struct Listener;
    class Reader;

    std::optional<std::uint64_t> number_of(std::string_view id) const;
    void forget_old();
    std::shared_ptr<const std::string> reset_wire(std::string_view reason) const;
    static void hand(Listener& listener, const std::shared_ptr<const std::string>& wire);
    bool has_missed_nothing(const Listening& listening, std::uint64_t number) const;
    static bool concerns(const Listener& listener, const Event& event);
    void leave(const std::shared_ptr<Listener>& listener);
    void end(const std::shared_ptr<Listener>& listener);

    Executor executor_;
    Clock& clock_;
    std::string epoch_;
    HubLimits limits_;
    std::uint64_t number_ = 0;
    std::uint64_t forgotten_ = 0;  // the newest that is no longer kept
    std::deque<Event> kept_;
    std::size_t kept_bytes_ = 0;
    std::set<std::shared_ptr<Listener>> listeners_;
    std::map<std::string, std::size_t> heard_by_;
    std::map<std::string, Time> left_;  // when its last listener went
    // Up to which number nothing was told of a topic, because nobody listened.
    std::map<std::string, std::uint64_t> silent_until_;
    std::function<void()> on_listen_;
};

}  // namespace sluice::web
