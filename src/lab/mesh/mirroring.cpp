#include "lab/mesh/mirroring.hpp"

#include "base/async/deadline.hpp"
#include "base/async/signal.hpp"
#include "base/core/text.hpp"
#include "lab/mesh/proxy_state.hpp"

#include <deque>

namespace sluice::mesh {

namespace {

// The body of one copy: what the user's request has brought so far and the copy's pod has not
// taken.
class CopiedBody final : public net::BodyReader {
   public:
    explicit CopiedBody(Executor executor) : changed_(executor), broken_(std::move(executor)) {}

    void put(std::string_view part) {
        if (is_broken_) return;
        waiting_ += part.size();
        if (waiting_ > copied_body_max) return break_off();
        if (part.empty()) has_ended_ = true;
        if (!part.empty()) parts_.emplace_back(part);
        changed_.notify_all();
    }
    void break_off() {
        if (has_ended_) return;
        is_broken_ = true;
        parts_.clear();
        changed_.notify_all();
        broken_.notify_all();
    }

    Task<Result<std::string>> next() override {
        while (parts_.empty() && !has_ended_ && !is_broken_) co_await changed_.wait();
        if (is_broken_) co_return Error{ErrorKind::cancelled, "the copied body was broken off"};
        if (parts_.empty()) co_return std::string();
        auto part = std::move(parts_.front());
        parts_.pop_front();
        waiting_ -= part.size();
        taken_ += part.size();
        co_return part;
    }
    std::uint64_t taken() const { return taken_; }
    // Ends when the body is broken off, and not before.
    Task<> until_broken() {
        while (!is_broken_) co_await broken_.wait();
    }

   private:
    Signal changed_, broken_;
    std::deque<std::string> parts_;
    std::size_t waiting_ = 0;
    std::uint64_t taken_ = 0;
    bool has_ended_ = false;
    bool is_broken_ = false;
};

// The user's body, which the copies read along with it.
class SharedBody final : public net::BodyReader {
   public:
    SharedBody(std::shared_ptr<net::BodyReader> body, std::vector<std::weak_ptr<CopiedBody>> copies)
        : body_(std::move(body)), copies_(std::move(copies)) {}
    ~SharedBody() override {
        // Whoever has not had the end by now will not have it.
        for_each([](CopiedBody& copy) { copy.break_off(); });
    }

    Task<Result<std::string>> next() override {
        auto part = co_await body_->next();
        if (part) for_each([&](CopiedBody& copy) { copy.put(*part); });
        co_return part;
    }

   private:
    template <typename Do>
    void for_each(Do what) {
        for (const auto& weak : copies_) {
            if (const auto copy = weak.lock()) what(*copy);
        }
    }

    std::shared_ptr<net::BodyReader> body_;
    std::vector<std::weak_ptr<CopiedBody>> copies_;
};

// One copy, from when it is sent to when its answer has been read.
class Copy {
   public:
    struct Aim {
        Upstream upstream;  // of the table
        const Endpoint* endpoint = nullptr;
        std::shared_ptr<ClusterMemory> memory = nullptr;
        std::optional<ClusterMemory::Place> place = std::nullopt;
    };

    Copy(MeshProxy::State& state, const CopiedFrom& from, Aim aim)
        : state_(state),
          from_(from),
          aim_(std::move(aim)),
          names_{
              aim_.upstream.service->host, aim_.upstream.service->name, aim_.upstream.service->ns},
          endpoint_(*aim_.endpoint),
          began_(state.clock.now()) {
        state_.try_began(endpoint_);
    }
    ~Copy() { end(0, Flag::downstream_closed); }
    Copy(const Copy&) = delete;
    Copy& operator=(const Copy&) = delete;

    static Task<> run(std::unique_ptr<Copy> copy,
                      net::Request request,
                      std::shared_ptr<CopiedBody> body) {
        co_await copy->ask(std::move(request), std::move(body));
    }

   private:
    Task<> ask(net::Request request, std::shared_ptr<CopiedBody> body);
    Task<Result<net::Response>> answer_to(net::Request request, std::shared_ptr<CopiedBody> body);
    void report(OutlierDetector::Result result) {
        state_.report(aim_.upstream, aim_.memory.get(), endpoint_, result);
    }
    void end(int status, Flag flags);

