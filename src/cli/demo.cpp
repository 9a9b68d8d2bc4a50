#include "cli/demo.hpp"

#include "base/async/task_group.hpp"
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "cli/apply.hpp"
#include "cli/demo_view.hpp"
#include "cli/end_signals.hpp"
#include "cli/load.hpp"
#include "cli/manifests.hpp"
#include "cli/running_lab.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "kube/config.hpp"
#include "kube/yaml.hpp"
#include "net/client.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <filesystem>

namespace sluice::cli {
namespace {

namespace resources = kube::resources;
using namespace std::chrono_literals;

const kube::ObjectKey podinfo{"test", "podinfo"};
const kube::ObjectKey gateway{"test", "test-imgw"};

class Demo {
   public:
    Demo(boost::asio::io_context& control, Environment environment, DemoOptions options)
        : control_(control),
          environment_(environment),
          options_(options),
          terminal_(terminal_style(environment.terminal, kube::process_environment().variable)),
          http_(control.get_executor(), environment.clock),
          signals_(control),
          story_(control.get_executor()),
          narration_(control.get_executor()) {}

    Task<Result<int>> play();

   private:
    void end_on_signals();
    void end();
    Task<> tell();
    Task<Result<void>> open_the_story();
    Task<Result<void>> promote_a_good_version();
    Task<Result<void>> roll_back_a_bad_version();
    Result<void> sum_up();
    Task<> leave_it_up();

    Task<Result<void>> apply(std::string_view manifest);
    Task<Result<void>> join_the_mesh();
    Task<Result<void>> wait_for_gateway();
    Task<Result<void>> wait_for_phase(std::string phase, Duration limit);
    Task<Result<void>> set_image(std::string tag);
    Task<Result<void>> stay_with(Duration how_long);
    Task<> send_what_the_article_sends();
    Task<> narrate();
    Task<> show_flows();
    Task<Flow> flow_of(std::string workload);
    Task<std::optional<double>> ask(std::string query);
    Task<> show_table();
    void tell_log_line(std::string_view line);
    void watch_routes();
    std::string version_of(const kube::ObjectKey& deployment) const;

    void step(std::string_view text) { terminal_.line("\n" + terminal_.bold(text)); }
    void command(std::string_view text) {
        terminal_.line(terminal_.dim("  $ ") + std::string(text));
    }
    void say(std::string_view text) { terminal_.prose("  " + std::string(text), 2); }

    boost::asio::io_context& control_;
    Environment environment_;
    DemoOptions options_;
    Terminal terminal_;
    net::SocketClient http_;
    boost::asio::signal_set signals_;
    TaskGroup story_;
    TaskGroup narration_;
    bool is_ended_early_ = false;
    std::optional<Result<void>> told_;  // nothing until the story came to its end
    std::unique_ptr<RunningLab> lab_;
    std::unique_ptr<Load> load_;
    lab::Subscription routes_watch_;
    std::string url_;
    std::string shown_table_;
    std::string shown_phase_;
    int seconds_ = 0;
    int canary_weight_ = 0;
    std::optional<Time> last_halt_;
    std::optional<Time> weight_zero_;
    Seen after_rollback_;
    bool is_judged_ = false;  // the bad version, to its end
    int asked_for_trouble_ = 0;
    std::string good_ = "6.1.0";
    std::string bad_ = "6.1.1-slow";
};

Task<Result<int>> Demo::play() {
    terminal_.prose(terminal_.bold("sluice demo") +
                        " – a canary promoted and a bad one rolled back, on this machine",
                    0);
    end_on_signals();
    LabOptions options;
    options.drain_delay = options_.as_written ? Duration{10s} : Duration{3s};
    terminal_.live({"starting the lab: cluster, mesh, Prometheus, controller …"});
    auto lab =
        co_await RunningLab::start(control_, environment_.clock, environment_.random, options);
    terminal_.clear();
    if (!lab) co_return lab.error();
    lab_ = std::move(*lab);
    lab_->on_log([this](std::string_view line) { tell_log_line(line); });
    watch_routes();

    story_.spawn("story", tell());
    if (is_ended_early_) story_.cancel();
    co_await story_.wait();

    narration_.cancel();
    co_await narration_.wait();
    if (load_) co_await load_->stop();
    terminal_.clear();
    co_await lab_->stop();
    signals_.cancel();
    if (told_ && !*told_) co_return told_->error();
    if (told_) co_return 0;
    terminal_.line("ended before its end; nothing of it is left running");
    co_return 130;
}

// Whatever ends the demo, it takes its lab down first.
void Demo::end_on_signals() {
    add_end_signals(signals_);
    signals_.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
        if (!error) end();
    });
}

