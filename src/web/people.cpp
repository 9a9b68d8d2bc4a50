#include "web/people.hpp"

#include "base/async/deadline.hpp"
#include "base/core/sha256.hpp"
#include "web/release.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::web {
namespace {

using boost::asio::experimental::awaitable_operators::operator||;

constexpr Duration believed = std::chrono::minutes{1};
constexpr std::size_t people_max = 500;
constexpr std::size_t refusals_max = 1000;
constexpr std::size_t strangers_a_second = 10;
constexpr Duration asking_limit = std::chrono::seconds{5};
// Each costs the API server four questions a minute at most.
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

Error unknown() {
    return {ErrorKind::unauthorized, "the token is not known"};
}

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

Task<Result<bool>> Person::ask(Question asked) {
    const auto found = known_.find(asked);
    const auto now = clock_.now();
    if (found != known_.end() && now < found->second.asked + believed) {
        co_return found->second.allowed;
    }
    auto question = new_object(access_reviews);
    put(question,
        {"spec"},
        JsonObject{{"resourceAttributes",
                    JsonObject{{"group", asked.group},
                               {"resource", asked.plural},
                               {"verb", asked.verb},
                               {"namespace", asked.ns}}}});
    const auto answer = co_await client.create(access_reviews, std::move(question));
    if (!answer) co_return answer.error();
    const bool allowed = bool_at(*answer, {"status", "allowed"}).value_or(false);
    known_[std::move(asked)] = {allowed, now};
    co_return allowed;
}

const std::vector<std::string>& Viewer::verbs(const std::string& ns) const {
    static const std::vector<std::string> none;
    return writes_all || writable.contains(ns) ? all_verbs : none;
}

bool Viewer::may_the_same(const Viewer& other) const {
    return sees_all == other.sees_all && namespaces == other.namespaces &&
           writes_all == other.writes_all && writable == other.writable &&
           pods_of_all == other.pods_of_all && with_pods == other.with_pods &&
           events_of_all == other.events_of_all && with_events == other.with_events;
}

People::People(Executor executor,
               Clock& clock,
               Random& random,
               net::HttpClient& http,
               kube::Connection connection)
    : clock_(clock),
      random_(random),
      http_(http),
      connection_(std::move(connection)),
      process_(std::make_shared<Person>(clock, http, connection_, "")),
      executor_(std::move(executor)) {}

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

// Who else comes with the same token meanwhile waits for the same answer.
struct People::Asking {
    Asking(People& people, std::string of)
        : all(people), digest(std::move(of)), answered(people.executor_) {}
    std::optional<Found> found;

    // While it lives the cluster is being asked; however that ends, those who wait go on.
    class Turn {
       public:
        explicit Turn(std::shared_ptr<Asking> asking) : asking_(std::move(asking)) {
            asking_->all.asking_[asking_->digest] = asking_;
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn() {
            asking_->all.asking_.erase(asking_->digest);
            asking_->answered.notify_all();
        }

       private:
        std::shared_ptr<Asking> asking_;
    };

