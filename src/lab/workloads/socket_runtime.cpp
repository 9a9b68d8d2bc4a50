#include "lab/workloads/socket_runtime.hpp"

#include "base/core/text.hpp"
#include "lab/workloads/image_map.hpp"
#include "net/server.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

constexpr int address_tries = 16;
constexpr std::string_view probe_agent = "kube-probe/1.32";

// A task of the other thread must not be cancelled from this one: what it does is short.
auto uncancelled() {
    return boost::asio::bind_cancellation_slot(boost::asio::cancellation_slot(),
                                               boost::asio::use_awaitable);
}

// Why the port cannot be had; nothing when it can.
std::optional<std::string> taken(const Executor& executor,
                                 const std::string& ip,
                                 std::uint16_t port) {
    using boost::asio::ip::tcp;
    boost::system::error_code error;
    tcp::acceptor acceptor(executor);
    acceptor.open(tcp::v4(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind({boost::asio::ip::make_address(ip), port}, error);
    if (!error) acceptor.listen(1, error);
    // Without privileges a low port is nobody's fault: another address would not help.
    if (!error || error == boost::asio::error::access_denied) return std::nullopt;
    return fmt::format("listen tcp {}:{}: {}", ip, port, error.message());
}

std::string dial_error(const ProbeCall& call, const Error& error, std::string_view url) {
    const auto prefix = url.empty() ? std::string{} : fmt::format("Get \"{}\": ", url);
    switch (error.kind) {
        case ErrorKind::unreachable:
            return fmt::format(
                "{}dial tcp {}:{}: connect: connection refused", prefix, call.ip, call.port);
        case ErrorKind::timed_out:
            return prefix +
                   "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
        case ErrorKind::not_found:
        case ErrorKind::already_exists:
        case ErrorKind::conflict:
        case ErrorKind::gone:
        case ErrorKind::invalid:
        case ErrorKind::denied:
        case ErrorKind::unauthorized:
        case ErrorKind::too_many:
        case ErrorKind::unsupported:
        case ErrorKind::unavailable:
        case ErrorKind::bad_answer:
        case ErrorKind::too_large:
        case ErrorKind::cancelled:
        case ErrorKind::unsettled:
            return prefix + error.message;
    }
    return prefix + error.message;
}

}  // namespace

// What stands behind one container. It belongs to the traffic thread; `failure` and `ports` are
// read when that has answered.
struct SocketRuntime::Served {
    Clock& clock;
    Executor traffic;
    std::unique_ptr<App> app = nullptr;
    std::unique_ptr<net::HttpServer> server = nullptr;
    std::shared_ptr<AppFaults> faults = std::make_shared<AppFaults>();
    std::optional<Error> failure = std::nullopt;
    std::vector<std::uint16_t> ports = {};
};

namespace {

template <typename Served>
Task<> serve(std::shared_ptr<Served> served,
             ContainerStart start,
             std::shared_ptr<const AppRegistry> registry) {
    served->faults->begin(start.fault, served->clock.now());
    served->app = registry->make(start.app,
                                 {start.pod.name,
                                  start.image,
                                  image_tag(start.image),
                                  start.env,
                                  start.command,
                                  start.log,
                                  served->faults},
                                 served->clock);
    served->server =
        std::make_unique<net::HttpServer>(served->traffic, served->clock, *served->app);
    const bool declared = !start.ports.empty();
    for (const auto port : declared ? start.ports : served->app->default_ports()) {
        const auto listening = served->server->listen(start.ip, port);
        if (listening) {
            served->ports.push_back(*listening);
            continue;
        }
        // A port that nobody declared is a courtesy, and a privileged one cannot be helped.
        if (listening.error().kind == ErrorKind::denied) {
            start.log(listening.error().message + ": the lab runs without privileges");
        } else if (declared) {
            served->failure = listening.error();
            break;
        }
    }
    co_return;
}

template <typename Served>
Task<> end_serving(std::shared_ptr<Served> served, Duration grace) {
    if (served->server != nullptr) co_await served->server->stop(grace);
    served->server.reset();
    served->app.reset();
}

}  // namespace

SocketRuntime::SocketRuntime(Executor control,
                             Executor traffic,
                             Clock& clock,
                             net::HttpClient& client,
                             AppRegistry apps,
                             SocketRuntimeOptions options)
    : control_(std::move(control)),
      traffic_(std::move(traffic)),
      clock_(clock),
      client_(client),
      apps_(std::make_shared<const AppRegistry>(std::move(apps))),
      addresses_(clock, options.block) {}

SocketRuntime::~SocketRuntime() {
    for (auto& [id, served] : served_) let_go(std::move(served));
}

// The last reference goes on the traffic thread.
void SocketRuntime::let_go(std::shared_ptr<Served> served) {
    boost::asio::post(traffic_, [served = std::move(served)]() mutable { served.reset(); });
}

Result<std::string> SocketRuntime::give_address(const std::vector<std::uint16_t>& ports) {
    std::string why = "no pod address is left";
    for (int next = 0; next < address_tries; ++next) {
        const auto address = addresses_.give();
        if (!address) break;
        std::optional<std::string> problem;
        for (const auto port : ports) {
            if (!problem) problem = taken(control_, *address, port);
        }
        if (!problem) return *address;
        why = *problem;
        addresses_.take_back(*address);
    }
    return Error{ErrorKind::unavailable, why};
}

void SocketRuntime::take_back_address(const std::string& ip) {
    addresses_.take_back(ip);
}

Task<Result<ContainerRun>> SocketRuntime::start(ContainerStart start) {
    const auto id = start.id;
    const auto behaviour = behaviour_of(image_tag(start.image));
    auto served = std::make_shared<Served>(clock_, traffic_);
    served_[id] = served;
    const auto ports = std::make_shared<std::vector<std::uint16_t>>();
    ports_[id] = ports;
    co_await boost::asio::co_spawn(traffic_, serve(served, std::move(start), apps_), uncancelled());
    if (served->failure) {
        const auto failure = *served->failure;
        served_.erase(id);
        ports_.erase(id);
        let_go(std::move(served));
        co_return failure;
    }
    *ports = std::exchange(served->ports, {});
    let_go(std::move(served));
    ContainerRun run;
    if (behaviour.exits_after) run.exits_at = clock_.now() + *behaviour.exits_after;
    co_return run;
}

void SocketRuntime::serve_also(const ContainerId& id, const std::string& ip, std::uint16_t port) {
    const auto found = served_.find(id);
    if (found == served_.end()) return;
    boost::asio::post(
        traffic_,
        [served = found->second, ip, port, control = control_, known = ports_.at(id)]() mutable {
            if (served->server == nullptr || !served->app->serves_any_port()) return;
            // Taken already: it listens there.
            if (!served->server->listen(ip, port)) return;
            boost::asio::post(control,
                              [known = std::move(known), port] { known->push_back(port); });
        });
}

void SocketRuntime::set_fault(const ContainerId& id, const PodFault& fault) {
    const auto found = served_.find(id);
    if (found == served_.end()) return;
    boost::asio::post(traffic_, [served = found->second, fault] { served->faults->set(fault); });
}

std::vector<std::uint16_t> SocketRuntime::ports_of(const ContainerId& id) const {
    const auto found = ports_.find(id);
    return found == ports_.end() ? std::vector<std::uint16_t>{} : *found->second;
}

Task<> SocketRuntime::stop(ContainerId id, Duration grace) {
    const auto found = served_.find(id);
    if (found == served_.end()) co_return;
    auto served = std::move(found->second);
    served_.erase(found);
    ports_.erase(id);
    co_await boost::asio::co_spawn(traffic_, end_serving(std::move(served), grace), uncancelled());
}

Task<ProbeOutcome> SocketRuntime::probe(ProbeCall call) {
    switch (call.how) {
        case ProbeHow::http:
            co_return co_await ask(std::move(call));
        case ProbeHow::tcp:
            co_return co_await connect(std::move(call));
        case ProbeHow::exec:
        case ProbeHow::grpc:
            break;
    }
    // No command runs here, and nobody speaks gRPC.
    co_return ProbeOutcome{true};
}

Task<ProbeOutcome> SocketRuntime::ask(ProbeCall call) {
    const auto url = fmt::format("http://{}:{}{}", call.ip, call.port, call.path);
    net::Request request;
    request.origin = {false, call.ip, call.port};
    request.target = call.path;
    request.timeout = call.timeout;
    request.headers.set("User-Agent", probe_agent);
    request.headers.set("Accept", "*/*");
    request.headers.set("Connection", "close");
    if (!call.host.empty()) request.headers.set("Host", call.host);
    for (const auto& [name, value] : call.headers) request.headers.add(name, value);
    const auto answer = co_await client_.send(std::move(request));
    if (!answer) co_return ProbeOutcome{false, dial_error(call, answer.error(), url)};
    if (answer->status >= 200 && answer->status < 400) co_return ProbeOutcome{true};
    co_return ProbeOutcome{false,
                           fmt::format("HTTP probe failed with statuscode: {}", answer->status)};
}

// Whoever answers at all has accepted the connection.
Task<ProbeOutcome> SocketRuntime::connect(ProbeCall call) {
    net::Request request;
    request.method = "HEAD";
    request.origin = {false, call.ip, call.port};
    request.timeout = call.timeout;
    request.headers.set("Connection", "close");
    const auto answer = co_await client_.send(std::move(request));
    if (!answer && (answer.error().kind == ErrorKind::unreachable ||
                    answer.error().kind == ErrorKind::timed_out)) {
        co_return ProbeOutcome{false, dial_error(call, answer.error(), {})};
    }
    co_return ProbeOutcome{true};
}

std::optional<Time> SocketRuntime::steady_until(const ContainerId&) const {
    return std::nullopt;
}

}  // namespace sluice::lab