    MeshProxy::State& state_;
    const CopiedFrom from_;
    const Aim aim_;
    const ServiceNames names_;
    const Endpoint& endpoint_;
    const Time began_;
    std::optional<int> grpc_status_;
    std::uint64_t request_bytes_ = 0;
    std::uint64_t response_bytes_ = 0;
    bool has_arrived_ = true;
    bool has_ended_ = false;
};

// The answer's head, unless the body is broken off before.
Task<Result<net::Response>> Copy::answer_to(net::Request request,
                                            std::shared_ptr<CopiedBody> body) {
    if (body == nullptr) co_return co_await state_.upstream.open(std::move(request));
    using boost::asio::experimental::awaitable_operators::operator||;
    auto first = co_await (state_.upstream.open(std::move(request)) || body->until_broken());
    if (first.index() == 0) co_return std::move(std::get<0>(first));
    co_return Error{ErrorKind::cancelled, "the copied body was broken off"};
}

Task<> Copy::ask(net::Request request, std::shared_ptr<CopiedBody> body) {
    const auto due = began_ + request.timeout;
    request_bytes_ = request.method.size() + request.target.size() + 12 + size_of(request.headers) +
                     request.body.size();
    auto answer = co_await answer_to(std::move(request), body);
    if (body != nullptr) request_bytes_ += body->taken();
    if (!answer) {
        const auto& error = answer.error();
        if (error.message.starts_with("connecting to ")) has_arrived_ = false;
        if (error.kind != ErrorKind::cancelled) report(OutlierDetector::Result::local_failure);
        if (error.kind == ErrorKind::timed_out || error.kind == ErrorKind::cancelled)
            co_return end(0, Flag::downstream_closed);
        co_return end(503, Flag::upstream_terminated);
    }
    report(OutlierDetector::result_of(answer->status));
    if (from_.is_grpc) {
        const auto status = answer->headers.get("grpc-status");
        if (const auto number = status ? parse_integer(*status) : std::nullopt)
            grpc_status_ = static_cast<int>(*number);
    }
    response_bytes_ = 15 + size_of(answer->headers) + answer->body.size();
    while (answer->stream != nullptr) {
        const auto left = std::max(Duration::zero(), due - state_.clock.now());
        const auto part = co_await with_deadline(state_.clock, left, answer->stream->next());
        if (!part) co_return end(answer->status, Flag::downstream_closed);
        if (part->empty()) break;
        response_bytes_ += part->size();
    }
    end(answer->status, Flag::none);
}

// Only the callee's own proxy counts it (mesh-and-dashboard.md 2.3).
void Copy::end(int status, Flag flags) {
    if (std::exchange(has_ended_, true)) return;
    const RequestRecord record{.reporter = Reporter::destination,
                               .source = from_.source,
                               .destination = endpoint_.workload,
                               .service = names_,
                               .code = status,
                               .flags = flags,
                               .is_grpc = from_.is_grpc,
                               .grpc_status = grpc_status_,
                               .milliseconds = in_milliseconds(state_.clock.now() - began_),
                               .request_bytes = request_bytes_,
                               .response_bytes = response_bytes_};
    const bool has_arrived = has_arrived_ && endpoint_.workload != nullptr;
    state_.try_ended(endpoint_, has_arrived ? &record : nullptr);
}

// "podinfo.test:9898" as "podinfo.test-shadow:9898".
std::string shadow_of(std::string_view host) {
    auto colon = host.rfind(':');
    if (host.ends_with(']')) colon = std::string_view::npos;
    std::string shadow(host.substr(0, colon));
    shadow += shadow_suffix;
    if (colon != std::string_view::npos) shadow += host.substr(colon);
    return shadow;
}

net::Request copy_of(const net::Request& request) {
    return {.method = request.method,
            .target = request.target,
            .headers = request.headers,
            .body = request.body,
            .short_body_in_place = true};
}

}  // namespace

void Mirroring::begin(Executor executor,
                      const Route& route,
                      const CopiedFrom& from,
                      net::Request& request) {
    std::vector<std::weak_ptr<CopiedBody>> bodies;
    for (const auto& mirror : route.mirrors) {
        if (mirror.share < 1 && state_.random.unit() >= mirror.share) continue;
        if (request.body.size() > copied_body_max) continue;
        if (copies_ && copies_->size() >= copies_max) continue;
        const auto upstream =
            from.table->upstream(mirror.destination, from.source->ns, from.asked_port);
        if (upstream.kind == Upstream::Kind::no_cluster) continue;
        Copy::Aim aim{.upstream = upstream};
        aim.memory = state_.memory_of(upstream, *from.source);
        if (aim.memory != nullptr) {
            aim.place = ClusterMemory::take_now(aim.memory, upstream.policy->limits);
            if (!aim.place) continue;
        }
        const auto* endpoint = state_.choose_endpoint(upstream, {}, aim.memory.get());
        if (endpoint == nullptr) continue;
        aim.endpoint = endpoint;

        auto copy = copy_of(request);
        copy.origin.host = endpoint->address;
        copy.origin.port = endpoint->port;
        copy.timeout = route.timeout.value_or(copy_timeout);
        copy.headers.set("x-envoy-attempt-count", "1");
        if (state_.options.shadow_host)
            copy.headers.set("host", shadow_of(copy.headers.get("host").value_or("")));
        std::shared_ptr<CopiedBody> body;
        if (request.stream != nullptr) {
            body = std::make_shared<CopiedBody>(executor);
            bodies.push_back(body);
            copy.stream = body;
        }
        if (!copies_) copies_.emplace(executor);
        copies_->spawn("copy for " + mirror.destination.host,
                       Copy::run(std::make_unique<Copy>(state_, from, std::move(aim)),
                                 std::move(copy),
                                 std::move(body)));
    }
    if (!bodies.empty())
        request.stream = std::make_shared<SharedBody>(std::move(request.stream), std::move(bodies));
}

Task<> Mirroring::stop() {
    if (!copies_) co_return;
    copies_->cancel();
    co_await copies_->wait();
}

}  // namespace sluice::mesh
