// A few pods with real sockets: what virtual time cannot show.
#include "lab/workloads/socket_runtime.hpp"

#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/pod_questions.hpp"
#include "lab/workloads/workload_controllers.hpp"
#include "net/client.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <optional>
#include <thread>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The lab's two threads; the test runs on the control thread. Block 15 keeps clear of other labs.
class TwoThreads {
   public:
    TwoThreads()
        : clock_(make_real_clock()),
          random_(7),
          client_(std::in_place, control_.get_executor(), *clock_),
          cluster_(*clock_, random_),
          runtime_(std::in_place,
                   control_.get_executor(),
                   traffic_.get_executor(),
                   *clock_,
                   *client_,
                   built_in_apps(),
                   SocketRuntimeOptions{.block = 15}),
          tasks_(control_.get_executor()),
          thread_([this] { traffic_.run(); }) {
        cluster_.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(control_, std::move(work)); });
        logs_.emplace(control_.get_executor(), cluster_);
        controllers_.emplace(control_.get_executor(), cluster_);
        kubelet_.emplace(control_.get_executor(),
                         cluster_,
                         *runtime_,
                         *logs_,
                         ImageMap{},
                         KubeletOptions{.linger = milliseconds{50}});
        controllers_->start();
        kubelet_->start();
    }
    TwoThreads(const TwoThreads&) = delete;
    TwoThreads& operator=(const TwoThreads&) = delete;
    ~TwoThreads() {
        bool stopped = false;
        tasks_.spawn("stop", stop(stopped));
        run_until([&stopped] { return stopped; });
        kubelet_.reset();
        controllers_.reset();
        runtime_.reset();
        boost::asio::post(traffic_, [this] { work_.reset(); });
        thread_.join();
        client_.reset();
        control_.restart();
        control_.run();
    }

    // Bounded: 10 s.
    void run_until(const std::function<bool()>& done) {
        const auto end = clock_->now() + seconds{10};
        while (!done() && clock_->now() < end) run_for(milliseconds{10});
        CHECK(done());
    }
    void run_for(milliseconds duration) {
        control_.restart();
        control_.run_for(duration);
    }

    void create_pod(const std::string& image, const Json& container = JsonObject{}) {
        Json web = {{"name", "web"}, {"image", image}};
        apply_merge_patch(web, container);
        const auto created = cluster_.create(
            resources::pods,
            {{"apiVersion", "v1"},
             {"kind", "Pod"},
             {"metadata",
              {{"name", "web"}, {"namespace", "default"}, {"labels", {{"app", "web"}}}}},
             {"spec", {{"containers", JsonArray{web}}}}});
        REQUIRE(created.has_value());
    }
    Json pod() {
        const auto found = cluster_.find(resources::pods, {"default", "web"});
        return found == nullptr ? Json(nullptr) : *found;
    }
    bool is_ready() {
        for (const auto& status : array_at(pod(), {"status", "containerStatuses"})) {
            if (bool_at(status, {"ready"}).value_or(false)) return true;
        }
        return false;
    }
    std::optional<net::Response> ask(const std::string& method, const std::string& path) {
        std::optional<Result<net::Response>> answer;
        net::Request request;
        request.method = method;
        request.origin = {false, std::string(text_at(pod(), {"status", "podIP"})), 9898};
        request.target = path;
        tasks_.spawn("ask", keep(std::move(request), answer));
        run_until([&answer] { return answer.has_value(); });
        if (!answer || !*answer) return std::nullopt;
        return std::move(**answer);
    }
    // What its container has said so far.
    std::string log() {
        auto body = logs_->open({"default", "web"}, {});
        if (!body) return body.error().message;
        std::optional<std::string> text;
        tasks_.spawn("log", read(std::move(*body), text));
        run_until([&text] { return text.has_value(); });
        return text.value_or("");
    }
    Cluster& cluster() { return cluster_; }
    Kubelet& kubelet() { return *kubelet_; }
    Clock& clock() { return *clock_; }
    std::vector<std::string> event_messages() {
        std::vector<std::string> all;
        for (const auto& event : cluster_.list(resources::events, "default")) {
            all.emplace_back(text_at(*event, {"message"}));
        }
        return all;
    }

   private:
    Task<> stop(bool& stopped) {
        co_await kubelet_->stop();
        stopped = true;
    }
    Task<> read(std::unique_ptr<net::BodyReader> body, std::optional<std::string>& text) {
        text = (co_await body->next()).value_or("");
    }
    Task<> keep(net::Request request, std::optional<Result<net::Response>>& answer) {
        answer = co_await client_->send(std::move(request));
    }

    boost::asio::io_context control_;
    boost::asio::io_context traffic_;
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_{
        traffic_.get_executor()};
    std::unique_ptr<Clock> clock_;
    SeededRandom random_;
    std::optional<net::SocketClient> client_;
    Cluster cluster_;
    std::optional<SocketRuntime> runtime_;
    std::optional<ContainerLogs> logs_;
    std::optional<WorkloadControllers> controllers_;
    std::optional<Kubelet> kubelet_;
    TaskGroup tasks_;
    std::thread thread_;
};

