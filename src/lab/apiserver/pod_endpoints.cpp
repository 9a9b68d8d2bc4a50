// What is asked of one pod beyond its object.
#include "base/async/signal.hpp"
#include "lab/apiserver/answers.hpp"
#include "lab/apiserver/media.hpp"
#include "lab/apiserver/resource_verbs.hpp"
#include "lab/apiserver/statuses.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace {

// A log that ends with its container, with its reader, or when all streams are ended.
class LogStream final : public net::BodyReader, public OpenStream {
   public:
    LogStream(Executor executor,
              std::shared_ptr<OpenStreams> streams,
              std::unique_ptr<net::BodyReader> log)
        : streams_(std::move(streams)), log_(std::move(log)), ending_(std::move(executor)) {
        streams_->add(*this);
    }
    ~LogStream() override { streams_->remove(*this); }

    Task<Result<std::string>> next() override {
        using boost::asio::experimental::awaitable_operators::operator||;
        if (ended_) co_return std::string();
        auto first = co_await (log_->next() || ending_.wait());
        if (first.index() == 0) co_return std::move(std::get<0>(first));
        co_return std::string();
    }

    void end() override {
        ended_ = true;
        ending_.notify_all();
    }

   private:
    std::shared_ptr<OpenStreams> streams_;
    std::unique_ptr<net::BodyReader> log_;
    Signal ending_;
    bool ended_ = false;
};

LogQuery log_query_of(const Query& query, Time now) {
    LogQuery asked;
    asked.container = std::string(query.text("container"));
    asked.follow = query.is_set("follow");
    asked.previous = query.is_set("previous");
    asked.timestamps = query.is_set("timestamps");
    asked.tail_lines = query.number("tailLines");
    asked.limit_bytes = query.number("limitBytes");
    if (const auto seconds = query.number("sinceSeconds")) {
        constexpr std::int64_t seconds_max = 1'000'000'000;
        asked.since = now - std::chrono::seconds{std::min(*seconds, seconds_max)};
    }
    if (const auto time = parse_rfc3339(query.text("sinceTime"))) asked.since = time;
    return asked;
}

Status not_implemented(std::string message) {
    return Status{501, "NotImplemented", std::move(message), nullptr};
}

net::Response read_log(const ApiCall& call) {
    const auto pod = call.cluster.get(call.resource, call.key);
    if (!pod) return status_answer(pod.error());
    if (call.logs == nullptr) {
        return status_answer(not_implemented("the lab cluster keeps no logs"));
    }
    auto log = call.logs->open(call.key, log_query_of(call.query, call.cluster.clock().now()));
    if (!log) return status_answer(log.error());
    auto response = text_answer(200, "");
    response.stream = std::make_unique<LogStream>(call.executor, call.streams, std::move(*log));
    return response;
}

// There is no process to enter, and the pod is on loopback already: say where.
net::Response refuse_connection(const ApiCall& call) {
    const auto pod = call.cluster.get(call.resource, call.key);
    if (!pod) return status_answer(pod.error());
    const auto ip = text_at(**pod, {"status", "podIP"});
    std::string where = "it has no address yet";
    if (!ip.empty()) {
        where = fmt::format("the pod answers at {}", ip);
        for (const auto& container : array_at(**pod, {"spec", "containers"})) {
            const auto& ports = array_at(container, {"ports"});
            if (ports.empty()) continue;
            const auto port = integer_at(ports.front(), {"containerPort"});
            where += fmt::format(":{}", port.value_or(0));
            break;
        }
    }
    return status_answer(not_implemented(
        fmt::format("the lab cluster does not support {}; {}", call.subresource, where)));
}

net::Response evict(const ApiCall& call) {
    const auto body = decode_optional_body(call.request);
    if (!body) return status_answer(body.error());
    const auto* inner = find(*body, {"deleteOptions"});
    const auto options =
        delete_options_of(inner == nullptr ? Json(JsonObject{}) : *inner, call.query);
    if (!options) return status_answer(options.error());
    const auto removed = call.cluster.remove(call.resource, call.key, *options);
    if (!removed) return status_answer(removed.error());
    return json_answer(201,
                       JsonObject{{"kind", "Status"},
                                  {"apiVersion", "v1"},
                                  {"metadata", JsonObject{}},
                                  {"status", "Success"},
                                  {"code", 201}});
}

}  // namespace

net::Response pod_endpoint(const ApiCall& call) {
    const auto& method = call.request.method;
    if (call.subresource == "log" && method == "GET") return read_log(call);
    if (call.subresource == "eviction" && method == "POST") return evict(call);
    if (call.subresource == "exec" || call.subresource == "attach" ||
        call.subresource == "portforward") {
        return refuse_connection(call);
    }
    return status_answer(statuses::method_not_allowed(call.resource, method));
}

}  // namespace sluice::lab
