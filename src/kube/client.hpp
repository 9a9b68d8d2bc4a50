// Requests to a Kubernetes API server: the verbs, their retries and limits, and refusals as values.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/task.hpp"
#include "base/core/json.hpp"
#include "base/core/result.hpp"
#include "kube/resource.hpp"
#include "net/http.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

// A token bucket over every request. per_second 0 is none.
struct RateLimit {
    double per_second = 0;
    double burst = 1;
};

// Where the API server is and as whom we come to it. config.hpp finds one.
struct Connection {
    net::Origin origin;
    std::string path_prefix = {};  // what stands before /api, for a server behind a path
    std::shared_ptr<const net::TlsOptions> tls = nullptr;
    std::optional<net::Origin> proxy = std::nullopt;
    std::string token = {};
    // Wins over `token`. Read again once a minute: projected tokens rotate.
    std::string token_file = {};
    // Basic authentication and impersonation.
    net::Headers headers = {};
    std::string user_agent = "sluice";
    RateLimit rate = {};
    // Until an answer is there. A watch has no such end.
    Duration timeout = std::chrono::seconds{30};
    // How long Retry-After of 429 and 5xx answers is waited out in all before the answer is handed
    // back as an error.
    Duration patience = std::chrono::seconds{60};
};

struct WriteOptions {
    std::string subresource = {};  // "status", "scale"
    std::string field_manager = {};
    std::string field_validation = {};  // "Strict", "Warn", "Ignore"; empty: the server's default
    bool dry_run = false;
};

struct PatchOptions {
    std::string subresource = {};
    // Preconditions; `conflict` when the object has changed, or is another one of that name. A JSON
    // patch gets them as `test` operations in front, so there a failed one is `invalid`.
    std::string resource_version = {};
    std::string uid = {};
    std::string field_manager = {};
    std::string field_validation = {};
    bool dry_run = false;
};

struct ApplyOptions {
    std::string field_manager = "sluice";
    bool force = false;  // takes fields over from other managers
    std::string field_validation = {};
    bool dry_run = false;
};

enum class Propagation { background, foreground, orphan };

struct DeleteOptions {
    std::optional<Propagation> propagation = std::nullopt;
    std::string uid = {};  // preconditions
    std::string resource_version = {};
    std::optional<std::int64_t> grace_seconds = std::nullopt;
    bool dry_run = false;
};

struct Selection {
    std::string ns = {};  // empty: all namespaces
    std::string label_selector = {};
    std::string field_selector = {};
};

struct ListOptions {
    // 0: in one piece.
    std::size_t limit = 500;
    std::string resource_version = {};  // "at least as new as"; empty: the newest
};

struct ObjectList {
    std::string resource_version;
    std::vector<Json> items;
};

struct ListPage {
    std::string resource_version;
    std::string continue_token;  // empty at the end
    std::vector<Json> items;
};

struct WatchOptions {
    std::string resource_version = {};
    // First everything that exists as `added`, then a bookmark with initial_events_end, then live.
    bool send_initial_events = false;
    Duration timeout = std::chrono::minutes{5};
};

enum class WatchEventKind { added, modified, deleted, bookmark };

struct WatchEvent {
    WatchEventKind kind;
    Json object;
    bool initial_events_end = false;
};

// A watch that is open. Destroying it closes it.
class Watch {
   public:
    Watch(Clock& clock, std::unique_ptr<net::BodyReader> body, Resource resource, Duration limit);
    ~Watch();

    // The next event; nothing at the regular end. An ERROR event is an Error of its Status' kind
    // (`gone` for a resourceVersion that is too old). One call at a time.
    Task<Result<std::optional<WatchEvent>>> next();

   private:
    Result<std::optional<WatchEvent>> event_of(std::string_view line) const;

    Clock& clock_;
    std::unique_ptr<net::BodyReader> body_;
    Resource resource_;
    Time end_;
    std::string buffer_;
    std::size_t begin_ = 0;     // of the line that is read next
    std::size_t searched_ = 0;  // up to here there is no newline
    bool ended_ = false;
};

// What the server serves under one name.
struct ServedResource {
    Resource resource;
    std::string singular;
    std::vector<std::string> short_names;
    std::vector<std::string> verbs;
    std::vector<std::string> categories;
    std::vector<std::string> subresources;
};

struct Discovery {
    // Groups in the server's order, in each the preferred version first.
    std::vector<ServedResource> resources;
    // Group versions that could not be read ("metrics.k8s.io/v1beta1: …"); the rest stands.
    std::vector<std::string> trouble;