Json podinfo_container() {
    const auto check = [](const char* path) {
        return JsonArray{Json("podcli"),
                         Json("check"),
                         Json("http"),
                         Json(std::string("localhost:9898") + path)};
    };
    return {{"ports", JsonArray{Json{{"name", "http"}, {"containerPort", 9898}}}},
            {"readinessProbe", {{"exec", {{"command", check("/readyz")}}}, {"periodSeconds", 1}}},
            {"livenessProbe", {{"exec", {{"command", check("/healthz")}}}, {"periodSeconds", 1}}}};
}

}  // namespace

TEST_CASE("a pod answers at its own address once its probe has passed") {
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0", podinfo_container());
    lab.run_until([&lab] { return lab.is_ready(); });
    const auto answer = lab.ask("GET", "/version");
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(answer->body.find("6.0.0") != std::string::npos);
    CHECK(text_at(lab.pod(), {"status", "podIP"}).starts_with("127.79."));
}

TEST_CASE("a pod that says it is unready is so after three probes, with the kubelet's words") {
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0", podinfo_container());
    lab.run_until([&lab] { return lab.is_ready(); });
    CHECK(lab.ask("POST", "/readyz/disable")->status == 202);
    lab.run_until([&lab] { return !lab.is_ready(); });
    const auto messages = lab.event_messages();
    CHECK(std::ranges::count(
              messages, "Readiness probe failed: HTTP probe failed with statuscode: 503") == 1);
}

TEST_CASE("a probe of a port where nobody listens is refused") {
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0",
                   {{"ports", JsonArray{Json{{"containerPort", 9898}}}},
                    {"readinessProbe", {{"httpGet", {{"port", 9999}, {"path", "/readyz"}}}}}});
    const auto said = [&lab] {
        for (const auto& message : lab.event_messages()) {
            if (message.starts_with("Readiness probe failed: Get \"http://127.79.") &&
                message.ends_with(":9999: connect: connection refused")) {
                return true;
            }
        }
        return false;
    };
    lab.run_until(said);
    CHECK_FALSE(lab.is_ready());
}

TEST_CASE("an unknown image is served wherever a Service sends requests") {
    TwoThreads lab;
    lab.create_pod("demo:1");
    lab.run_until([&lab] { return lab.is_ready(); });
    const auto created =
        lab.cluster().create(resources::services,
                             {{"apiVersion", "v1"},
                              {"kind", "Service"},
                              {"metadata", {{"name", "web"}, {"namespace", "default"}}},
                              {"spec",
                               {{"selector", {{"app", "web"}}},
                                {"ports", JsonArray{Json{{"port", 80}, {"targetPort", 9898}}}}}}});
    REQUIRE(created.has_value());
    std::optional<net::Response> answer;
    lab.run_until([&lab, &answer] {
        answer = lab.ask("GET", "/");
        return answer.has_value();
    });
    REQUIRE(answer.has_value());
    CHECK(answer->body.find("\"image\":\"demo:1\"") != std::string::npos);
}

TEST_CASE("a pod's fault strikes its answers, is counted by its app, and spares its probes") {
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0", podinfo_container());
    lab.run_until([&lab] { return lab.is_ready(); });
    const ObjectKey web{"default", "web"};
    REQUIRE(lab.kubelet().set_fault(
        web, {.p50 = milliseconds{30}, .p99 = milliseconds{30}, .error_ratio = 0.5}));
    const auto began = lab.clock().now();
    CHECK(lab.ask("GET", "/version")->status == 200);
    CHECK(lab.ask("GET", "/version")->status == 500);
    CHECK(lab.ask("GET", "/version")->status == 200);
    CHECK(lab.clock().now() - began >= milliseconds{90});
    // Its probes come each second.
    lab.run_for(milliseconds{2500});
    CHECK(lab.is_ready());
    REQUIRE(lab.kubelet().set_fault(web, {}));
    for (int i = 0; i < 4; ++i) CHECK(lab.ask("GET", "/version")->status == 200);
    const auto metrics = lab.ask("GET", "/metrics")->body;
    CHECK(metrics.find("http_requests_total{status=\"500\"} 1\n") != std::string::npos);
}

