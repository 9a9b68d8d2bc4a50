// Kubernetes Events: written once, queued while the API server is away, never in the way of the
// work.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/async/signal.hpp"
#include "kube/client.hpp"

#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>

namespace sluice::kube {

struct EventNote {
    Json involved;                // an ObjectReference: involved_object() makes it
    std::string type = "Normal";  // or "Warning"
    std::string reason;
    std::string message;
    // A name that a repeated pass derives again, so the Event is there once (409 is a success).
    // Such an Event is never folded or counted, and dropped only when the server has failed at it
    // twelve times while it took others. Empty: named by the time; equal ones are counted.
    std::string name = {};
};

// kind, namespace, name, uid, apiVersion and resourceVersion of an object. What the object leaves
// out (typed answers may) comes from the resource.
Json involved_object(const Resource& resource, const Json& object);

struct EventOptions {
    std::string component = "sluice";
    std::string host = {};
    // Of unnamed Events; further ones are dropped while the server is away.
    std::size_t queue_max = 1000;
    // Of all. Past it even named ones are dropped, with a line in the log.
    std::size_t named_max = 20'000;
};

class EventRecorder {
   public:
    // All outlive the recorder.
    EventRecorder(Executor executor,
                  Clock& clock,
                  Random& random,
                  Client& client,
                  Logger& log,
                  EventOptions options = {});
    EventRecorder(const EventRecorder&) = delete;
    EventRecorder& operator=(const EventRecorder&) = delete;
    ~EventRecorder();

    // Writes what is queued until it is cancelled.
    Task<> run();

    // Queues it and returns.
    void post(EventNote note);
    // Writes it now when the server answers, else queues it: for Events that stand before a status
    // write. Never fails and never waits longer than two seconds.
    Task<> record(EventNote note);

    std::size_t pending() const;
    std::uint64_t dropped() const;

   private:
    struct Pending {
        EventNote note;
        Time time;
        std::uint64_t stamp;  // names an unnamed one: a repeated write finds it there
        int tries = 0;
        Time due = {};  // put aside until then
        // How many had been written when it failed last.
        std::uint64_t written_before = 0;
    };
    struct Posted {
        ObjectKey key;
        std::int64_t count;
        std::list<std::string>::iterator recent;
    };
    // `failed`: the server answered, but by an error of its own. `away`: it did not answer.
    enum class Outcome { written, refused, failed, away };

    Pending pending_of(EventNote note);
    void queue(Pending event);
    bool is_any_due() const;
    Task<> wait_for_due();
    Task<> pause();
    void put_back(Pending event, Outcome outcome, std::ptrdiff_t place);
    Task<Outcome> write(Pending event);
    Task<Result<Outcome>> write_as_result(Pending event);
    Task<Outcome> write_new(Pending event, ObjectKey key, std::int64_t count);
    Outcome judged(const Error& error, const EventNote& note);
    void remember(const std::string& fold_key, ObjectKey key, std::int64_t count);
    Json to_json(const Pending& event, const ObjectKey& key, std::int64_t count) const;

    Clock& clock_;
    Random& random_;
    Client& client_;
    Logger& log_;
    EventOptions options_;
    Signal signal_;
    std::deque<Pending> queue_;
    bool in_flight_ = false;
    std::map<std::string, Posted> posted_;  // the unnamed ones of late, by what they say
    std::list<std::string> recent_;
    std::uint64_t dropped_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t last_stamp_ = 0;
};

}  // namespace sluice::kube
