// Connections that are no HTTP, in virtual time: pods are pipes (mesh-and-dashboard.md 1.8b, 2.1).
#include "lab/mesh/connections.hpp"

#include "base/async/signal.hpp"
#include "lab/mesh/proxy_state.hpp"
#include "lab/mesh/sni.hpp"
#include "unit/lab/mesh/a_mesh.hpp"

using namespace sluice;
using namespace sluice::mesh;
using namespace sluice::mesh::testing;

namespace {

// Both ends of a connection in memory: what one writes the other reads.
struct Pipe {
    explicit Pipe(Executor executor) : changed(std::move(executor)) {}
    Signal changed;
    std::string waiting;
    bool has_ended = false, is_broken = false;
};

class PipeEnd final : public net::DuplexStream {
   public:
    PipeEnd(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
        : in_(std::move(in)), out_(std::move(out)) {}
    ~PipeEnd() override { close(); }

    Task<Result<std::string>> read() override {
        auto pipe = in_;
        while (pipe->waiting.empty() && !pipe->has_ended && !pipe->is_broken)
            co_await pipe->changed.wait();
        if (pipe->is_broken && pipe->waiting.empty())
            co_return Error{ErrorKind::unreachable, "reset"};
        co_return std::exchange(pipe->waiting, {});
    }
    Task<Result<void>> write(std::string bytes) override {
        if (out_->is_broken) co_return Error{ErrorKind::unreachable, "reset"};
        out_->waiting += bytes;
        out_->changed.notify_all();
        co_return Result<void>{};
    }
    void end_writing() override {
        out_->has_ended = true;
        out_->changed.notify_all();
    }
    void close() override {
        for (auto* pipe : {in_.get(), out_.get()}) {
            if (!pipe->has_ended) pipe->is_broken = true;
            pipe->changed.notify_all();
        }
    }

   private:
    std::shared_ptr<Pipe> in_, out_;
};

// The far end of each connection to a pod, in the order in which they were made.
class PipedPods final : public net::Connector {
   public:
    explicit PipedPods(Executor executor) : executor_(std::move(executor)) {}
    Task<Result<std::unique_ptr<net::DuplexStream>>> connect(std::string address,
                                                             std::uint16_t port,
                                                             Duration) override {
        asked.push_back(address + ":" + std::to_string(port));
        if (are_away) co_return Error{ErrorKind::unreachable, "connecting: refused"};
        auto [near, far] = pipe();
        ends.push_back(std::move(far));
        co_return std::move(near);
    }
    std::pair<std::unique_ptr<net::DuplexStream>, std::unique_ptr<net::DuplexStream>> pipe() {
        const auto one = std::make_shared<Pipe>(executor_),
                   other = std::make_shared<Pipe>(executor_);
        return {std::make_unique<PipeEnd>(one, other), std::make_unique<PipeEnd>(other, one)};
    }

    std::vector<std::string> asked;
    std::vector<std::unique_ptr<net::DuplexStream>> ends;
    bool are_away = false;

   private:
    Executor executor_;
};

struct AConnectedMesh : AMesh {
    explicit AConnectedMesh(const std::string& yaml) : AMesh(yaml) {}
    ~AConnectedMesh() {
        group.cancel();
        clock.run_for(milliseconds{1});
    }

    // The caller's end of a connection to the gateway's port.
    std::unique_ptr<net::DuplexStream> call(const std::string& listener = "test/edge:6379") {
        auto [near, far] = piped.pipe();
        const auto door = std::make_shared<const Door>(Door{Door::Kind::gateway, listener});
        group.spawn("serve", connections.serve(door, std::move(far)));
        clock.run_for(milliseconds{1});
        return std::move(near);
    }
    void write(net::DuplexStream& to, const std::string& bytes) {
        group.spawn("write", written(to, bytes));
        clock.run_for(milliseconds{1});
    }
    // What has come, "end" at the end, "broken" when it broke, "nothing" when it still waits.
    std::string read(net::DuplexStream& from) {
        std::string got = "nothing";
        TaskGroup reading(context.get_executor());
        reading.spawn("read", read_into(from, got));
        clock.run_for(milliseconds{1});
        reading.cancel();
        clock.run_for(milliseconds{1});
        return got;
    }
    // "source opened 1" and so on, of what is not 0.
    std::vector<std::string> told() {
        std::vector<std::string> lines;
        for (const auto line : split(metrics.exposition(IstioMetrics::Reading::look), '\n')) {
            if (!line.starts_with("istio_tcp_") || line.ends_with(" 0")) continue;
            CHECK(line.find("request_protocol=\"tcp\"") != std::string::npos);
            const auto name = line.substr(10, line.find("_total") - 10);
            const auto flags = line.find("response_flags=\"") + 16;
            const auto to = line.find("destination_workload=\"") + 22;
            lines.push_back(
                fmt::format("{} {}->{} {} {}",
                            line.find("\"source\"") != std::string::npos ? "source" : "destination",
                            line.substr(flags, line.find('"', flags) - flags),
                            line.substr(to, line.find('"', to) - to),
                            name,
                            line.substr(line.rfind(' ') + 1)));
        }
        return lines;
    }

