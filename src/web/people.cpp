#include "web/people.hpp"

#include "base/async/deadline.hpp"
#include "base/core/sha256.hpp"
#include "web/release.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

constexpr Duration believed = std::chrono::minutes{1};
constexpr std::size_t people_max = 500;
constexpr Duration asking_limit = std::chrono::seconds{5};
// Each costs the API server two questions a minute.
constexpr std::size_t namespaces_max = 50;

const kube::Resource reviews{.group = "authentication.k8s.io",
                             .version = "v1",
                             .plural = "selfsubjectreviews",
                             .kind = "SelfSubjectReview",
                             .namespaced = false};
const kube::Resource access_reviews{.group = "authorization.k8s.io",
                                    .version = "v1",
                                    .plural = "selfsubjectaccessreviews",
                                    .kind = "SelfSubjectAccessReview",
                                    .namespaced = false};

Json new_object(const kube::Resource& resource) {
    return JsonObject{{"apiVersion", resource.api_version()},
                      {"kind", resource.kind},
                      {"metadata", JsonObject{}}};
}

}  // namespace

Person::Person(Clock& clock,
               net::HttpClient& http,
               const kube::Connection& connection,
               std::string the_name)
    : client(clock, http, connection),
      name(std::move(the_name)),
      token(connection.token),
      clock_(clock) {}

Task<Result<bool>> Person::ask(std::string verb, std::string ns) {
    const auto place = std::pair(verb, ns);
    const auto found = known_.find(place);
    const auto now = clock_.now();
    if (found != known_.end() && now < found->second.asked + believed) {
        co_return found->second.allowed;
    }
    auto question = new_object(access_reviews);
    put(question,
        {"spec"},
        JsonObject{{"resourceAttributes",
                    JsonObject{{"group", "flagger.app"},
                               {"resource", "canaries"},
                               {"verb", verb},
                               {"namespace", ns}}}});
    const auto answer = co_await client.create(access_reviews, std::move(question));
    if (!answer) co_return answer.error();
    const bool allowed = bool_at(*answer, {"status", "allowed"}).value_or(false);
    known_[place] = {allowed, now};
    co_return allowed;
}

const std::vector<std::string>& Viewer::verbs(const std::string& ns) const {
    static const std::vector<std::string> none;
    return writes_all || writable.contains(ns) ? all_verbs : none;
}

bool Viewer::may_the_same(const Viewer& other) const {
    return sees_all == other.sees_all && namespaces == other.namespaces &&
           writes_all == other.writes_all && writable == other.writable;
}

People::People(Clock& clock, Random& random, net::HttpClient& http, kube::Connection connection)
    : clock_(clock),
      random_(random),
      http_(http),
      connection_(std::move(connection)),
      process_(std::make_shared<Person>(clock, http, connection_, "")) {}

// The server's address and trust, and nothing of who we are.
kube::Connection People::as(const std::string& token) const {
    auto connection = connection_;
    connection.token = token;
    connection.token_file.clear();
    connection.headers = {};
    connection.patience = Duration{};
    if (connection.tls) {
        auto tls = *connection.tls;
        tls.client_certificate.clear();
        tls.client_key.clear();
        connection.tls = std::make_shared<const net::TlsOptions>(std::move(tls));
    }
    return connection;
}

Task<Result<std::string>> People::name_of(std::string token) {
    kube::Client client(clock_, http_, as(token));
    const auto answer = co_await client.create(reviews, new_object(reviews));
    if (!answer) co_return answer.error();
    co_return std::string(text_at(*answer, {"status", "userInfo", "username"}));
}

// A cluster that takes any text for somebody's token says nothing about people.
Task<Result<bool>> People::does_authenticate() {
    if (authenticates_) co_return *authenticates_;
    const auto nobody = co_await name_of(random_.uuid());
    if (!nobody && nobody.error().kind != ErrorKind::unauthorized) co_return nobody.error();
    authenticates_ = !nobody;
    co_return *authenticates_;
}

Task<Result<std::shared_ptr<Person>>> People::find(std::string token) {
    const Error unknown{ErrorKind::unauthorized, "the token is not known"};
    const auto digest = sha256_hex(token);
    const auto now = clock_.now();
    if (const auto found = met_.find(digest);
        found != met_.end() && now < found->second.asked + believed) {
        found->second.used = now;
        if (!found->second.person) co_return unknown;
        co_return found->second.person;
    }
    const auto authenticates = co_await does_authenticate();
    if (!authenticates) co_return authenticates.error();
    std::shared_ptr<Person> person;
    if (*authenticates) {
        const auto name = co_await name_of(token);
        if (!name && name.error().kind != ErrorKind::unauthorized) co_return name.error();
        if (name && !name->empty() && *name != "system:anonymous") {
            person = std::make_shared<Person>(clock_, http_, as(token), *name);
        }
    }
    while (met_.size() >= people_max) {
        met_.erase(std::ranges::min_element(
            met_, {}, [](const auto& entry) { return entry.second.used; }));
    }
    met_[digest] = {person, now, now};
    if (!person) co_return unknown;
    co_return person;
}

Task<Viewer> People::view(std::shared_ptr<Person> person,
                          std::vector<std::string> namespaces,
                          bool may_write) {
    Viewer viewer{.person = person};
    // What the process may not read is not known in the first place.
    const bool is_process = person == process_;
    const auto until = clock_.now() + asking_limit;
    viewer.sees_all = is_process || co_await may(viewer, "list", "", until);
    viewer.writes_all = may_write && co_await may(viewer, "patch", "", until);
    if (viewer.sees_all && (viewer.writes_all || !may_write)) co_return viewer;
    if (namespaces.size() > namespaces_max) {
        viewer.not_asked = namespaces.size() - namespaces_max;
        namespaces.resize(namespaces_max);
    }
    for (const auto& ns : namespaces) {
        if (!viewer.sees_all && co_await may(viewer, "list", ns, until))
            viewer.namespaces.insert(ns);
        if (may_write && !viewer.writes_all && viewer.sees(ns) &&
            co_await may(viewer, "patch", ns, until)) {
            viewer.writable.insert(ns);
        }
    }
    co_return viewer;
}

// The viewer is the caller's own, who waits for this.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<bool> People::may(Viewer& viewer, std::string verb, std::string ns, Time until) {
    if (const auto left = until - clock_.now(); left > Duration{}) {
        const auto allowed =
            co_await with_deadline(clock_, left, viewer.person->ask(verb, std::move(ns)));
        if (allowed) co_return *allowed;
    }
    viewer.is_whole = false;
    // What cannot be asked is not shown; a write is the cluster's to refuse when it comes to that.
    co_return verb == "patch";
}

}  // namespace sluice::web
