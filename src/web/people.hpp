// Who asks, and what that person may do: as the process itself, or by a token of the cluster's that
// came along. The cluster is asked, and believed for a minute.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "base/async/signal.hpp"
#include "kube/client.hpp"
#include "net/http.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::web {

class Person {
   public:
    Person(Clock& clock,
           net::HttpClient& http,
           const kube::Connection& connection,
           std::string the_name);

    kube::Client client;
    const std::string name;   // empty: not known
    const std::string token;  // empty: the process itself

    // Whether objects of that kind and namespace may be listed, or patched; the empty one is all of
    // them.
    struct Question {
        std::string verb, group, plural, ns;
        auto operator<=>(const Question&) const = default;
    };
    Task<Result<bool>> ask(Question question);

   private:
    struct Known {
        bool allowed = false;
        Time asked{};
    };
    Clock& clock_;
    std::map<Question, Known> known_;
};

// What is shown along with the Canaries that may be listed, and is left out where it may not be.
struct LeftOut {
    bool pods = false;
    bool events = false;

    bool operator==(const LeftOut&) const = default;
    bool any() const { return pods || events; }
};

// What one reader sees and may do.
struct Viewer {
    std::shared_ptr<Person> person;
    bool sees_all = true;
    std::set<std::string> namespaces = {};  // that are seen, when not all are
    bool writes_all = false;
    std::set<std::string> writable = {};
    bool pods_of_all = true, events_of_all = true;
    std::set<std::string> with_pods = {}, with_events = {};  // when not all are
    bool is_whole = true;                                    // every question about it was answered
    std::size_t not_asked = 0;  // namespaces beyond those that were asked about

    bool sees(const std::string& ns) const { return sees_all || namespaces.contains(ns); }
    bool sees_pods(const std::string& ns) const {
        return sees(ns) && (pods_of_all || with_pods.contains(ns));
    }
    bool sees_events(const std::string& ns) const {
        return sees(ns) && (events_of_all || with_events.contains(ns));
    }
    LeftOut left_out(const std::string& ns) const {
        return {.pods = !sees_pods(ns), .events = !sees_events(ns)};
    }
    const std::vector<std::string>& verbs(const std::string& ns) const;
    bool may_the_same(const Viewer& other) const;
};

class People {
   public:
    // All outlive this. `connection` is the process' own.
    People(Executor executor,
           Clock& clock,
           Random& random,
           net::HttpClient& http,
           kube::Connection connection);

    const std::shared_ptr<Person>& process() const { return process_; }
    // `unauthorized` for a token that the cluster does not know, or when it knows every one.
    // `too_many` when it was asked about so many strange ones in this second already.
    Task<Result<std::shared_ptr<Person>>> find(std::string token);
    // As far as these namespaces go, the first 50 of them; takes no longer than five seconds.
    Task<Viewer> view(std::shared_ptr<Person> person,
                      std::vector<std::string> namespaces,
                      bool may_write);

   private:
    using Found = Result<std::shared_ptr<Person>>;
    struct Met {
        std::shared_ptr<Person> person;
        Time asked{};
        Time used{};
    };
    struct Asking;
    // Nothing: the cluster has to be asked.
    std::optional<Found> recall(const std::string& digest);
    Task<Found> ask_about(std::string token);
    void remember(const std::string& digest, const Found& found);
    bool may_ask_about_a_stranger();
    Task<bool> may(
        Viewer& viewer, std::string verb, const kube::Resource* of, std::string ns, Time until);
    Task<Result<std::string>> name_of(std::string token);
    Task<Result<bool>> does_authenticate();
    kube::Connection as(const std::string& token) const;

    Clock& clock_;
    Random& random_;
    net::HttpClient& http_;
    kube::Connection connection_;
    std::shared_ptr<Person> process_;
    Executor executor_;
    // By the token's digest: who is known, whom the cluster does not know and when it said so, and
    // about whom it is being asked.
    std::map<std::string, Met> met_;
    std::map<std::string, Time> refused_;
    std::map<std::string, std::shared_ptr<Asking>> asking_;
    std::deque<Time> strangers_;  // when it was asked about tokens that were not known, of late
    std::optional<bool> authenticates_;
};

}  // namespace sluice::web