    // In its preferred version; null when it is not served.
    const ServedResource* find_kind(std::string_view group, std::string_view kind) const;
    // As people name it: plural, singular, short name or kind, with or without ".group".
    const ServedResource* find_name(std::string_view name) const;
    bool serves(const Resource& resource) const;
};

struct ServerVersion {
    int major = 0;
    int minor = 0;
    std::string git_version;  // "v1.32.4"
};

// Says whether a write may go out now. lease.hpp has the one that counts.
class WriteGate {
   public:
    WriteGate() = default;
    WriteGate(const WriteGate&) = delete;
    WriteGate& operator=(const WriteGate&) = delete;
    virtual ~WriteGate() = default;

    // Nothing when it may, else why not.
    virtual std::optional<std::string> refusal(Time now) const = 0;
};

// Errors carry the server's own text ("deployments.apps \"web\" not found"); the caller says what
// it was doing. Objects of typed lists get their kind and apiVersion filled in.
class Client {
   public:
    // All outlive the client.
    Client(Clock& clock, net::HttpClient& http, Connection connection);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    Task<Result<Json>> get(Resource resource, ObjectKey key, std::string subresource = {});
    // Page by page; when the continue token has expired meanwhile, once more in one piece.
    Task<Result<ObjectList>> list(Resource resource,
                                  Selection selection = {},
                                  ListOptions options = {});
    Task<Result<ListPage>> list_page(Resource resource,
                                     Selection selection,
                                     ListOptions options,
                                     std::string continue_token = {});
    // Returns when the watch is open.
    Task<Result<std::unique_ptr<Watch>>> watch(Resource resource,
                                               Selection selection,
                                               WatchOptions options);

    // The namespace and name stand in the object.
    Task<Result<Json>> create(Resource resource, Json object, WriteOptions options = {});
    // With metadata.resourceVersion a stale one is a `conflict`.
    Task<Result<Json>> update(Resource resource, Json object, WriteOptions options = {});
    Task<Result<Json>> merge_patch(Resource resource,
                                   ObjectKey key,
                                   Json patch,
                                   PatchOptions options = {});
    Task<Result<Json>> json_patch(Resource resource,
                                  ObjectKey key,
                                  Json patch,
                                  PatchOptions options = {});
    // Server-side apply; creates when absent.
    Task<Result<Json>> apply(Resource resource, Json object, ApplyOptions options = {});
    // The answer is a Status, or the object as it is now when something keeps it.
    Task<Result<Json>> remove(Resource resource, ObjectKey key, DeleteOptions options = {});

    Task<Result<ServerVersion>> server_version();
    Task<Result<Discovery>> discover();

    // Any path of the server ("/api/v1/namespaces/x/pods/y/log?follow=true"); refusals as above.
    Task<Result<Json>> get_path(std::string target, std::string accept = "application/json");
    Task<Result<std::unique_ptr<net::BodyReader>>> stream(std::string target);

    // Writes ask the gate before they go out; refused ones are `cancelled`. It outlives the client.
    void guard_writes(const WriteGate* gate);
    // Each distinct text of a Warning header once. None until set.
    void on_warning(std::function<void(std::string_view text)> callback);

    // Requests sent so far, for metrics.
    struct Count {
        std::uint64_t reads = 0;
        std::uint64_t writes = 0;
    };
    Count count() const;
    const Connection& connection() const;

   private:
    struct Call;
    Task<Result<net::Response>> perform(Call call);
    Task<Result<Json>> perform_for_json(Call call);
    Task<> wait_for_turn();
    Result<net::Request> request_for(const Call& call);
    Result<std::string> bearer();
    void note_warnings(const net::Headers& headers);

    Clock& clock_;
    net::HttpClient& http_;
    Connection connection_;
    const WriteGate* gate_ = nullptr;
    std::function<void(std::string_view)> on_warning_;
    std::set<std::string, std::less<>> warned_;
    std::string file_token_;
    std::optional<Time> file_token_read_;
    double tokens_ = 0;
    Time refilled_;
    Count count_;
};

// What an answer that is not 2xx means: by the Status' reason, then by the code (kubernetes.md
// A.5). `request` ends texts of answers that are no Status: "get configmaps web".
Error error_of_answer(int status, std::string_view body, std::string_view request);
// A metav1.Status as an Error.
Error error_of_status(const Json& status);

}  // namespace sluice::kube
