// The dashboard in `sluice controller`, a process of its own beside a cluster with 1 000 Canaries
// (fleet.hpp) and a Prometheus that knows who calls whom: what an answer takes, what a hundred open
// pages cost, what the page weighs on the wire, and how fast it is in Chromium, where there is one.
#include "app/real_world.hpp"
#include "base/async/task_group.hpp"
#include "base/core/text.hpp"
#include "figures.hpp"
#include "fleet.hpp"
#include "net/client.hpp"
#include "timing.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>

namespace sluice::bench {
namespace {

constexpr int canaries = 1'000;
constexpr int active = 10;
constexpr Duration watched = seconds{20};
// A hundred people: most look at the overview, others at the release of theirs, at the topology of
// three namespaces, or at a namespace's workloads.
constexpr int overviews = 60;
constexpr int release_pages = 20;
constexpr int topologies = 15;
constexpr int workload_lists = 5;
constexpr int pages = overviews + release_pages + topologies + workload_lists;
// Three namespaces of fifty releases: a canary and a primary each.
constexpr std::string_view three_hundred = "team-0,team-1,team-2";

std::string text_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("reading " + file);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Each release's gateway calls its primary, at ten requests a second.
class MeshNumbers final : public net::Handler {
   public:
    MeshNumbers() {
        for (int i = 0; i < canaries; ++i) {
            const auto ns = fmt::format("team-{}", i / 50);
            for (const auto* side : {"", "-primary"}) {
                const auto name = fmt::format("app-{}{}", i, side);
                if (!edges_.empty()) edges_ += ',';
                edges_ += fmt::format(
                    R"({{"metric":{{"source_workload":"gateway","source_workload_namespace":"{0}",)"
                    R"("destination_workload":"{1}","destination_workload_namespace":"{0}",)"
                    R"("destination_service":"{1}.{0}.svc.cluster.local","destination_service_name":"{1}",)"
                    R"("destination_service_namespace":"{0}","request_protocol":"http",)"
                    R"("response_code":"200","response_flags":"-"}},"value":[1,"10"]}})",
                    ns,
                    name);
            }
        }
    }

    Task<net::Response> handle(net::Request request) override {
        const auto query = percent_decoded(request.target);
        if (query.starts_with("/api/v1/query_range")) co_return over_time(query);
        const bool is_about_all = query.find("destination_workload_namespace") != std::string::npos;
        const std::string_view one = query.find("histogram_quantile") != std::string::npos ? "20"
                                     : query.find("vector(1)") != std::string::npos        ? "1"
                                                                                           : "100";
        net::Response response;
        response.body = fmt::format(
            R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})",
            is_about_all ? edges_ : fmt::format(R"({{"metric":{{}},"value":[1,"{}"]}})", one));
        co_return response;
    }

   private:
    static std::string between(std::string_view text, std::string_view from, std::string_view to) {
        const auto found = text.find(from);
        if (found == std::string_view::npos) return "";
        const auto begin = found + from.size();
        return std::string(text.substr(begin, text.find(to, begin) - begin));
    }
    // The chart of a release: a line for each of its two workloads.
    static net::Response over_time(std::string_view query) {
        const auto start = parse_integer(between(query, "&start=", "&")).value_or(0);
        const auto end = parse_integer(between(query, "&end=", "&")).value_or(start);
        const auto step = parse_integer(between(query, "&step=", "&")).value_or(1);
        std::string points;
        for (auto at = start; at <= end; at += step)
            points += fmt::format(R"({}[{},"10"])", points.empty() ? "" : ",", at);
        std::string lines;
        for (const auto& name : split(between(query, "destination_workload=~\"", "\""), '|')) {
            lines += fmt::format(
                R"({}{{"metric":{{"destination_workload":"{}","response_code":"200"}},"values":[{}]}})",
                lines.empty() ? "" : ",",
                name,
                points);
        }
        net::Response response;
        response.body = fmt::format(
            R"({{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}})", lines);
        return response;
    }

    std::string edges_;
};