void Demo::end() {
    is_ended_early_ = true;
    story_.cancel();
}

Task<> Demo::tell() {
    Result<void> so_far = co_await open_the_story();
    if (so_far) so_far = co_await promote_a_good_version();
    if (so_far) so_far = co_await roll_back_a_bad_version();
    if (so_far) so_far = sum_up();
    // What a cancelled wait answers is no news.
    if (!is_ended_early_) told_ = so_far;
    if (so_far && options_.keep) co_await leave_it_up();
}

Task<Result<void>> Demo::open_the_story() {
    step("1. An application behind a gateway, and its release policy");
    if (!options_.as_written) {
        say(
            terminal_.dim("(the article's manifests; the analysis interval is shortened from 30s "
                          "to 5s, the drain from 10s to 3s)"));
    }
    const auto manifests = podinfo_example();
    for (std::size_t i = 0; i < manifests.size(); ++i) {
        command(fmt::format("kubectl apply -f {}", manifests[i].name));
        const auto done = co_await apply(manifests[i].text);
        if (!done) co_return done.error();
        if (i == 0) {
            const auto joined = co_await join_the_mesh();
            if (!joined) co_return joined.error();
        }
    }
    narration_.spawn("narration", narrate());
    const auto ready = co_await wait_for_phase("Initialized", 90s);
    if (!ready) co_return ready.error();
    const auto open = co_await wait_for_gateway();
    if (!open) co_return open.error();
    command(fmt::format("hey -z 30m -q 10 -c 2 {}", url_));
    load_ = std::make_unique<Load>(
        control_.get_executor(), environment_.clock, http_, LoadOptions{.url = url_});
    load_->start();
    co_return co_await stay_with(options_.as_written ? Duration{30s} : Duration{4s});
}

Task<Result<void>> Demo::promote_a_good_version() {
    step("2. A good version");
    const auto set = co_await set_image(good_);
    if (!set) co_return set.error();
    const auto began = co_await wait_for_phase("Progressing", 60s);
    if (!began) co_return began.error();
    const auto promoted = co_await wait_for_phase("Succeeded", options_.as_written ? 10min : 90s);
    if (!promoted) co_return promoted.error();
    say(terminal_.green(fmt::format("✓ {} is what users get", good_)));
    co_return Result<void>{};
}

Task<Result<void>> Demo::roll_back_a_bad_version() {
    step("3. A bad version");
    if (options_.as_written) {
        bad_ = "6.1.1";
        say(
            terminal_.dim("(while it is judged, somebody keeps asking for slow and broken answers, "
                          "as in the article:"));
        say(terminal_.dim(
            fmt::format("watch \"curl -s {0}delay/1 && curl -s {0}status/500\")", url_)));
    } else {
        say(terminal_.dim("(one answer in twenty of it takes 1.2 seconds)"));
    }
    last_halt_.reset();
    weight_zero_.reset();
    const auto set = co_await set_image(bad_);
    if (!set) co_return set.error();
    const auto began = co_await wait_for_phase("Progressing", 60s);
    if (!began) co_return began.error();
    if (options_.as_written) narration_.spawn("the article's loop", send_what_the_article_sends());
    const auto failed = co_await wait_for_phase("Failed", options_.as_written ? 10min : 90s);
    is_judged_ = true;
    if (!failed) co_return failed.error();
    say(terminal_.green(fmt::format("✓ {} is gone, users have {}", bad_, good_)));
    load_->forget();
    const auto stayed = co_await stay_with(options_.as_written ? Duration{20s} : Duration{4s});
    if (!stayed) co_return stayed.error();
    for (const auto& [version, seen] : load_->recently()) {
        after_rollback_.requests += seen.requests;
        after_rollback_.slow += seen.slow;
        after_rollback_.failed += seen.failed;
    }
    co_return Result<void>{};
}

