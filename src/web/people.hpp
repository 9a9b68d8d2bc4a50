// Who asks, and what that person may do: as the process itself, or by a token of the cluster's that
// came along. The cluster is asked, and believed for a minute.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/random.hpp"
#include "kube/client.hpp"
#include "net/http.hpp"

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

    // Whether Canaries of that namespace may be listed, or patched; the empty one is all of them.
    Task<Result<bool>> ask(std::string verb, std::string ns);

   private:
    struct Known {
        bool allowed = false;
        Time asked{};
    };
    Clock& clock_;
    std::map<std::pair<std::string, std::string>, Known> known_;
};

// What one reader sees and may do.
struct Viewer {
    std::shared_ptr<Person> person;
    bool sees_all = true;
    std::set<std::string> namespaces = {};  // that are seen, when not all are
    bool writes_all = false;
    std::set<std::string> writable = {};
    bool is_whole = true;       // every question about it was answered
    std::size_t not_asked = 0;  // namespaces beyond those that were asked about

    bool sees(const std::string& ns) const { return sees_all || namespaces.contains(ns); }
    const std::vector<std::string>& verbs(const std::string& ns) const;
    bool may_the_same(const Viewer& other) const;
};

class People {
   public:
    // All outlive this. `connection` is the process' own.
    People(Clock& clock, Random& random, net::HttpClient& http, kube::Connection connection);

    const std::shared_ptr<Person>& process() const { return process_; }
    // `unauthorized` for a token that the cluster does not know, or when it knows every one.
    Task<Result<std::shared_ptr<Person>>> find(std::string token);
    // As far as these namespaces go, the first 50 of them; takes no longer than five seconds.
    Task<Viewer> view(std::shared_ptr<Person> person,
                      std::vector<std::string> namespaces,
                      bool may_write);

   private:
    struct Met {
        std::shared_ptr<Person> person;  // null: not known to the cluster
        Time asked{};
        Time used{};
    };
    Task<bool> may(Viewer& viewer, std::string verb, std::string ns, Time until);
    Task<Result<std::string>> name_of(std::string token);
    Task<Result<bool>> does_authenticate();
    kube::Connection as(const std::string& token) const;

    Clock& clock_;
    Random& random_;
    net::HttpClient& http_;
    kube::Connection connection_;
    std::shared_ptr<Person> process_;
    std::map<std::string, Met> met_;  // by the token's digest
    std::optional<bool> authenticates_;
};

}  // namespace sluice::web