    PipedPods piped{context.get_executor()};
    Connections connections{proxy, piped};
    TaskGroup group{context.get_executor()};

   private:
    static Task<> written(net::DuplexStream& to, std::string bytes) {
        (void)co_await to.write(std::move(bytes));
    }
    static Task<> read_into(net::DuplexStream& from, std::string& got) {
        const auto bytes = co_await from.read();
        got = !bytes ? "broken" : bytes->empty() ? "end" : *bytes;
    }
};

std::string edge(const std::string& protocol) {
    return R"(---
kind: IstioMeshGateway
metadata: {name: edge, namespace: test}
spec: {istioControlPlane: {name: cp, namespace: istio-system}, service: {ports: [{name: t, port: 6379, targetPort: 6379}]}}
---
kind: Gateway
metadata: {name: edge, namespace: test}
spec: {selector: {gateway-name: edge}, servers: [{port: {number: 6379, name: t, protocol: )" +
           protocol + R"(}, hosts: ["*"]}]}
)";
}

const std::string two_stores =
    service("test", "a", {{.workload = "a", .address = "127.64.0.1", .port = 6379}}) +
    service("test", "b", {{.workload = "b", .address = "127.64.0.2", .port = 6379}});

std::string to_stores(int b) {
    return fmt::format(
        "---\nkind: VirtualService\nmetadata: {{name: v, namespace: test}}\nspec: {{hosts: ['*'], "
        "gateways: [edge], tcp: [{{route: [{{destination: {{host: a}}, weight: {}}}, "
        "{{destination: "
        "{{host: b}}, weight: {}}}]}}]}}\n",
        100 - b,
        b);
}

// A ClientHello that asks for this name.
std::string client_hello(const std::string& name) {
    const auto sized = [](std::size_t width, const std::string& bytes) {
        std::string out;
        for (std::size_t i = width; i-- > 0;)
            out += static_cast<char>(bytes.size() >> (8 * i) & 0xff);
        return out + bytes;
    };
    const auto entry = std::string(1, '\0') + sized(2, name);
    const auto extension = std::string("\0\0", 2) + sized(2, sized(2, entry));
    const auto other = std::string("\0\x2b", 2) + sized(2, "xx");
    const auto body = "\3\3" + std::string(32, 'r') + sized(1, "") + sized(2, "\x13\x01") +
                      sized(1, std::string(1, '\0')) + sized(2, other + extension);
    return "\x16\3\1" + sized(2, "\1" + sized(3, body));
}

}  // namespace

TEST_CASE("bytes go both ways through a gateway's TCP port, and are counted on both sides") {
    AConnectedMesh mesh(edge("TCP") + two_stores + to_stores(0));
    auto caller = mesh.call();
    REQUIRE(mesh.piped.ends.size() == 1);
    CHECK(mesh.piped.asked == Lines{"127.64.0.1:6379"});
    auto& pod = *mesh.piped.ends.front();
    mesh.write(*caller, "PING");
    CHECK(mesh.read(pod) == "PING");
    mesh.write(pod, "+PONG!");
    CHECK(mesh.read(*caller) == "+PONG!");
    CHECK(mesh.told() ==
          Lines{"source -->a connections_opened 1", "destination -->a connections_opened 1"});

    // One side has said all, the other one goes on.
    caller->end_writing();
    CHECK(mesh.read(pod) == "end");
    mesh.write(pod, "late");
    CHECK(mesh.read(*caller) == "late");
    pod.end_writing();
    CHECK(mesh.read(*caller) == "end");
    CHECK(mesh.told() == Lines{"source -->a connections_opened 1",
                               "destination -->a connections_opened 1",
                               "source -->a connections_closed 1",
                               "destination -->a connections_closed 1",
                               "source -->a sent_bytes 10",
                               "destination -->a sent_bytes 10",
                               "source -->a received_bytes 4",
                               "destination -->a received_bytes 4"});
    CHECK(mesh.proxy.state().active.empty());
}

TEST_CASE("bytes are counted while the connection is open") {
    AConnectedMesh mesh(edge("TCP") + two_stores + to_stores(0));
    auto caller = mesh.call();
    mesh.write(*caller, "1234");
    mesh.clock.run_for(seconds{6});
    mesh.write(*caller, "56");
    const auto told = mesh.told();
    CHECK(std::find(told.begin(), told.end(), "source -->a received_bytes 6") != told.end());
    CHECK(std::find(told.begin(), told.end(), "source -->a connections_closed 1") == told.end());
}

TEST_CASE("weights are of connections, and exact over a hundred") {
    AConnectedMesh mesh(edge("TCP") + two_stores + to_stores(20));
    for (int i = 0; i < 100; ++i) mesh.call();
    CHECK(std::count(mesh.piped.asked.begin(), mesh.piped.asked.end(), "127.64.0.2:6379") == 20);
}

TEST_CASE("when one side breaks off the other one is cut, too") {
    AConnectedMesh mesh(edge("TCP") + two_stores + to_stores(0));
    auto caller = mesh.call();
    caller->close();
    mesh.clock.run_for(milliseconds{1});
    CHECK(mesh.read(*mesh.piped.ends.front()) == "broken");
    auto another = mesh.call();
    mesh.piped.ends.back()->close();
    mesh.clock.run_for(milliseconds{1});
    CHECK(mesh.read(*another) == "broken");
    CHECK(mesh.proxy.state().active.empty());
}

TEST_CASE("a connection that reaches nobody is closed, and says why in its flags") {
    AConnectedMesh mesh(edge("TCP") + two_stores);
    CHECK(mesh.read(*mesh.call()) == "broken");
    CHECK(mesh.told() == Lines{"source NR->unknown connections_opened 1",
                               "source NR->unknown connections_closed 1"});
    add(mesh.builder, to_stores(0));
    mesh.use();
    mesh.piped.are_away = true;
    CHECK(mesh.read(*mesh.call()) == "broken");
    const auto told = mesh.told();
    CHECK(std::find(told.begin(), told.end(), "source UF->unknown connections_opened 1") !=
          told.end());
}

TEST_CASE("a route may ask for a gateway, a caller or a network") {
    AConnectedMesh mesh(two_stores + R"(---
kind: VirtualService
metadata: {name: v, namespace: test}
spec:
  hosts: [a]
  tcp:
  - match: [{sourceLabels: {app: other}}, {destinationSubnets: [10.0.0.0/8]}]
    route: [{destination: {host: nowhere}}]
  - match: [{port: 9898, sourceLabels: {app: web}}]
    route: [{destination: {host: b}}]
)");
    const auto reached = [&](const std::string& authority) {
        mesh.piped.asked.clear();
        bool has_opened = false;
        mesh.group.spawn("open", [](AConnectedMesh& all, std::string host, bool& done) -> Task<> {
            done = (co_await all.connections.open(all.sidecar, host)).has_value();
        }(mesh, authority, has_opened));
        mesh.clock.run_for(milliseconds{1});
        return has_opened ? mesh.piped.asked.at(0) : "nobody";
    };
    CHECK(reached("a:9898") == "127.64.0.2:6379");
    CHECK(reached("b.test:9898") == "127.64.0.2:6379");
    CHECK(reached("a:81") == "nobody");
    CHECK(reached("example.com:9898") == "nobody");
}

TEST_CASE("a TLS connection goes by the name that it asks for, and arrives as it was sent") {
    AConnectedMesh mesh(edge("TLS") + two_stores + R"(---
kind: VirtualService
metadata: {name: v, namespace: test}
spec:
  hosts: ["*.example.com"]
  gateways: [edge]
  tls:
  - match: [{sniHosts: [a.example.com]}]
    route: [{destination: {host: a}}]
  - match: [{sniHosts: ["*.example.com"]}]
    route: [{destination: {host: b}}]
)");
    const auto hello = client_hello("A.example.com");
    auto caller = mesh.call();
    CHECK(mesh.piped.asked.empty());
    mesh.write(*caller, hello.substr(0, 20));
    CHECK(mesh.piped.asked.empty());
    mesh.write(*caller, hello.substr(20));
    CHECK(mesh.piped.asked == Lines{"127.64.0.1:6379"});
    CHECK(mesh.read(*mesh.piped.ends.at(0)) == hello);
    auto other = mesh.call();
    mesh.write(*other, client_hello("x.example.com"));
    CHECK(mesh.piped.asked.back() == "127.64.0.2:6379");
    auto unknown = mesh.call();
    mesh.write(*unknown, client_hello("example.org"));
    CHECK(mesh.read(*unknown) == "broken");
}

TEST_CASE("the name in a ClientHello is read out of however many pieces it comes in") {
    const auto hello = client_hello("web.example.com");
    for (std::size_t size = 0; size < hello.size(); ++size)
        CHECK(read_client_hello(hello.substr(0, size)).is_partial);
    CHECK(read_client_hello(hello).name == "web.example.com");
    CHECK_FALSE(read_client_hello("GET / HTTP/1.1\r\n").is_partial);
    CHECK_FALSE(read_client_hello("GET / HTTP/1.1\r\n").name);
    // Two records, one message.
    const auto message = hello.substr(5);
    const auto record = [](const std::string& bytes) {
        return std::string("\x16\3\1") + static_cast<char>(bytes.size() >> 8) +
               static_cast<char>(bytes.size() & 0xff) + bytes;
    };
    CHECK(read_client_hello(record(message.substr(0, 30)) + record(message.substr(30))).name ==
          "web.example.com");
}