Result<void> Demo::sum_up() {
    const auto total = load_->total();
    const auto met = load_->by_version().contains(bad_) ? load_->by_version().at(bad_) : Seen{};
    terminal_.clear();
    step("What users saw");
    const auto row = [this](std::string_view name, std::string_view value) {
        terminal_.line(fmt::format("  {:<48} {}", name, value));
    };
    row("requests served", fmt::format("{}", total.requests));
    row("of them failed", fmt::format("{}", total.failed));
    row(fmt::format("met the bad version ({})", bad_),
        fmt::format("{} ({:.1f}%), {} of them slow",
                    met.requests,
                    total.requests == 0 ? 0.0
                                        : 100.0 * static_cast<double>(met.requests) /
                                              static_cast<double>(total.requests),
                    met.slow));
    if (options_.as_written) {
        row("besides, slow or broken because the loop asked",
            fmt::format("{}", asked_for_trouble_));
    }
    row("slow or failed after the rollback",
        fmt::format(
            "{} of {}", after_rollback_.slow + after_rollback_.failed, after_rollback_.requests));
    if (last_halt_ && weight_zero_) {
        row("from the deciding evidence to weight 0",
            fmt::format("{:.3f} s",
                        std::chrono::duration<double>(*weight_zero_ - *last_halt_).count()));
    }
    if (total.failed > 0 && !options_.as_written) {
        return Error{ErrorKind::bad_answer,
                     fmt::format("{} of {} requests failed", total.failed, total.requests)};
    }
    if (after_rollback_.slow + after_rollback_.failed > 0) {
        return Error{ErrorKind::bad_answer,
                     fmt::format("{} requests were slow or failed after the rollback",
                                 after_rollback_.slow + after_rollback_.failed)};
    }
    if (!last_halt_ || !weight_zero_) {
        return Error{ErrorKind::bad_answer, "the rollback was not decided by failed checks"};
    }
    return {};
}

// Until a signal.
Task<> Demo::leave_it_up() {
    std::error_code unknown;
    auto own = std::filesystem::read_symlink("/proc/self/exe", unknown);
    const auto here = std::filesystem::current_path(unknown);
    if (const auto below = own.lexically_relative(here); !below.empty() && *below.begin() != "..")
        own = below;
    step("The lab stays up, and so do its 20 requests a second.");
    if (const auto url = lab_->dashboard_url(); !url.empty()) {
        say("Dashboard: " + terminal_.bold(url));
    }
    say("From another terminal:");
    command(fmt::format("export KUBECONFIG={}", lab_->kubeconfig().string()));
    command("kubectl get canaries -n test -o wide");
    command("kubectl -n smm-system logs deployment/flagger -f");
    command("kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:6.2.0");
    command(fmt::format("curl {}", url_));
    command(fmt::format("hey -z 10s -q 10 -c 2 {}", url_));
    command(fmt::format("{} lab down --dir {}", own.string(), lab_->dir().string()));
    say(terminal_.dim("Ctrl-C here ends it too."));
    terminal_.line("");
    while (true) co_await environment_.clock.sleep_for(1h);  // ends by a signal
}

Task<Result<void>> Demo::apply(std::string_view manifest) {
    std::string text(manifest);
    if (!options_.as_written && manifest.find("kind: Canary\n") != std::string_view::npos) {
        auto documents = kube::parse_yaml_documents(manifest);
        if (!documents) co_return documents.error();
        put(documents->front(), {"spec", "analysis", "interval"}, Json("5s"));
        text = kube::to_yaml(documents->front());
    }
    const auto lines = co_await apply_manifests(lab_->client(), std::move(text));
    if (!lines) co_return lines.error();
    for (const auto& line : *lines) say(line);
    co_return Result<void>{};
}

Task<Result<void>> Demo::join_the_mesh() {
    command("sluice inject on test");
    Json patch;
    put(patch, {"metadata", "labels", "istio.io/rev"}, Json("cp-v112x.istio-system"));
    const auto done =
        co_await lab_->client().merge_patch(resources::namespaces, {"", "test"}, std::move(patch));
    if (!done) co_return done.error().with("labelling namespace test");
    say("namespace/test injected by cp-v112x.istio-system");
    co_return Result<void>{};
}

Task<Result<void>> Demo::wait_for_gateway() {
    const auto limit = environment_.clock.now() + 30s;
    while (environment_.clock.now() < limit) {
        const auto url = lab_->gateway_url(gateway);
        if (url) {
            auto request = net::request_for(*url);
            if (!request) co_return request.error();
            const auto answer = co_await http_.send(std::move(*request));
            if (answer && answer->status == 200) {
                url_ = *url;
                co_return Result<void>{};
            }
        }
        co_await environment_.clock.sleep_for(100ms);
    }
    co_return Error{ErrorKind::timed_out,
                    "gateway test/test-imgw does not lead to podinfo after 30s"};
}