class DashboardMeasurement {
   public:
    DashboardMeasurement(boost::asio::io_context& context,
                         Clock& clock,
                         Random& random,
                         std::string sluice,
                         Figures& figures)
        : figures_(figures),
          clock_(clock),
          http_(context.get_executor(), clock),
          fleet_(context, clock, random),
          prometheus_(context.get_executor(), clock, numbers_),
          sluice_(std::move(sluice)),
          readers_(context.get_executor()) {}

    Task<> take() {
        start();
        co_await until(clock_, milliseconds{20}, "the controller is ready", [this] {
            return is_ready(http_, own_);
        });
        co_await fleet_.add(canaries);
        co_await until(clock_, milliseconds{200}, "all are initialized", [this] {
            return are_all_initialized();
        });
        co_await until_freed();
        const auto nobody = controller_->memory().resident_mib;
        co_await ask();
        co_await browse();
        co_await open_and_watch(nobody);
        is_over_ = true;
        readers_.cancel();
        co_await controller_->stop(clock_);
        stop_();
    }
    void at_end(std::function<void()> stop) { stop_ = std::move(stop); }

   private:
    void start() {
        own_ = {.host = "127.0.0.1", .port = lab::free_port("127.0.0.1").value()};
        page_ = {.host = "127.0.0.1", .port = lab::free_port("127.0.0.1").value()};
        const auto numbers = must(prometheus_.listen("127.0.0.1", 0));
        controller_ = fleet_.start_controller(sluice_,
                                              {.own_port = own_.port,
                                               .prometheus_port = numbers,
                                               .flags = {fmt::format("--ui-port={}", page_.port),
                                                         "--min-interval=1s",
                                                         "--drain-delay=1s"},
                                               .log = scratch_.path("log")});
    }

    Task<bool> are_all_initialized() {
        controller_->must_run();
        co_return fleet_.count_in_phase("Initialized") == canaries;
    }

    // What is freed is given back each minute.
    Task<> until_freed() { co_await clock_.sleep_for(seconds{70}); }

    net::Request request(const std::string& path) const {
        net::Request wanted;
        // A busy machine is no reason to measure nothing.
        wanted.timeout = std::chrono::minutes{5};
        wanted.origin = page_;
        wanted.target = "/api/ui/v1" + path;
        return wanted;
    }

    struct Asked {
        double milliseconds = 0;
        std::size_t bytes = 0;
        Json body;
    };
    Task<Asked> get(std::string path) {
        const auto began = clock_.now();
        auto wanted = request(path);
        const auto response = co_await http_.send(std::move(wanted));
        if (!response) throw std::runtime_error(path + ": " + response.error().message);
        Asked asked{milliseconds_between(began, clock_.now()), response->body.size(), nullptr};
        // The cluster is still being read; the page asks again too.
        if (response->status == 503) {
            co_await clock_.sleep_for(milliseconds{50});
            auto again = co_await get(path);
            co_return Asked{
                milliseconds_between(began, clock_.now()), again.bytes, std::move(again.body)};
        }
        if (response->status != 200) throw std::runtime_error(path + ": " + response->body);
        asked.body = must(parse_json(response->body));
        co_return asked;
    }
    // The median of several, after a first one that reads the cluster.
    Task<Asked> get_again(std::string path) {
        std::vector<Asked> all;
        all.reserve(11);
        for (int i = 0; i < 11; ++i) all.push_back(co_await get(path));
        std::ranges::sort(all, {}, &Asked::milliseconds);
        co_return all[all.size() / 2];
    }

    Task<> ask() {
        const auto add = [&](const std::string& what, const Asked& asked) {
            figures_.push_back(aside("ms", "dashboard: " + what, asked.milliseconds));
            figures_.push_back(aside(
                "KiB", "dashboard: the same, bytes", static_cast<double>(asked.bytes) / 1024));
        };
        add("the first overview, of 1000 releases", co_await get("/overview"));
        // A second for the numbers.
        co_await clock_.sleep_for(seconds{2});
        add("overview of 1000 releases", co_await get_again("/overview"));
        add("list of 1000 releases", co_await get_again("/releases?limit=1000"));
        co_await get(topology_);
        const auto drawn = co_await get_again(topology_);
        add(fmt::format("topology of {} nodes", array_at(drawn.body, {"nodes"}).size()), drawn);
        add("list of 500 workloads", co_await get_again("/workloads?limit=500"));
        topic_ = text_at(drawn.body, {"topic"});
    }