TEST_CASE("a container that was ended runs again, restarted, with its pod's fault") {
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0", podinfo_container());
    lab.run_until([&lab] { return lab.is_ready(); });
    const ObjectKey web{"default", "web"};
    const auto pods = lab.kubelet().pods();
    REQUIRE(pods.size() == 1);
    REQUIRE(pods[0].containers.size() == 1);
    CHECK(pods[0].containers[0].app == "podinfo");
    CHECK(pods[0].containers[0].ports == std::vector<std::uint16_t>{9898});
    REQUIRE(lab.kubelet().set_fault(web, {.error_ratio = 1}));
    REQUIRE(lab.kubelet().crash(web));
    CHECK(lab.kubelet().pods()[0].containers.empty());
    CHECK(lab.kubelet().crash(web).error().message == "no container of pod default/web runs now");
    const auto restarts = [&lab] {
        const auto pod = lab.pod();
        const auto& containers = array_at(pod, {"status", "containerStatuses"});
        return containers.empty() ? 0
                                  : integer_at(containers.front(), {"restartCount"}).value_or(0);
    };
    lab.run_until([&] { return restarts() == 1 && lab.is_ready(); });
    CHECK(lab.ask("GET", "/version")->status == 500);
    CHECK(lab.kubelet().pods()[0].fault.error_ratio == 1);
}

TEST_CASE("podinfo says what the ConfigMap said when its container was started") {
    TwoThreads lab;
    const auto settings = [](std::string_view message) -> Json {
        return {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", "settings"}, {"namespace", "default"}}},
                {"data", {{"PODINFO_UI_MESSAGE", message}}}};
    };
    REQUIRE(lab.cluster().create(resources::config_maps, settings("hello")).has_value());
    auto container = podinfo_container();
    put(container, {"envFrom"}, JsonArray{Json{{"configMapRef", {{"name", "settings"}}}}});
    lab.create_pod("stefanprodan/podinfo:6.0.0", container);
    lab.run_until([&lab] { return lab.is_ready(); });
    const auto says = [&lab](std::string_view message) {
        const auto answer = lab.ask("GET", "/");
        return answer &&
               answer->body.find(fmt::format("\"message\": \"{}\"", message)) != std::string::npos;
    };
    CHECK(says("hello"));
    REQUIRE(lab.cluster().update(resources::config_maps, settings("goodbye")).has_value());
    lab.run_for(milliseconds{200});
    CHECK(says("hello"));
    REQUIRE(lab.kubelet().crash({"default", "web"}));
    lab.run_until([&lab] { return restarts_of(lab.pod()) == 1 && lab.is_ready(); });
    CHECK(says("goodbye"));
}

TEST_CASE("a container's arguments name its variables") {
    TwoThreads lab;
    auto container = podinfo_container();
    put(container, {"env"}, JsonArray{Json{{"name", "PORT"}, {"value", "9899"}}});
    put(container, {"args"}, JsonArray{"--port=$(PORT)"});
    lab.create_pod("stefanprodan/podinfo:6.0.0", container);
    lab.run_until([&lab] { return lab.is_ready(); });
    CHECK(lab.log().find("\"port\":\"9899\"") != std::string::npos);
}

TEST_CASE("a pod that hangs is no longer ready, and one that starts slowly not yet") {
    TwoThreads lab;
    // Its liveness probe would start it again.
    auto container = podinfo_container();
    container.as_object().erase("livenessProbe");
    lab.create_pod("stefanprodan/podinfo:6.0.0", container);
    lab.run_until([&lab] { return lab.is_ready(); });
    const ObjectKey web{"default", "web"};
    REQUIRE(lab.kubelet().set_fault(web, {.hangs = true, .slow_start = std::chrono::seconds{2}}));
    lab.run_until([&lab] { return !lab.is_ready(); });
    CHECK(lab.kubelet().pods()[0].fault.hangs);
    // Started again it hangs no longer, but takes its time.
    REQUIRE(lab.kubelet().crash(web));
    std::optional<net::Response> answer;
    lab.run_until([&] {
        answer = lab.ask("GET", "/version");
        return answer.has_value();
    });
    CHECK(answer->status == 503);
    CHECK_FALSE(lab.kubelet().pods()[0].fault.hangs);
    lab.run_until([&lab] { return lab.is_ready(); });
    CHECK(lab.ask("GET", "/version")->status == 200);
    CHECK(lab.kubelet().pods()[0].fault.slow_start == std::chrono::seconds{2});
}

TEST_CASE("a deleted pod no longer listens") {
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0", podinfo_container());
    lab.run_until([&lab] { return lab.is_ready(); });
    const auto ip = std::string(text_at(lab.pod(), {"status", "podIP"}));
    REQUIRE(lab.cluster().remove(resources::pods, {"default", "web"}).has_value());
    lab.run_until([&lab] { return lab.pod().is_null(); });
    boost::asio::io_context context;
    boost::asio::ip::tcp::socket socket(context);
    boost::system::error_code error;
    socket.connect({boost::asio::ip::make_address(ip), 9898}, error);
    CHECK(error == boost::asio::error::connection_refused);
}

TEST_CASE("an address whose port is taken is passed over") {
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor taken(
        context, {boost::asio::ip::make_address("127.79.0.2"), 9898}, true);
    TwoThreads lab;
    lab.create_pod("stefanprodan/podinfo:6.0.0", podinfo_container());
    lab.run_until([&lab] { return lab.is_ready(); });
    CHECK(text_at(lab.pod(), {"status", "podIP"}) == "127.79.0.3");
}

}  // namespace sluice::lab