Task<Result<void>> Demo::wait_for_phase(std::string phase, Duration limit) {
    const auto end = environment_.clock.now() + limit;
    std::string last;
    while (environment_.clock.now() < end) {
        const auto canary = lab_->cluster().find(resources::canaries, podinfo);
        last = canary ? text_at(*canary, {"status", "phase"}) : "";
        if (last == phase) {
            co_await show_table();
            co_return Result<void>{};
        }
        if ((last == "Failed" && phase == "Succeeded") ||
            (last == "Succeeded" && phase == "Failed"))
            break;
        co_await environment_.clock.sleep_for(50ms);
    }
    co_return Error{ErrorKind::timed_out,
                    fmt::format("Canary test/podinfo is {} and not {} after {}",
                                last.empty() ? "unseen" : last,
                                phase,
                                go_text(limit))};
}

Task<Result<void>> Demo::set_image(std::string tag) {
    command(fmt::format(
        "kubectl -n test set image deployment/podinfo podinfod=stefanprodan/podinfo:{}", tag));
    const auto deployment = lab_->cluster().find(resources::deployments, podinfo);
    if (!deployment) co_return Error{ErrorKind::not_found, "Deployment test/podinfo is gone"};
    auto containers = array_at(*deployment, {"spec", "template", "spec", "containers"});
    put(containers.at(0), {"image"}, Json("stefanprodan/podinfo:" + tag));
    Json patch;
    put(patch, {"spec", "template", "spec", "containers"}, containers);
    const auto done =
        co_await lab_->client().merge_patch(resources::deployments, podinfo, std::move(patch));
    if (!done) co_return done.error().with("setting the image of Deployment test/podinfo");
    co_return Result<void>{};
}

Task<Result<void>> Demo::stay_with(Duration how_long) {
    co_await environment_.clock.sleep_for(how_long);
    co_return Result<void>{};
}

// watch "curl -s http://$INGRESS_IP/delay/1 && curl -s http://$INGRESS_IP/status/500": every two
// seconds, one after the other.
Task<> Demo::send_what_the_article_sends() {
    while (!is_judged_) {
        for (const auto* path : {"delay/1", "status/500"}) {
            auto request = net::request_for(url_ + path);
            if (!request) co_return;
            ++asked_for_trouble_;
            const auto answer = co_await http_.send(std::move(*request));
            if (!answer) break;
        }
        co_await environment_.clock.sleep_for(2s);
    }
}

// The table at each change of the phase, the figures every second.
Task<> Demo::narrate() {
    constexpr int looks_per_second = 10;
    for (int look = 1;; ++look) {  // ends with the demo
        co_await environment_.clock.sleep_for(Duration{1s} / looks_per_second);
        if (terminal_.is_gone()) end();
        const auto canary = lab_->cluster().find(resources::canaries, podinfo);
        const std::string phase(canary ? text_at(*canary, {"status", "phase"}) : "");
        if (phase != shown_phase_) {
            shown_phase_ = phase;
            co_await show_table();
        }
        if (load_ && look % looks_per_second == 0) co_await show_flows();
    }
}

Task<> Demo::show_flows() {
    ++seconds_;
    // Elsewhere than on a terminal every line stays: one for each round of checks is enough.
    if (!terminal_.is_live() && seconds_ % (options_.as_written ? 30 : 5) != 0) co_return;
    const auto canary = lab_->cluster().find(resources::canaries, podinfo);
    if (!canary) co_return;
    ReleaseView release{
        .phase = std::string(text_at(*canary, {"status", "phase"})),
        .failed_checks =
            static_cast<int>(integer_at(*canary, {"status", "failedChecks"}).value_or(0)),
        .threshold =
            static_cast<int>(integer_at(*canary, {"spec", "analysis", "threshold"}).value_or(0)),
        .primary = {.version = version_of({"test", "podinfo-primary"}),
                    .weight = 100 - canary_weight_,
                    .flow = co_await flow_of("podinfo-primary")}};
    const auto target = lab_->cluster().find(resources::deployments, podinfo);
    if (target && integer_at(*target, {"spec", "replicas"}).value_or(0) > 0) {
        release.canary = VersionView{.version = version_of(podinfo),
                                     .weight = canary_weight_,
                                     .flow = co_await flow_of("podinfo")};
    }
    if (terminal_.is_live()) {
        terminal_.live(live_block(release, terminal_));
    } else if (release.primary.flow.per_second > 0) {
        terminal_.line(plain_line(release));
    }
}