    Task<> listen(net::Request wanted) {
        auto response = co_await http_.open(std::move(wanted));
        // At the end they are all cancelled.
        if (!response && response.error().kind == ErrorKind::cancelled) co_return;
        if (!response) throw std::runtime_error("a stream: " + response.error().message);
        if (!response->stream || response->status != 200)
            throw std::runtime_error(fmt::format("a stream was answered {}", response->status));
        while (true) {
            const auto part = co_await response->stream->next();
            if (!part || part->empty()) co_return;
            bytes_ += part->size();
        }
    }
    // As web/app does for what no stream tells.
    Task<> ask_each(std::string path, Duration pause) {
        while (!is_over_) {
            co_await clock_.sleep_for(pause);
            const auto asked = co_await http_.send(request(path));
            if (asked) bytes_ += asked->body.size();
            if (!is_over_ && (!asked || asked->status != 200)) throw std::runtime_error(path);
        }
    }

    void open_stream(const std::string& topics) {
        readers_.spawn("a stream", listen(request("/stream?topics=" + topics)));
    }

    // What every page opens and asks for first.
    Task<> open_page() {
        open_stream("overview,releases,validations");
        for (const auto* path : {"/session", "/overview", "/releases?limit=1000"})
            co_await get(path);
    }

    Task<> open_and_watch(double nobody) {
        co_await open_page();
        co_await until_freed();
        const auto one = controller_->memory().resident_mib;
        figures_.push_back(aside("MiB", "dashboard: one open page, memory", one - nobody));
        const auto alone = co_await cpu_while_watched();
        figures_.push_back(aside("core", "dashboard: one open page, CPU", alone));
        for (int i = 1; i < pages; ++i) co_await open_page();
        figures_.push_back(aside("core",
                                 fmt::format("dashboard: {} open overviews, CPU", pages),
                                 co_await cpu_while_watched()));
        for (int i = 0; i < release_pages; ++i) {
            const auto path = fmt::format("canary/team-{}/app-{}", i, i * 50);
            open_stream("release:" + path);
            co_await get("/releases/" + path);
            readers_.spawn("a release's charts",
                           ask_each("/releases/" + path + "/metrics?window=300", seconds{5}));
        }
        figures_.push_back(
            aside("core",
                  fmt::format("dashboard: … {} of them releases, CPU", release_pages),
                  co_await cpu_while_watched()));
        for (int i = 0; i < topologies; ++i) {
            co_await get(topology_);
            open_stream(percent_encoded(topic_));
        }
        figures_.push_back(
            aside("core",
                  fmt::format("dashboard: … and {} the topology of 300 nodes, CPU", topologies),
                  co_await cpu_while_watched()));
        for (int i = 0; i < workload_lists; ++i) {
            readers_.spawn(
                "a list of workloads",
                ask_each(fmt::format("/workloads?ns=team-{}&limit=1000", i), seconds{5}));
        }
        const auto core = co_await cpu_while_watched();
        figures_.push_back(at_most(
            0.05,
            "core",
            fmt::format("dashboard: … and {} workloads: {} open pages, CPU", workload_lists, pages),
            core));
        figures_.push_back(
            at_most(20,
                    "MiB",
                    fmt::format("dashboard: {} open pages, memory beside one's", pages),
                    controller_->memory().resident_mib - one));
        for (int i = 0; i < active; ++i) fleet_.set_image(i, "6.1.0");
        const auto bytes = bytes_;
        figures_.push_back(
            aside("core",
                  fmt::format("dashboard: the same with {} releases under way, CPU", active),
                  co_await cpu_while_watched()));
        const auto passed = std::chrono::duration<double>(watched).count();
        figures_.push_back(aside("KiB/s",
                                 "dashboard: the same, told to each page",
                                 static_cast<double>(bytes_ - bytes) / 1024 / pages / passed));
    }