    People& all;
    std::string digest;
    Signal answered;
};

std::optional<People::Found> People::recall(const std::string& digest) {
    const auto now = clock_.now();
    if (authenticates_ == false) return unknown();
    if (const auto found = met_.find(digest);
        found != met_.end() && now < found->second.asked + believed) {
        found->second.used = now;
        return found->second.person;
    }
    const auto refused = refused_.find(digest);
    if (refused != refused_.end() && now < refused->second + believed) return unknown();
    return std::nullopt;
}

Task<People::Found> People::find(std::string token) {
    const auto digest = sha256_hex(token);
    const auto until = clock_.now() + asking_limit;
    while (true) {
        if (auto known = recall(digest)) co_return *std::move(known);
        const auto under_way = asking_.find(digest);
        if (under_way == asking_.end()) break;
        const auto other = under_way->second;
        co_await (other->answered.wait() || clock_.sleep_until(until));
        if (other->found) co_return *other->found;
        if (clock_.now() >= until) {
            co_return Error{ErrorKind::timed_out, "asking whose token it is: timed out"};
        }
    }
    // Whom it knew a minute ago it is asked about in any case: those are few.
    if (!met_.contains(digest) && !may_ask_about_a_stranger()) {
        co_return Error{ErrorKind::too_many, "too many tokens that are not known; try again"};
    }
    const auto asking = std::make_shared<Asking>(*this, digest);
    const Asking::Turn turn(asking);
    auto found = co_await with_deadline(clock_, asking_limit, ask_about(std::move(token)));
    remember(digest, found);
    asking->found = found;
    co_return found;
}

Task<People::Found> People::ask_about(std::string token) {
    const auto authenticates = co_await does_authenticate();
    if (!authenticates) co_return authenticates.error();
    if (!*authenticates) co_return unknown();
    const auto name = co_await name_of(token);
    if (!name && name.error().kind != ErrorKind::unauthorized) co_return name.error();
    if (!name || name->empty() || *name == "system:anonymous") co_return unknown();
    co_return std::make_shared<Person>(clock_, http_, as(token), *name);
}

// Strangers push out strangers, and nobody who is known.
void People::remember(const std::string& digest, const Found& found) {
    const auto now = clock_.now();
    if (found) {
        while (met_.size() >= people_max) {
            met_.erase(std::ranges::min_element(
                met_, {}, [](const auto& entry) { return entry.second.used; }));
        }
        met_[digest] = {*found, now, now};
        refused_.erase(digest);
        return;
    }
    if (found.error().kind != ErrorKind::unauthorized) return;
    met_.erase(digest);
    std::erase_if(refused_, [&](const auto& entry) { return entry.second + believed <= now; });
    if (refused_.size() < refusals_max) refused_[digest] = now;
}

// Anybody may send any number of them, and each costs the API server a question.
bool People::may_ask_about_a_stranger() {
    const auto now = clock_.now();
    while (!strangers_.empty() && strangers_.front() + std::chrono::seconds{1} <= now) {
        strangers_.pop_front();
    }
    if (strangers_.size() >= strangers_a_second) return false;
    strangers_.push_back(now);
    return true;
}

Task<Viewer> People::view(std::shared_ptr<Person> person,
                          std::vector<std::string> namespaces,
                          bool may_write) {
    Viewer viewer{.person = person};
    // What the process may not read is not known in the first place.
    const bool is_process = person == process_;
    const auto* const canaries = &kube::resources::canaries;
    const auto* const pods = &kube::resources::pods;
    const auto* const events = &kube::resources::events;
    const auto until = clock_.now() + asking_limit;
    viewer.sees_all = is_process || co_await may(viewer, "list", canaries, "", until);
    viewer.writes_all = may_write && co_await may(viewer, "patch", canaries, "", until);
    viewer.pods_of_all = is_process || co_await may(viewer, "list", pods, "", until);
    viewer.events_of_all = is_process || co_await may(viewer, "list", events, "", until);
    const bool needs_writes = may_write && !viewer.writes_all;
    if (viewer.sees_all && !needs_writes && viewer.pods_of_all && viewer.events_of_all) {
        co_return viewer;
    }
    if (namespaces.size() > namespaces_max) {
        viewer.not_asked = namespaces.size() - namespaces_max;
        namespaces.resize(namespaces_max);
    }
    for (const auto& ns : namespaces) {
        if (!viewer.sees_all && co_await may(viewer, "list", canaries, ns, until))
            viewer.namespaces.insert(ns);
        if (needs_writes && viewer.sees(ns) && co_await may(viewer, "patch", canaries, ns, until)) {
            viewer.writable.insert(ns);
        }
    }
    for (const auto& ns : namespaces) {
        if (!viewer.sees(ns)) continue;
        if (!viewer.pods_of_all && co_await may(viewer, "list", pods, ns, until))
            viewer.with_pods.insert(ns);
        if (!viewer.events_of_all && co_await may(viewer, "list", events, ns, until))
            viewer.with_events.insert(ns);
    }
    co_return viewer;
}

// The viewer is the caller's own, who waits for this.
// NOLINTBEGIN(cppcoreguidelines-avoid-reference-coroutine-parameters): as said above.
Task<bool> People::may(
    Viewer& viewer, std::string verb, const kube::Resource* of, std::string ns, Time until) {
    // NOLINTEND(cppcoreguidelines-avoid-reference-coroutine-parameters)
    if (const auto left = until - clock_.now(); left > Duration{}) {
        const auto allowed = co_await with_deadline(
            clock_, left, viewer.person->ask({verb, of->group, of->plural, std::move(ns)}));
        if (allowed) co_return *allowed;
    }
    viewer.is_whole = false;
    // What cannot be asked is not shown; a write is the cluster's to refuse when it comes to that.
    co_return verb == "patch";
}

}  // namespace sluice::web
