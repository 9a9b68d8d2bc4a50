#include "kube/client.hpp"

#include "base/async/deadline.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <sstream>

namespace sluice::kube {
namespace {

constexpr int retries_max = 10;
constexpr std::size_t object_limit = std::size_t{16} * 1024 * 1024;
constexpr std::size_t list_limit = std::size_t{512} * 1024 * 1024;
constexpr std::size_t refusal_limit = std::size_t{64} * 1024;

// The query of a request, in the order in which it was said; empty values are left out.
class Query {
   public:
    Query& add(std::string_view name, std::string_view value) {
        if (value.empty()) return *this;
        text_ += text_.empty() ? '?' : '&';
        text_ += name;
        text_ += '=';
        text_ += percent_encoded(value);
        return *this;
    }
    const std::string& text() const { return text_; }

   private:
    std::string text_;
};

Query write_query(std::string_view manager, std::string_view validation, bool dry_run) {
    Query query;
    query.add("dryRun", dry_run ? "All" : "")
        .add("fieldManager", manager)
        .add("fieldValidation", validation);
    return query;
}

Query selection_query(const Selection& selection) {
    Query query;
    query.add("labelSelector", selection.label_selector)
        .add("fieldSelector", selection.field_selector);
    return query;
}

ObjectKey collection_of(const Resource& resource, std::string_view ns) {
    return {resource.namespaced ? std::string(ns) : "", ""};
}

std::string_view name_of(Propagation propagation) {
    switch (propagation) {
        case Propagation::background:
            return "Background";
        case Propagation::foreground:
            return "Foreground";
        case Propagation::orphan:
            return "Orphan";
    }
    return "";
}

Json body_of(const DeleteOptions& options) {
    Json body = JsonObject{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
    if (options.propagation) put(body, {"propagationPolicy"}, Json(name_of(*options.propagation)));
    if (options.grace_seconds) put(body, {"gracePeriodSeconds"}, Json(*options.grace_seconds));
    if (!options.uid.empty()) put(body, {"preconditions", "uid"}, Json(options.uid));
    if (!options.resource_version.empty())
        put(body, {"preconditions", "resourceVersion"}, Json(options.resource_version));
    if (options.dry_run) put(body, {"dryRun"}, JsonArray{"All"});
    return body;
}

// Typed lists leave out the kind and apiVersion of their items, and callers may of what they send.
// They stand in front, where people look for them.
void fill_in_type(const Resource& resource, Json& object) {
    auto* fields = object.if_object();
    if (fields == nullptr || (fields->contains("kind") && fields->contains("apiVersion"))) return;
    JsonObject filled{{"apiVersion", resource.api_version()}, {"kind", resource.kind}};
    for (auto& [key, value] : *fields) filled[key] = std::move(value);
    *fields = std::move(filled);
}

// What 429 and 5xx ask us to wait; nothing when they do not.
std::optional<Duration> asked_pause(const net::Response& answer) {
    if (answer.status != 429 && answer.status < 500) return std::nullopt;
    const auto text = answer.headers.get("Retry-After");
    const auto seconds = text ? parse_integer(trimmed(*text)) : std::nullopt;
    if (!seconds || *seconds < 0 || *seconds > 100'000) return std::nullopt;
    return std::chrono::seconds{*seconds};
}

Task<Result<std::string>> beginning_of(std::unique_ptr<net::BodyReader> body) {
    std::string text;
    while (text.size() < refusal_limit) {
        const auto bytes = co_await body->next();
        if (!bytes || bytes->empty()) break;
        text += *bytes;
    }
    co_return text;
}

}  // namespace

struct Client::Call {
    std::string method = "GET";
    std::string target;
    std::string what;  // "get configmaps web": ends the texts of refusals that say little
    std::string body = {};
    std::string content_type = {};
    std::string accept = "application/json";
    std::size_t limit = object_limit;
    bool streams = false;

    bool writes() const { return method != "GET"; }

    static Call patch(const Resource& resource,
                      const ObjectKey& key,
                      const Json& body,
                      std::string content_type,
                      const PatchOptions& options);
};

Client::Call Client::Call::patch(const Resource& resource,
                                 const ObjectKey& key,
                                 const Json& body,
                                 std::string content_type,
                                 const PatchOptions& options) {
    const auto query =
        write_query(options.field_manager, options.field_validation, options.dry_run);
    return {.method = "PATCH",
            .target = path_of(resource, key, options.subresource) + query.text(),
            .what = fmt::format("patch {} {}", resource.qualified(), key.name),
            .body = to_text(body),
            .content_type = std::move(content_type)};
}

Client::Client(Clock& clock, net::HttpClient& http, Connection connection)
    : clock_(clock),
      http_(http),
      connection_(std::move(connection)),
      tokens_(std::max(1.0, connection_.rate.burst)),
      refilled_(clock.now()) {}

Client::~Client() = default;

// Sends until there is an answer that is not "later".
Task<Result<net::Response>> Client::perform(Call call) {
    Duration waited{};
    bool asked_for_new_token = false;
    for (int tries = 0;; ++tries) {
        co_await wait_for_turn();
        if (call.writes() && gate_ != nullptr) {
            if (const auto why = gate_->refusal(clock_.now()))
                co_return Error{ErrorKind::cancelled, *why};
        }
        auto request = request_for(call);
        if (!request) co_return request.error();
        const auto sent_as = request->headers.get("Authorization");
        const std::string credentials(sent_as.value_or(""));

        ++(call.writes() ? count_.writes : count_.reads);
        Result<net::Response> answer = Error{ErrorKind::cancelled, ""};
        if (call.streams) {
            answer = co_await http_.open(*std::move(request));
        } else {
            answer = co_await http_.send(*std::move(request));
        }
        if (!answer) co_return answer.error();
        note_warnings(answer->headers);
        if (answer->status >= 200 && answer->status < 300) co_return std::move(*answer);

        std::string text = std::move(answer->body);
        if (answer->stream) {
            // The answer's head has ended the request's own deadline.
            auto read = co_await with_deadline<std::string>(
                clock_, connection_.timeout, beginning_of(std::move(answer->stream)));
            text = std::move(read).value_or("");
        }
        auto error = error_of_answer(answer->status, text, call.what);
        if (answer->status == 401 && !connection_.token_file.empty() && !asked_for_new_token) {
            // The token may have rotated since it was read.
            asked_for_new_token = true;
            file_token_read_.reset();
            const auto token = bearer();
            if (token && "Bearer " + *token != credentials) continue;
        }
        const auto pause = asked_pause(*answer);
        if (!pause) co_return error;
        error.retry_after = *pause;
        if (tries >= retries_max || waited + *pause > connection_.patience) co_return error;
        waited += *pause;
        co_await clock_.sleep_for(*pause);
    }
}

Result<net::Request> Client::request_for(const Call& call) {
    net::Request request;
    request.method = call.method;
    request.origin = connection_.origin;
    request.target = connection_.path_prefix + call.target;
    request.headers = connection_.headers;
    request.headers.set("User-Agent", connection_.user_agent);
    request.headers.set("Accept", call.accept);
    if (!call.content_type.empty()) request.headers.set("Content-Type", call.content_type);
    const auto token = bearer();
    if (!token) return token.error();
    if (!token->empty()) request.headers.set("Authorization", "Bearer " + *token);
    request.body = call.body;
    request.timeout = connection_.timeout;
    request.body_limit = call.limit;
    request.tls = connection_.tls;
    request.proxy = connection_.proxy;
    return request;
}

Task<Result<Json>> Client::perform_for_json(Call call) {
    const auto limit = call.limit;
    const auto what = call.what;
    const auto answer = co_await perform(std::move(call));
    if (!answer) co_return answer.error();
    auto parsed = parse_json(answer->body, {.bytes = limit});
    if (!parsed) co_return parsed.error().with("the answer to " + what);
    co_return parsed;
}

// A turn is taken at once and waited for afterwards, so callers are served in their order.
Task<> Client::wait_for_turn() {
    const auto& rate = connection_.rate;
    if (rate.per_second <= 0) co_return;
    const auto now = clock_.now();
    const auto passed = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min(std::max(1.0, rate.burst), tokens_ + passed * rate.per_second) - 1;
    refilled_ = now;
    if (tokens_ >= 0) co_return;
    const std::chrono::duration<double> pause(-tokens_ / rate.per_second);
    co_await clock_.sleep_for(std::chrono::ceil<Duration>(pause));
}

Result<std::string> Client::bearer() {
    if (connection_.token_file.empty()) return connection_.token;
    const auto now = clock_.now();
    if (file_token_read_ && now - *file_token_read_ < std::chrono::minutes{1}) return file_token_;
    std::ifstream file(connection_.token_file);
    std::ostringstream content;
    content << file.rdbuf();
    const auto text = std::move(content).str();
    const auto token = trimmed(text);
    if (!file || token.empty()) {
        // While the file is being replaced the last token still holds.
        if (!file_token_.empty()) return file_token_;
        return Error{ErrorKind::unauthorized,
                     fmt::format("token file {} cannot be read", connection_.token_file)};
    }
    file_token_ = token;
    file_token_read_ = now;
    return file_token_;
}

// Warning: 299 - "text"
void Client::note_warnings(const net::Headers& headers) {
    if (!on_warning_) return;
    for (const auto value : headers.all("Warning")) {
        const auto open = value.find('"');
        const auto close = value.rfind('"');
        if (!value.starts_with("299") || open == std::string_view::npos || close <= open) continue;
        std::string text;
        for (auto i = open + 1; i < close; ++i) {
            if (value[i] == '\\' && i + 1 < close) ++i;
            text += value[i];
        }
        if (warned_.size() < 1000 && warned_.insert(text).second) on_warning_(text);
    }
}

Task<Result<Json>> Client::get(Resource resource, ObjectKey key, std::string subresource) {
    auto object = co_await perform_for_json(
        {.target = path_of(resource, key, subresource),
         .what = fmt::format("get {} {}", resource.qualified(), key.name)});
    if (object && subresource.empty()) fill_in_type(resource, *object);
    co_return object;
}

Task<Result<ListPage>> Client::list_page(Resource resource,
                                         Selection selection,
                                         ListOptions options,
                                         std::string continue_token) {
    auto query = selection_query(selection);
    if (options.limit > 0) query.add("limit", std::to_string(options.limit));
    // A continued list has the version of its first page.
    if (continue_token.empty()) {
        query.add("resourceVersion", options.resource_version);
        if (!options.resource_version.empty() && options.resource_version != "0")
            query.add("resourceVersionMatch", "NotOlderThan");
    } else {
        query.add("continue", continue_token);
    }
    auto answer = co_await perform_for_json(
        {.target = path_of(resource, collection_of(resource, selection.ns)) + query.text(),
         .what = "get " + resource.qualified(),
         .limit = list_limit});
    if (!answer) co_return answer.error();
    auto* items = find(*answer, {"items"});
    // A list of nothing may say null.
    if (items == nullptr || !(items->is_array() || items->is_null()))
        co_return Error{ErrorKind::bad_answer,
                        fmt::format("the answer to get {} is no list", resource.qualified())};
    ListPage page{std::string(resource_version_of(*answer)),
                  std::string(text_at(*answer, {"metadata", "continue"})),
                  {}};
    if (auto* array = items->if_array()) {
        page.items.reserve(array->size());
        for (auto& item : *array) {
            fill_in_type(resource, item);
            page.items.push_back(std::move(item));
        }
    }
    co_return page;
}

Task<Result<ObjectList>> Client::list(Resource resource, Selection selection, ListOptions options) {
    ObjectList list;
    std::string continue_token;
    for (;;) {
        auto page = co_await list_page(resource, selection, options, continue_token);
        if (!page && page.error().kind == ErrorKind::gone && !continue_token.empty()) {
            list = {};
            continue_token.clear();
            options.limit = 0;
            continue;
        }
        if (!page) co_return page.error();
        if (list.resource_version.empty()) list.resource_version = page->resource_version;
        std::move(page->items.begin(), page->items.end(), std::back_inserter(list.items));
        continue_token = std::move(page->continue_token);
        if (continue_token.empty()) co_return list;
    }
}

Task<Result<std::unique_ptr<Watch>>> Client::watch(Resource resource,
                                                   Selection selection,
                                                   WatchOptions options) {
    auto query = selection_query(selection);
    query.add("watch", "true")
        .add("allowWatchBookmarks", "true")
        .add("resourceVersion", options.resource_version);
    if (options.send_initial_events) {
        query.add("sendInitialEvents", "true").add("resourceVersionMatch", "NotOlderThan");
    }
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.timeout).count();
    query.add("timeoutSeconds", std::to_string(seconds));
    auto answer = co_await perform(
        {.target = path_of(resource, collection_of(resource, selection.ns)) + query.text(),
         .what = "get " + resource.qualified(),
         .streams = true});
    if (!answer) co_return answer.error();
    if (!answer->stream)
        co_return Error{ErrorKind::bad_answer,
                        fmt::format("watching {}: no stream", resource.qualified())};
    // The server ends it; should it be gone without a word, we do a little later.
    co_return std::make_unique<Watch>(clock_,
                                      std::move(answer->stream),
                                      std::move(resource),
                                      options.timeout + std::chrono::seconds{30});
}

Task<Result<Json>> Client::create(Resource resource, Json object, WriteOptions options) {
    fill_in_type(resource, object);
    const auto key = key_of(object);
    const auto query =
        write_query(options.field_manager, options.field_validation, options.dry_run);
    const ObjectKey where{key.ns, options.subresource.empty() ? "" : key.name};
    co_return co_await perform_for_json(
        {.method = "POST",
         .target = path_of(resource, where, options.subresource) + query.text(),
         .what = "post " + resource.qualified(),
         .body = to_text(object),
         .content_type = "application/json"});
}

Task<Result<Json>> Client::update(Resource resource, Json object, WriteOptions options) {
    fill_in_type(resource, object);
    const auto key = key_of(object);
    const auto query =
        write_query(options.field_manager, options.field_validation, options.dry_run);
    co_return co_await perform_for_json(
        {.method = "PUT",
         .target = path_of(resource, key, options.subresource) + query.text(),
         .what = fmt::format("put {} {}", resource.qualified(), key.name),
         .body = to_text(object),
         .content_type = "application/json"});
}

Task<Result<Json>> Client::merge_patch(Resource resource,
                                       ObjectKey key,
                                       Json patch,
                                       PatchOptions options) {
    if (!options.resource_version.empty())
        put(patch, {"metadata", "resourceVersion"}, Json(options.resource_version));
    if (!options.uid.empty()) put(patch, {"metadata", "uid"}, Json(options.uid));
    co_return co_await perform_for_json(
        Call::patch(resource, key, patch, "application/merge-patch+json", options));
}

Task<Result<Json>> Client::json_patch(Resource resource,
                                      ObjectKey key,
                                      Json patch,
                                      PatchOptions options) {
    JsonArray operations;
    const auto test = [&](std::string_view path, const std::string& value) {
        if (!value.empty())
            operations.push_back(JsonObject{{"op", "test"}, {"path", path}, {"value", value}});
    };
    test("/metadata/uid", options.uid);
    test("/metadata/resourceVersion", options.resource_version);
    if (const auto* given = patch.if_array())
        operations.insert(operations.end(), given->begin(), given->end());
    co_return co_await perform_for_json(
        Call::patch(resource, key, operations, "application/json-patch+json", options));
}

Task<Result<Json>> Client::apply(Resource resource, Json object, ApplyOptions options) {
    fill_in_type(resource, object);
    const auto key = key_of(object);
    auto query = write_query(options.field_manager, options.field_validation, options.dry_run);
    query.add("force", options.force ? "true" : "");
    co_return co_await perform_for_json(
        {.method = "PATCH",
         .target = path_of(resource, key) + query.text(),
         .what = fmt::format("patch {} {}", resource.qualified(), key.name),
         .body = to_text(object),
         .content_type = "application/apply-patch+yaml"});
}

Task<Result<Json>> Client::remove(Resource resource, ObjectKey key, DeleteOptions options) {
    co_return co_await perform_for_json(
        {.method = "DELETE",
         .target = path_of(resource, key),
         .what = fmt::format("delete {} {}", resource.qualified(), key.name),
         .body = to_text(body_of(options)),
         .content_type = "application/json"});
}

Task<Result<Json>> Client::get_path(std::string target, std::string accept) {
    const auto what = "get " + target.substr(0, target.find('?'));
    co_return co_await perform_for_json({.target = std::move(target),
                                         .what = what,
                                         .accept = std::move(accept),
                                         .limit = list_limit});
}

Task<Result<std::unique_ptr<net::BodyReader>>> Client::stream(std::string target) {
    const auto what = "get " + target.substr(0, target.find('?'));
    auto answer = co_await perform(
        {.target = std::move(target), .what = what, .accept = "*/*", .streams = true});
    if (!answer) co_return answer.error();
    if (!answer->stream) co_return Error{ErrorKind::bad_answer, what + ": no stream"};
    co_return std::move(answer->stream);
}

void Client::guard_writes(const WriteGate* gate) {
    gate_ = gate;
}

void Client::on_warning(std::function<void(std::string_view)> callback) {
    on_warning_ = std::move(callback);
}

Client::Count Client::count() const {
    return count_;
}

const Connection& Client::connection() const {
    return connection_;
}

}  // namespace sluice::kube