Task<Flow> Demo::flow_of(std::string workload) {
    const auto labels = fmt::format(
        R"(reporter="destination",destination_workload_namespace="test",destination_workload="{}")",
        workload);
    const auto requests = fmt::format("sum(rate(istio_requests_total{{{}}}[10s]))", labels);
    Flow flow;
    flow.per_second = (co_await ask(requests)).value_or(0);
    flow.success_percent = co_await ask(
        fmt::format(R"(sum(rate(istio_requests_total{{{},response_code!~"5.*"}}[10s])) / {} * 100)",
                    labels,
                    requests));
    flow.p99_ms = co_await ask(
        fmt::format("histogram_quantile(0.99, "
                    "sum(rate(istio_request_duration_milliseconds_bucket{{{}}}[10s])) by (le))",
                    labels));
    co_return flow;
}

Task<std::optional<double>> Demo::ask(std::string query) {
    auto request =
        net::request_for(lab_->metrics_url() + "/api/v1/query?query=" + percent_encoded(query));
    if (!request) co_return std::nullopt;
    request->timeout = 2s;
    const auto answer = co_await http_.send(std::move(*request));
    if (!answer || answer->status != 200) co_return std::nullopt;
    const auto body = parse_json(answer->body);
    if (!body) co_return std::nullopt;
    const auto& result = array_at(*body, {"data", "result"});
    if (result.empty()) co_return std::nullopt;
    const auto& value = array_at(result.front(), {"value"});
    if (value.size() != 2 || !value[1].is_string()) co_return std::nullopt;
    const auto number = parse_number(std::string_view(value[1].get_string()));
    if (!number || *number != *number) co_return std::nullopt;
    co_return number;
}

// kubectl get canaries -n test -o wide, when it says something new.
Task<> Demo::show_table() {
    const auto table =
        co_await lab_->client().get_path(kube::path_of(resources::canaries, {"test", ""}),
                                         "application/json;as=Table;v=v1;g=meta.k8s.io");
    if (!table) co_return;
    const auto width = terminal_.width();
    const auto text = wide_table(*table, width == std::string::npos ? width : width - 2);
    if (text.empty() || text.front() == shown_table_) co_return;
    if (shown_table_ == text.back()) co_return;
    shown_table_ = text.back();
    terminal_.line("");
    command("kubectl get canaries -n test -o wide");
    for (const auto& line : text) terminal_.line("  " + line);
    terminal_.line("");
}

void Demo::tell_log_line(std::string_view line) {
    const auto parsed = parse_json(line);
    if (!parsed) return;
    const std::string message(text_at(*parsed, {"msg"}));
    const bool about_canary = !text_at(*parsed, {"canary"}).empty();
    if (about_canary && message.starts_with("Halt ")) last_halt_ = environment_.clock.now();
    if (!about_canary && !message.starts_with("Connected to metrics server")) return;

    const auto time = text_at(*parsed, {"ts"});
    const auto clock = time.size() > 19 ? time.substr(11, 8) : time;
    auto shown = message;
    if (message.starts_with("Halt ") || message.starts_with("Rolling back") ||
        message.starts_with("Canary failed")) {
        shown = terminal_.red(message);
    } else if (message.starts_with("Advance ") || message.starts_with("Promotion completed") ||
               message.starts_with("Initialization done")) {
        shown = terminal_.green(message);
    }
    terminal_.prose(fmt::format("  {} {}", terminal_.dim(clock), shown), 11);
}

void Demo::watch_routes() {
    routes_watch_ =
        lab_->cluster().watch(resources::virtual_services, [this](const lab::Change& change) {
            if (change.kind == lab::ChangeKind::deleted || kube::key_of(*change.object) != podinfo)
                return;
            for (const auto& route : array_at(*change.object, {"spec", "http"})) {
                for (const auto& to : array_at(route, {"route"})) {
                    if (text_at(to, {"destination", "host"}) != "podinfo-canary") continue;
                    const auto weight = static_cast<int>(integer_at(to, {"weight"}).value_or(0));
                    if (weight == 0 && canary_weight_ > 0 && last_halt_)
                        weight_zero_ = environment_.clock.now();
                    canary_weight_ = weight;
                }
            }
        });
}

std::string Demo::version_of(const kube::ObjectKey& deployment) const {
    const auto object = lab_->cluster().find(resources::deployments, deployment);
    if (!object) return "–";
    const auto& containers = array_at(*object, {"spec", "template", "spec", "containers"});
    if (containers.empty()) return "–";
    const auto image = text_at(containers.front(), {"image"});
    return std::string(image.substr(image.rfind(':') + 1));
}

}  // namespace

Task<Result<int>> play_demo(boost::asio::io_context& control,
                            Environment environment,
                            DemoOptions options) {
    Demo demo(control, environment, options);
    co_return co_await demo.play();
}

}  // namespace sluice::cli