    // The page of this controller in Chromium: web/app/dev/measure.mjs says how, and prints
    // figures.
    Task<> browse() {
        const std::string app = SLUICE_SOURCE_DIR "/web/app";
        const auto node = lab::find_program("node");
        const char* named = std::getenv("CHROMIUM");
        const std::string chromium = named != nullptr ? named : "/usr/bin/chromium";
        std::string missing;
        if (!node) missing = "node";
        if (!std::filesystem::exists(chromium)) missing = chromium;
        if (!std::filesystem::exists(app + "/node_modules/playwright-core"))
            missing = "web/app/node_modules (npm install in web/app)";
        if (!missing.empty()) {
            fmt::print(stderr, "skipped what is measured in a browser: there is no {}\n", missing);
            co_return;
        }
        auto browser = must(
            lab::ChildProcess::start({.program = *node,
                                      .arguments = {app + "/dev/measure.mjs",
                                                    "--json",
                                                    "--server",
                                                    fmt::format("http://127.0.0.1:{}", page_.port),
                                                    "--namespaces",
                                                    std::string(three_hundred)},
                                      .output = scratch_.path("browser")}));
        const auto end = co_await browser.wait(clock_);
        const auto text = text_of(scratch_.path("browser"));
        if (end.exit_code != 0) throw std::runtime_error("measuring in a browser: " + text);
        const auto rows = must(parse_json(text.substr(std::min(text.find('['), text.size()))));
        for (const auto& row : rows.as_array()) {
            const auto number = [&row](std::string_view name) {
                return row.at(name).to_number<double>();
            };
            const std::string unit(text_at(row, {"unit"}));
            const auto what = fmt::format("dashboard: {}", text_at(row, {"what"}));
            figures_.push_back(row.at("budget").is_null()
                                   ? aside(unit, what, number("measured"))
                                   : at_most(number("budget"), unit, what, number("measured")));
        }
    }

    Task<double> cpu_while_watched() {
        const auto cpu = controller_->cpu_seconds();
        const auto began = clock_.now();
        co_await clock_.sleep_for(watched);
        const auto passed = milliseconds_between(began, clock_.now()) / 1000;
        co_return (controller_->cpu_seconds() - cpu) / passed;
    }

    Figures& figures_;
    Clock& clock_;
    net::SocketClient http_;
    Fleet fleet_;
    MeshNumbers numbers_;
    net::HttpServer prometheus_;
    std::string sluice_;
    Scratch scratch_;
    net::Origin own_, page_;
    std::unique_ptr<Child> controller_;
    std::string topology_ = fmt::format("/topology?window=60&ns={}", three_hundred);
    std::string topic_;
    std::uint64_t bytes_ = 0;
    bool is_over_ = false;
    TaskGroup readers_;
    std::function<void()> stop_;
};

double compressed_kib(const std::string& file) {
    const auto text = text_of(file);
    auto size = compressBound(text.size());
    std::string out(size, '\0');
    if (compress2(reinterpret_cast<Bytef*>(out.data()),
                  &size,
                  reinterpret_cast<const Bytef*>(text.data()),
                  text.size(),
                  Z_BEST_COMPRESSION) != Z_OK) {
        throw std::runtime_error("compressing " + file);
    }
    return static_cast<double>(size) / 1024;
}

}  // namespace

Figures dashboard(const std::string& sluice) {
    Figures figures;
    figures.push_back(at_most(150,
                              "KiB",
                              "dashboard: JavaScript, compressed",
                              compressed_kib(SLUICE_SOURCE_DIR "/web/dist/app.js")));
    const auto clock = make_real_clock();
    const auto random = make_real_random();
    boost::asio::io_context context{1};
    DashboardMeasurement measurement(context, *clock, *random, sluice, figures);
    measurement.at_end([&] { context.stop(); });
    TaskGroup tasks(context.get_executor());
    tasks.spawn("measuring the dashboard", measurement.take());
    context.run();
    return figures;
}

}  // namespace sluice::bench
