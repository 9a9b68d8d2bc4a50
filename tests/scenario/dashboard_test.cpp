// The dashboard beside a controller, in virtual time: what a page reads while a release is promoted
// and while one fails, who is refused, and what it costs when nobody looks.
#include "web/dashboard.hpp"

#include "base/core/text.hpp"
#include "kube/yaml.hpp"
#include "net/in_process.hpp"
#include "release/lint_cluster.hpp"
#include "scenario/script.hpp"
#include "support/contract.hpp"
#include "web/lab.hpp"
#include "web/tap.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

using namespace sluice;
using namespace sluice::scenario;
using namespace std::chrono_literals;

namespace {

namespace resources = kube::resources;

constexpr std::string_view index_html = R"(<script src="/ui/app.js"></script>)";
const std::array<EmbeddedFile, 1> page_files{EmbeddedFile{"index.html", index_html}};

// A Prometheus that knows two workloads: "6 of 20 requests a second go to the canary".
class Numbers final : public net::HttpClient {
   public:
    explicit Numbers(Clock& clock) : clock_(clock) {}
    int asked = 0;
    std::set<std::string> targets;
    bool hangs = false;
    bool away = false;
    std::string instead;      // of every value
    bool cuts_tries = false;  // a gateway does, and tries again
    // Requests of test load.
    int load = 0;
    int load_status = 200;
    Duration load_takes = 20ms;
    std::string load_host, load_target;
    std::string load_body;
    std::function<void(const net::Request& request)> on_load;

    Task<Result<net::Response>> send(net::Request request) override {
        if (request.origin.host == "127.112.0.1") {
            ++load;
            load_host = request.headers.get("Host").value_or("");
            load_target = request.target;
            co_await clock_.sleep_for(load_takes);
            if (on_load) on_load(request);
            net::Response answered;
            answered.status = load_status;
            answered.body = load_body;
            answered.headers = {{"Content-Type", "text/plain"}, {"Set-Cookie", "very-secret"}};
            co_return answered;
        }
        ++asked;
        targets.insert(request.target);
        if (away) co_return Error{ErrorKind::unreachable, "connection refused"};
        if (hangs) {
            co_await clock_.sleep_for(request.timeout);
            co_return Error{ErrorKind::timed_out, "timed out after 5s"};
        }
        const auto query = percent_decoded(request.target);
        net::Response response;
        const auto sample = [&](std::string_view workload, std::string_view value) {
            return fmt::format(
                R"({{"metric":{{"destination_workload_namespace":"test",)"
                R"("destination_workload":"{}","response_code":"200"}},"value":[1,"{}"]}})",
                workload,
                instead.empty() ? value : std::string_view(instead));
        };
        std::string result;
        if (query.find("query_range") != std::string::npos) {
            const auto end = query.substr(query.rfind("&end=") + 5);
            const auto line = [&](std::string_view workload, std::string_view value) {
                return fmt::format(
                    R"({{"metric":{{"destination_workload":"{}","response_code":"200"}},)"
                    R"("values":[[{},"{}"]]}})",
                    workload,
                    end.substr(0, end.find('&')),
                    instead.empty() ? value : std::string_view(instead));
            };
            response.body = fmt::format(
                R"({{"status":"success","data":{{"resultType":"matrix","result":[{},{}]}}}})",
                line("podinfo", "6"),
                line("podinfo-primary", "14"));
            co_return response;
        }
        if (query.find("buildinfo") != std::string::npos) {
            response.body = R"({"status":"success","data":{"version":"2.42.0"}})";
            co_return response;
        }
        if (query.find("/flags") != std::string::npos) {
            response.body = R"({"status":"success","data":{"query.lookback-delta":"5m",)"
                            R"("storage.tsdb.retention.time":"6h"}})";
            co_return response;
        }
        if (query.find("/config") != std::string::npos) {
            response.body =
                R"({"status":"success","data":{"yaml":"global:\n  scrape_interval: 1s\n"}})";
            co_return response;
        }
        const auto as = [&](std::string one, std::string_view labels) {
            return one.insert(one.find(R"("response_code")"), labels);
        };
        constexpr std::string_view by_caller =
            R"("reporter":"source","source_workload":"test-imgw",)";
        constexpr std::string_view between =
            R"("source_workload":"test-imgw","source_workload_namespace":"test",)"
            R"("destination_service_name":"podinfo","destination_service_namespace":"test",)";
        constexpr std::string_view by_app =
            R"("reporter":"destination","source_workload":"test-imgw",)";
        if (query.find("increase(") != std::string::npos) {
            auto cut_off = as(sample("podinfo", "12"), by_app);
            cut_off.replace(cut_off.find(R"("200")"), 5, R"("0")");
            result = as(sample("podinfo", "355"), by_caller) + "," +
                     as(sample("podinfo", "355"), by_app) + "," + cut_off;
        } else if (query.find(R"("figure")") != std::string::npos) {
            result = as(sample("podinfo", "5.5"), by_caller) + "," +
                     as(sample("podinfo", "1031"), R"("figure":"p99",)") + "," +
                     as(sample("podinfo-primary", "14"), by_caller) + "," +
                     as(sample("podinfo-primary", "19"), R"("figure":"p99",)");
        } else if (query.find("istio_request_bytes_sum") != std::string::npos) {
            for (const auto* way : {"in", "out"}) {
                for (const auto* workload : {"podinfo", "podinfo-primary"}) {
                    auto one = sample(workload, way == std::string_view("in") ? "400" : "12000");
                    one.insert(one.find(R"("response_code")"), fmt::format(R"("way":"{}",)", way));
                    result += (result.empty() ? "" : ",") + one;
                }
            }
        } else if (query.find(R"("by", "callers")") != std::string::npos) {
            result = as(sample("", "1031"), R"("by":"callers",)");
        } else if (cuts_tries && query.find("[60s]") != std::string::npos &&
                   query.find("histogram_quantile") == std::string::npos) {
            const bool is_left = query.find(R"(reporter="source")") != std::string::npos;
            result = as(sample("podinfo", "5.5"), between);
            if (!is_left) {
                auto cut_off = as(sample("podinfo", "0.5"), between);
                cut_off.replace(cut_off.find(R"("200")"), 5, R"("0")");
                result += "," + cut_off;
            }
        } else if (query.find("histogram_quantile") != std::string::npos) {
            result = sample("podinfo", "31") + "," + sample("podinfo-primary", "17");
        } else {
            result = sample("podinfo", "6") + "," + sample("podinfo-primary", "14");
        }
        response.body = fmt::format(
            R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})", result);
        co_return response;
    }
    Task<Result<net::Response>> open(net::Request request) override {
        return send(std::move(request));
    }

   private:
    Clock& clock_;
};

// The way to the API server, as somebody who may do everything.
class Way final : public net::HttpClient {
   public:
    Way(Clock& clock, net::Handler& server) : clock_(clock), inner_(clock, server) {}
    bool away = false;
    Duration rights_take{};  // each question about rights
    std::string forbidden;
    // As whom it goes; nobody: as one who may do everything.
    std::vector<Role*> roles;
    // Who is known by which token; with anybody here, the cluster knows nobody else.
    struct User {
        std::string name;
        std::set<std::string> sees, writes;       // namespaces; "" is all of them
        std::set<std::string> may_not_list = {};  // "pods" where Canaries are seen
    };
    std::map<std::string, User, std::less<>> people;
    int asked_about_rights = 0;
    int asked_about_tokens = 0;

    Task<Result<net::Response>> send(net::Request request) override {
        if (away) co_return Error{ErrorKind::unreachable, "connection refused"};
        if (is_forbidden(request)) co_return refusal(403, "Forbidden");
        const auto token = request.headers.get("Authorization");
        if (token && !people.empty()) {
            if (request.target.find("selfsubjectreviews") != std::string::npos)
                ++asked_about_tokens;
            const auto user = people.find(token->substr(7));
            if (user == people.end()) co_return refusal(401, "Unauthorized");
            if (request.target.find("selfsubject") != std::string::npos) {
                if (request.target.find("access") != std::string::npos)
                    co_await clock_.sleep_for(rights_take);
                co_return review(user->second, *parse_json(request.body));
            }
        }
        co_return co_await inner_.send(std::move(request));
    }
    Task<Result<net::Response>> open(net::Request request) override {
        if (away) co_return Error{ErrorKind::unreachable, "connection refused"};
        if (is_forbidden(request)) co_return refusal(403, "Forbidden");
        co_return co_await inner_.open(std::move(request));
    }

   private:
    bool is_forbidden(const net::Request& request) const {
        if (!forbidden.empty() && request.target.find(forbidden) != std::string::npos) return true;
        const bool is_of_everybody = request.target.find("selfsubject") != std::string::npos;
        return !roles.empty() && !is_of_everybody && std::ranges::all_of(roles, [&](Role* role) {
            return role->refusal(request.method, request.target).has_value();
        });
    }
    static net::Response refusal(int status, std::string_view reason) {
        net::Response response;
        response.status = status;
        response.headers.set("Content-Type", "application/json");
        response.body = fmt::format(R"({{"kind":"Status","apiVersion":"v1","status":"Failure",)"
                                    R"("reason":"{0}","message":"{0}","code":{1}}})",
                                    reason,
                                    status);
        return response;
    }
    // "Who am I", or "may I".
    net::Response review(const User& user, Json question) {
        const auto verb = text_at(question, {"spec", "resourceAttributes", "verb"});
        const std::string ns(text_at(question, {"spec", "resourceAttributes", "namespace"}));
        if (verb.empty()) {
            put(question, {"status", "userInfo", "username"}, Json(user.name));
        } else {
            ++asked_about_rights;
            const auto& where = verb == "list" ? user.sees : user.writes;
            const bool is_hidden = user.may_not_list.contains(
                std::string(text_at(question, {"spec", "resourceAttributes", "resource"})));
            put(question,
                {"status", "allowed"},
                !is_hidden && (where.contains("") || where.contains(ns)));
        }
        net::Response response;
        response.status = 201;
        response.headers.set("Content-Type", "application/json");
        response.body = to_text(question);
        return response;
    }

    Clock& clock_;
    net::InProcessClient inner_;
};

const support::Contract& contract() {
    static const support::Contract read(SLUICE_SOURCE_DIR "/web/openapi.yaml");
    return read;
}

// What an answer or an event has that the contract has not, or the other way round.
void check_contract(const std::vector<std::string>& faults) {
    CHECK_MESSAGE(faults.empty(), joined(faults, "\n"));
}

void check_event(std::string_view event, const Json& data) {
    static const std::map<std::string, std::string, std::less<>> schemas{
        {"hello", "Hello"},
        {"reset", "Reset"},
        {"dropped", "Dropped"},
        {"overview", "Overview"},
        {"release", "Release"},
        {"release-detail", "Release"},
        {"release-deleted", "Deleted"},
        {"topology", "TopologyPatch"},
        {"event", "Event"},
        {"validation", "ValidationChange"},
        {"mesh", "Mesh"},
        {"lab", "LabNews"}};
    if (event == "tap") {
        for (const auto& row : data.as_array()) check_contract(contract().faults_of("TapRow", row));
        return;
    }
    const auto schema = schemas.find(event);
    REQUIRE_MESSAGE(schema != schemas.end(), event);
    check_contract(contract().faults_of(schema->second, data));
}

struct Told {
    std::string event;
    std::string id;
    Json data;
};

// A page that listens.
struct Stream {
    std::unique_ptr<net::BodyReader> reader;
    std::vector<Told> told;
    std::size_t keep_alives = 0;
    bool is_over = false;

    std::vector<const Told*> of(std::string_view event) const {
        std::vector<const Told*> found;
        for (const auto& one : told) {
            if (one.event == event) found.push_back(&one);
        }
        return found;
    }
};

Task<> listen(Stream& stream) {
    for (;;) {
        const auto part = co_await stream.reader->next();
        if (!part || part->empty()) break;
        std::string_view rest = *part;
        while (!rest.empty()) {
            const auto end = rest.find("\n\n");
            const auto block = rest.substr(0, end);
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
            if (block == ":") {
                ++stream.keep_alives;
                continue;
            }
            Told one;
            for (const auto line : split(block, '\n')) {
                if (line.starts_with("event: ")) one.event = line.substr(7);
                if (line.starts_with("id: ")) one.id = line.substr(4);
                if (line.starts_with("data: ")) one.data = *parse_json(line.substr(6));
            }
            check_event(one.event, one.data);
            stream.told.push_back(std::move(one));
        }
    }
    stream.is_over = true;
}

// A proxy that sees requests.
class SomeTap final : public web::TapSource {
   public:
    bool is_on = false;
    Taken waiting;

    void set_on(bool on) override { is_on = on; }
    Taken take() override { return std::exchange(waiting, {}); }
    void see(std::string path,
             int code = 200,
             std::string ns = "test",
             std::string request_id = "none") {
        if (!is_on) return;
        waiting.rows.push_back({.came = Time{1767225600s},
                                .source = ns + "/gw",
                                .destination = ns + "/podinfo",
                                .source_ns = ns,
                                .destination_ns = ns,
                                .pod = "127.64.0.7",
                                .service = "podinfo.test.svc.cluster.local",
                                .method = "GET",
                                .authority = "podinfo",
                                .path = std::move(path),
                                .code = code,
                                .flags = "-",
                                .milliseconds = 3.2,
                                .upstream_milliseconds = 2.9,
                                .tries = 1,
                                .route = "test/podinfo#0",
                                .request_bytes = 80,
                                .response_bytes = 160,
                                .headers = {{"user-agent", "curl"},
                                            {"x-request-id", std::move(request_id)},
                                            {"Authorization", "Bearer very-secret"},
                                            {"cookie", "session=very-secret"},
                                            {"X-Api-Key", "very-secret"},
                                            {"x-vault-token", "very-secret"}}});
    }
};

// A lab that plays some pods, and has opened the gateway "test/edge".
class SomeLab final : public web::LabSource {
   public:
    std::vector<Pod> shown;
    std::vector<std::string> crashed;
    std::vector<net::Origin> doors{{.host = "127.112.0.1", .port = 18080},
                                   {.host = "127.112.0.1", .port = 18443}};
    Proxy counted{
        .requests = 100, .series = 0, .split = "deck", .mirror_host = "shadow", .threads = 1};

    std::vector<Pod> pods() const override { return shown; }
    Result<void> set_fault(const kube::ObjectKey& key, const std::optional<Fault>& fault) override {
        const auto pod = std::ranges::find(shown, key, &Pod::key);
        if (pod == shown.end()) return Error{ErrorKind::not_found, "no pod " + to_string(key)};
        if (pod->app == "in-process") return Error{ErrorKind::unsupported, "no app answers"};
        pod->fault = fault;
        return {};
    }
    Result<void> crash(const kube::ObjectKey& key) override {
        const auto pod = std::ranges::find(shown, key, &Pod::key);
        if (pod == shown.end()) return Error{ErrorKind::not_found, "no pod " + to_string(key)};
        if (pod->app.empty()) return Error{ErrorKind::unavailable, "nothing runs"};
        crashed.push_back(to_string(key));
        return {};
    }
    std::vector<Process> processes() const override {
        return {{.name = "sluice lab", .pid = 77, .cpu_seconds = 1.5, .memory = 4096},
                {.name = "prometheus", .pid = 78}};
    }
    Proxy proxy() const override { return counted; }
    std::vector<net::Origin> doors_of(const kube::ObjectKey& gateway) const override {
        if (gateway != kube::ObjectKey{"test", "edge"}) return {};
        return doors;
    }
};

struct Site {
    explicit Site(web::Settings settings = {},
                  std::string_view script = {},
                  web::TapSource* tap = nullptr)
        : numbers(world.clock) {
        Player player(world);
        REQUIRE(player
                    .play(parse_script(script.empty()
                                           ? "target 2\ncanary step 20 max 60 interval 30s metric "
                                             "request-success-rate 99 -\n"
                                           : std::string(script)))
                    .empty());
        if (settings.metrics_server.empty()) settings.metrics_server = "http://prometheus:9090";
        dashboard = std::make_unique<web::Dashboard>(
            web::Outside{.executor = world.context.get_executor(),
                         .clock = world.clock,
                         .random = world.random,
                         .api = way,
                         .http = numbers,
                         .log = log,
                         .tap = tap,
                         .lab = settings.lab ? &lab : nullptr,
                         .sent = settings.controller == "another" ? nullptr : &world.sent},
            kube::Connection{.origin = {.host = "api", .port = 443}},
            std::move(settings),
            page_files);
    }
    ~Site() {
        tasks.cancel();
        world.clock.settle();
        streams.clear();
        dashboard.reset();
        world.clock.settle();
    }

    static Task<> ask(net::Handler& handler,
                      net::Request request,
                      net::Response& slot,
                      bool& done) {
        slot = co_await handler.handle(std::move(request));
        done = true;
    }
    net::Response send(net::Request request) {
        if (!request.headers.get("Host")) request.headers.add("Host", "127.0.0.1:4680");
        net::Response response;
        bool done = false;
        tasks.spawn("asking", ask(*dashboard, std::move(request), response, done));
        world.clock.settle();
        for (int i = 0; i < 100 && !done; ++i) world.run_for(100ms);
        REQUIRE(done);
        return response;
    }
    // What is refused is held against the contract too.
    net::Response get(std::string path, net::Headers headers = {}) {
        auto response = send({.target = path, .headers = std::move(headers)});
        constexpr std::string_view base = "/api/ui/v1";
        if (response.status >= 400 && path.starts_with(base)) {
            const auto read = parse_json(response.body);
            REQUIRE(read);
            check_contract(contract().faults_of("ErrorBody", *read));
        }
        return response;
    }
    Json json(std::string path) {
        const auto response = get("/api/ui/v1" + path);
        CAPTURE(response.body);
        REQUIRE(response.status == 200);
        auto read = parse_json(response.body);
        REQUIRE(read);
        CAPTURE(path);
        check_contract(contract().faults("GET", path, response.status, *read));
        return *std::move(read);
    }
    Json release() { return json("/releases/canary/test/podinfo"); }
    // Lives as long as the site: its reading is one of the site's tasks.
    Stream& open(std::string topics, std::string last = {}, std::string token = {}) {
        auto& stream = *streams.emplace_back(std::make_unique<Stream>());
        net::Request request{.target = "/api/ui/v1/stream?topics=" + topics};
        if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
        if (!last.empty()) request.headers.add("Last-Event-ID", last);
        auto response = send(std::move(request));
        REQUIRE(response.status == 200);
        REQUIRE(response.stream);
        stream.reader = std::move(response.stream);
        tasks.spawn("listening", listen(stream));
        world.clock.settle();
        return stream;
    }
    net::Response post(std::string verb, Json body, net::Headers headers = {}) {
        headers.set("Content-Type", "application/json");
        if (!headers.get("X-Sluice-CSRF")) {
            headers.set("X-Sluice-CSRF", text_at(json("/session"), {"csrf"}));
        }
        return send({.method = "POST",
                     .target = "/api/ui/v1/releases/canary/test/podinfo/actions/" + verb,
                     .headers = std::move(headers),
                     .body = to_text(body)});
    }
    // Of what is no action: an empty body is none.
    net::Response write(std::string method, std::string path, const Json& body = nullptr) {
        net::Request request{.method = std::move(method), .target = "/api/ui/v1" + path};
        request.headers.set("X-Sluice-CSRF", text_at(json("/session"), {"csrf"}));
        if (!body.is_null()) {
            request.headers.set("Content-Type", "application/json");
            request.body = to_text(body);
        }
        const auto asked = request.method;
        auto response = send(std::move(request));
        const auto read = parse_json(response.body);
        REQUIRE(read);
        check_contract(contract().faults(asked, path, response.status, *read));
        return response;
    }
    // Answered some time, into `left`.
    void post_and_leave(std::string path, const Json& body) {
        net::Request request{.method = "POST", .target = "/api/ui/v1" + path};
        request.headers = {{"Host", "127.0.0.1:4680"}, {"Content-Type", "application/json"}};
        request.headers.set("X-Sluice-CSRF", text_at(json("/session"), {"csrf"}));
        request.body = to_text(body);
        auto& slot = *left.emplace_back(std::make_unique<net::Response>());
        tasks.spawn("asking", ask(*dashboard, std::move(request), slot, left_done));
        world.clock.settle();
    }
    Json seen() {
        const auto now = release();
        return JsonObject{{"seen",
                           JsonObject{{"uid", text_at(now, {"uid"})},
                                      {"revision", text_at(now, {"revision"})},
                                      {"phase", text_at(now, {"phase"})}}}};
    }
    bool until_phase(const std::string& phase, Duration limit = 30min) {
        const auto end = world.clock.now() + limit;
        while (world.phase() != phase && world.clock.now() < end) world.run_for(1s);
        return world.phase() == phase;
    }
    bool until_weight(int weight) {
        const auto end = world.clock.now() + 30min;
        while (world.status_weight() != weight && world.clock.now() < end) world.run_for(1s);
        return world.status_weight() == weight;
    }

    World world;
    Way way{world.clock, world.server};
    Numbers numbers;
    SomeLab lab;
    Logger log{world.clock, {.level = LogLevel::error}, [](std::string_view) {}};
    std::unique_ptr<web::Dashboard> dashboard;
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<std::unique_ptr<net::Response>> left;
    bool left_done = false;
    TaskGroup tasks{world.context.get_executor()};
};

std::string code_of(const net::Response& response) {
    const auto read = parse_json(response.body);
    return read ? std::string(text_at(*read, {"error", "code"})) : "no JSON";
}

}  // namespace

TEST_CASE("the contract says what is wrong with an answer") {
    const auto faults = contract().faults(
        "GET", "/lab", 200, Json{{"now", 1}, {"load", {{{"state", "sleeping"}}}}, {"more", true}});
    const auto all = joined(faults, "\n");
    CAPTURE(all);
    for (const auto* fault : {"now: integer, not string",
                              "load[0]: id is missing",
                              "load[0].state: \"sleeping\" is none of",
                              "more: not in the contract"}) {
        CHECK(all.find(fault) != std::string::npos);
    }
    CHECK(contract().faults("GET", "/nowhere", 200, Json()).size() == 1);
}

TEST_CASE("a page that looks on at a promotion sees each of its steps") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    auto overview = site.json("/overview");
    CHECK(*integer_at(overview, {"counts", "healthy"}) == 1);
    CHECK(array_at(overview, {"attention"}).empty());
    CHECK(*number_at(overview, {"mesh", "rps"}) == doctest::Approx(19.5));
    CHECK(*bool_at(overview, {"prometheus", "ok"}));
    CHECK(*bool_at(overview, {"apiServer", "ok"}));

    auto& stream = site.open("overview,releases,events,release:canary/test/podinfo");
    REQUIRE(stream.told.size() >= 1);
    CHECK(stream.told.front().event == "hello");

    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(40));
    const auto release = site.release();
    CHECK(text_at(release, {"status"}) == "Progressing");
    CHECK(text_at(release, {"severity"}) == "progress");
    CHECK(*integer_at(release, {"weight", "configured"}) == 40);
    CHECK(*number_at(release, {"weight", "measured"}) == doctest::Approx(0.3));
    CHECK(*integer_at(release, {"steps", "index"}) == 1);
    CHECK(*integer_at(release, {"steps", "total"}) == 6);
    CHECK(text_at(release, {"revisions", "canary", "version"}) == "6.1.0");
    CHECK(*number_at(release, {"revisions", "canary", "p99"}) == 31);
    CHECK(*integer_at(release, {"revisions", "canary", "ready"}) == 2);
    CHECK(*number_at(release, {"exposure", "requests"}) == 355);
    CHECK(*number_at(release, {"exposure", "failed"}) == 0);
    CHECK(*number_at(release, {"exposure", "cutOff"}) == 12);
    CHECK(text_at(release, {"exposure", "by"}) == "callers");
    CHECK(*number_at(release, {"revisions", "canary", "noAnswer"}) == 0);
    CHECK(text_at(release, {"revisions", "canary", "seen", "by"}) == "callers");
    CHECK(*number_at(release, {"revisions", "canary", "seen", "rps"}) == 5.5);
    CHECK(*number_at(release, {"revisions", "canary", "seen", "p99"}) == 1031);
    CHECK(*number_at(release, {"revisions", "stable", "seen", "p99"}) == 19);
    CHECK(array_at(release, {"detail", "pods"}).size() == 4);
    CHECK(text_at(array_at(release, {"metrics"}).at(0), {"text"}) ==
          "request-success-rate 100.00 % ≥ 99 %");
    CHECK(text_at(release, {"message"}) == "canary 6.1.0 at 40 % (6.0 rps); next: weight 60");

    REQUIRE(site.until_phase("Succeeded"));
    site.world.run_for(2s);
    CHECK(*integer_at(site.release(), {"steps", "index"}) == 6);
    std::vector<std::string> phases;
    for (const auto* one : stream.of("release")) {
        const std::string phase(text_at(one->data, {"phase"}));
        if (phases.empty() || phases.back() != phase) phases.push_back(phase);
        CHECK(find(one->data, {"detail"}) == nullptr);
    }
    CHECK(joined(phases, " ") == "Progressing Promoting Finalising Succeeded");
    CHECK(stream.of("release-detail").size() >= phases.size());
    CHECK(stream.of("overview").size() > 3);
    const auto events = stream.of("event");
    CHECK(std::ranges::any_of(events, [](const Told* one) {
        return text_at(one->data, {"message"}).starts_with("Promotion completed!");
    }));
    CHECK(stream.of("dropped").empty());
    CHECK(site.world.violations.empty());
}

TEST_CASE("a failing release tells all that a person has to know, and its abort works") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    site.world.neighbours.metrics["request-success-rate"] = "93.2";
    const auto end = site.world.clock.now() + 5min;
    while (*integer_at(site.world.canary(), {"status", "failedChecks"}) == 0 &&
           site.world.clock.now() < end) {
        site.world.run_for(1s);
    }
    const auto overview = site.json("/overview");
    CHECK(*integer_at(overview, {"counts", "failing"}) == 1);
    REQUIRE(array_at(overview, {"attention"}).size() == 1);
    const auto& attention = array_at(overview, {"attention"}).front();
    const auto weight = site.world.status_weight();
    const auto threshold = *integer_at(site.world.canary(), {"spec", "analysis", "threshold"});
    CHECK(text_at(attention, {"sentence"}) ==
          fmt::format("request-success-rate 93.20 % < 99 %; 1 of {} allowed failures; "
                      "canary 6.1.0 at {} % (6.0 rps)",
                      threshold,
                      weight));
    CHECK(*number_at(attention, {"requests"}) == 355);
    CHECK(array_at(attention, {"actions"}).front() == "abort");
    CHECK_FALSE(text_at(attention, {"next", "at"}).empty());

    const auto answer = site.post("abort", site.seen());
    CAPTURE(answer.body);
    REQUIRE(answer.status == 202);
    REQUIRE(site.until_phase("Failed"));
    CHECK(site.world.route_weight() == 0);
    CHECK(std::ranges::any_of(site.world.events(), [](const std::string& message) {
        return message == "Abort of podinfo.test asked for over the dashboard";
    }));
    const auto failed = site.release();
    CHECK(text_at(failed, {"severity"}) == "failure");
    const auto& items = array_at(failed, {"steps", "items"});
    CHECK(std::ranges::count_if(
              items, [](const Json& step) { return text_at(step, {"state"}) == "failed"; }) == 1);
    CHECK(*bool_at(failed, {"actions", "retry", "allowed"}));
}

TEST_CASE("tries that were cut off and tried again fail for nobody, and stand beside it") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.numbers.cuts_tries = true;
    const auto overview = site.json("/overview");
    CHECK(*number_at(overview, {"mesh", "success"}) == 1);
    CHECK(*number_at(overview, {"mesh", "p99"}) == 1031);
    CHECK(text_at(overview, {"mesh", "by"}) == "callers");
    const auto topology = site.json("/topology?ns=test&window=60");
    const auto& edges = array_at(topology, {"edges"});
    const auto edge = std::ranges::find_if(edges, [](const Json& one) {
        return text_at(one, {"id"}) == "e/w/test/test-imgw>w/test/podinfo/http";
    });
    REQUIRE(edge != edges.end());
    CHECK(*number_at(*edge, {"rps"}) == 5.5);
    CHECK(*number_at(*edge, {"success"}) == 1);
    CHECK(text_at(*edge, {"by"}) == "callers");
    CHECK(*number_at(*edge, {"tries", "cutOff"}) == 0.5);
    CHECK(*number_at(*edge, {"tries", "success"}) == doctest::Approx(5.5 / 6));
    CHECK(text_at(*edge, {"health", "status"}) == "degraded");
    CHECK(array_at(*edge, {"health", "reasons"}) ==
          JsonArray{"8.33 % of tries fail or are cut off"});
    const auto& nodes = array_at(topology, {"nodes"});
    const auto node = std::ranges::find_if(
        nodes, [](const Json& one) { return text_at(one, {"id"}) == "w/test/podinfo"; });
    REQUIRE(node != nodes.end());
    CHECK(*number_at(*node, {"in", "success"}) == 1);
    const auto workload = site.json("/workloads/test/deployment/podinfo");
    CHECK(*number_at(workload, {"success"}) == 1);
    CHECK(*number_at(workload, {"rps"}) == 5.5);
    const auto service = site.json("/services/test/podinfo");
    CHECK(*number_at(service, {"success"}) == 1);
    // Who asks how it is computed is told whose word it is.
    const auto queries = to_text(site.json("/queries"));
    CHECK(queries.find("success on the overview") != std::string::npos);
}

TEST_CASE("of two tabs that press different buttons the second is told") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto both = site.seen();
    REQUIRE(site.post("abort", both).status == 202);
    REQUIRE(site.until_phase("Failed"));
    const auto late = site.post("promote", both);
    CHECK(late.status == 409);
    CHECK(code_of(late) == "changed");
    CHECK(text_at(*parse_json(late.body), {"error", "release", "phase"}) == "Failed");
    // What it shows now cannot be promoted either, and says why.
    const auto now = site.post("promote", site.seen());
    CHECK(now.status == 422);
    CHECK(code_of(now) == "not_allowed_now");
}

TEST_CASE("a weight that went on meanwhile is no reason to refuse an abort") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto before = site.seen();
    REQUIRE(site.until_weight(40));
    CHECK(site.post("abort", before).status == 202);
}

TEST_CASE("pausing twice is fine, and resuming what runs writes nothing") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    CHECK(site.post("resume", site.seen()).status == 202);
    CHECK(site.post("pause", site.seen()).status == 202);
    CHECK(*bool_at(site.world.canary(), {"spec", "suspend"}));
    const std::string held(kube::resource_version_of(site.world.canary()));
    CHECK(site.post("pause", site.seen()).status == 202);
    CHECK(kube::resource_version_of(site.world.canary()) == held);
    CHECK(*bool_at(site.release(), {"suspended"}));
    CHECK(site.post("resume", site.seen()).status == 202);
    CHECK_FALSE(*bool_at(site.world.canary(), {"spec", "suspend"}));
}

TEST_CASE("a person gives a container another image, and what cannot be is refused in words") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    const auto images = site.json("/releases/canary/test/podinfo/images");
    REQUIRE(array_at(images, {"containers"}).size() == 1);
    const auto& container = array_at(images, {"containers"}).front();
    const std::string name(text_at(container, {"container"}));
    const std::string before(text_at(container, {"image"}));
    CHECK(text_at(images, {"consequence"}) == "begins a release");
    const auto wanted = [&](std::string_view of, std::string_view image) {
        auto body = site.seen();
        put(body, {"args"}, JsonObject{{"container", of}, {"image", image}});
        return body;
    };
    const auto refused = [&](std::string_view of, std::string_view image) {
        const auto answer = site.post("image", wanted(of, image));
        CHECK(answer.status == 422);
        CHECK(code_of(answer) == "not_allowed_now");
        return std::string(text_at(*parse_json(answer.body), {"error", "message"}));
    };
    CHECK(refused("other", before) ==
          "Deployment podinfo.test has no container other; it has " + name);
    CHECK(refused(name, "") == "the image is empty");
    CHECK(refused(name, "podinfo 6") == "podinfo 6 is no reference of an image");
    CHECK(refused(name, before) == "container " + name + " has this image already");
    CHECK(site.post("image", site.seen()).status == 422);

    const auto old = wanted(name, "stefanprodan/podinfo:6.1.0");
    const auto answer = site.post("image", old);
    REQUIRE(answer.status == 202);
    CHECK(text_at(*parse_json(answer.body), {"text"}) ==
          "podinfo.test: stefanprodan/podinfo:6.1.0 begins a release");
    REQUIRE(site.until_phase("Progressing"));
    CHECK(code_of(site.post("image", old)) == "changed");
    CHECK(text_at(site.json("/releases/canary/test/podinfo/images"), {"consequence"}) ==
          "begins the analysis anew with it");
    REQUIRE(site.post("image", wanted(name, "stefanprodan/podinfo:6.2.0")).status == 202);
    REQUIRE(site.until_phase("Succeeded"));
    CHECK(to_text(site.world.workload("podinfo-primary")).find("podinfo:6.2.0") !=
          std::string::npos);
}

TEST_CASE("a controller's own rights set no image for somebody whom the cluster does not know") {
    web::Settings settings;
    settings.rights_are_the_persons = false;
    Site site(settings);
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    CHECK(array_at(site.json("/releases/canary/test/podinfo/images"), {"containers"}).empty());
    auto body = site.seen();
    put(body, {"args"}, JsonObject{{"container", "podinfod"}, {"image", "podinfo:6.1.0"}});
    const auto before = to_text(site.world.workload("podinfo"));
    CHECK(site.post("image", body).status == 403);
    CHECK(to_text(site.world.workload("podinfo")) == before);
}

TEST_CASE("a person lets a release past the gate that it waits at, and only there") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.patch(resources::canaries,
                     "podinfo",
                     *parse_json(R"({"spec": {"analysis": {"webhooks": [{"name": "ship",
                         "type": "confirm-promotion", "url": "http://tester.test/hooks/ship"}]}}})"));
    site.world.neighbours.hooks["ship"] = "403";
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto early = site.post("step", site.seen());
    CHECK(early.status == 422);
    CHECK(text_at(*parse_json(early.body), {"error", "message"}) ==
          "podinfo.test waits at no gate: `sluice promote` has it promoted without its checks");
    REQUIRE(site.until_phase("WaitingPromotion"));
    const auto waiting = site.release();
    CHECK(*bool_at(waiting, {"actions", "step", "allowed"}));
    CHECK(array_at(waiting, {"attention", "actions"}).front() == "step");
    REQUIRE(site.post("step", site.seen()).status == 202);
    CHECK(site.until_phase("Succeeded"));
}

TEST_CASE("a write that is not the page's own is refused, and nothing is written") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    const auto seen = site.seen();
    const std::string version(kube::resource_version_of(site.world.canary()));
    CHECK(code_of(site.post("pause", seen, {{"X-Sluice-CSRF", "guessed"}})) == "csrf");
    CHECK(code_of(site.post("pause", seen, {{"Origin", "http://evil.org"}})) == "bad_origin");
    CHECK(code_of(site.post("pause", seen, {{"Host", "evil.org"}})) == "bad_host");
    CHECK(code_of(site.post("pause", JsonObject{})) == "bad_request");
    CHECK(code_of(site.post("explode", seen)) == "not_found");
    const auto read = site.get("/api/ui/v1/releases/canary/test/podinfo/actions/pause");
    CHECK(read.status == 405);
    CHECK(read.headers.get("Allow") == "POST");
    CHECK(kube::resource_version_of(site.world.canary()) == version);
}

TEST_CASE("off loopback nothing is told without a token, and nothing is written at all") {
    Site site({.token = "s3cret", .off_loopback = true, .writes = false, .hosts = {"sluice.lan"}});
    const auto answer = site.get("/api/ui/v1/overview", {{"Host", "sluice.lan"}});
    CHECK(answer.status == 401);
    CHECK(code_of(answer) == "token_needed");
    // The lab takes every text for a token, so it says nothing about people.
    CHECK(
        site.get("/api/ui/v1/overview", {{"Host", "sluice.lan"}, {"Authorization", "Bearer other"}})
            .status == 401);
    CHECK(site.get("/ui/", {{"Host", "sluice.lan"}}).status == 200);
    const auto session = site.get("/api/ui/v1/session",
                                  {{"Host", "sluice.lan"}, {"Authorization", "Bearer s3cret"}});
    REQUIRE(session.status == 200);
    const auto read = *parse_json(session.body);
    CHECK(*bool_at(read, {"readOnly"}));
    CHECK(text_at(read, {"readOnlyWhy"}) == "read-only off loopback; --ui-write allows it");
    const auto release = site.get("/api/ui/v1/releases/canary/test/podinfo",
                                  {{"Host", "sluice.lan"}, {"Authorization", "Bearer s3cret"}});
    CHECK(object_at(*parse_json(release.body), {"actions"}).empty());
    auto pause = site.send({.method = "POST",
                            .target = "/api/ui/v1/releases/canary/test/podinfo/actions/pause",
                            .headers = {{"Host", "sluice.lan"},
                                        {"Authorization", "Bearer s3cret"},
                                        {"Content-Type", "application/json"},
                                        {"X-Sluice-CSRF", text_at(read, {"csrf"}).data()}},
                            .body = "{}"});
    CHECK(code_of(pause) == "read_only");
}

TEST_CASE("lists go page by page, are filtered, and say no to what is out of bounds") {
    Site site;
    for (const auto* name : {"b", "a", "c"}) {
        auto canary = site.world.canary();
        canary.as_object()["metadata"] = JsonObject{{"name", name}, {"namespace", "test"}};
        put(canary, {"spec", "targetRef", "name"}, Json(name));
        canary.as_object().erase("status");
        site.world.apply(canary);
    }
    site.world.clock.settle();
    std::vector<std::string> names;
    std::string path = "/releases?limit=2";
    for (int pages = 0; pages < 3 && !path.empty(); ++pages) {
        const auto list = site.json(path);
        CHECK(*integer_at(list, {"total"}) == 4);
        for (const auto& item : array_at(list, {"items"})) {
            names.emplace_back(text_at(item, {"name"}));
        }
        const auto token = text_at(list, {"continue"});
        path = token.empty() ? "" : "/releases?limit=2&continue=" + percent_encoded(token);
    }
    std::ranges::sort(names);
    CHECK(joined(names, " ") == "a b c podinfo");
    CHECK(array_at(site.json("/releases?q=PODINFO"), {"items"}).size() == 1);
    CHECK(array_at(site.json("/releases?ns=other"), {"items"}).empty());
    CHECK(array_at(site.json("/releases?kind=rollout"), {"items"}).empty());
    CHECK(code_of(site.get("/api/ui/v1/releases?limit=0")) == "bad_request");
    CHECK(code_of(site.get("/api/ui/v1/releases?continue=zzz")) == "bad_continue");
    CHECK(code_of(site.get("/api/ui/v1/releases/rollout/test/podinfo")) == "not_built");
    CHECK(code_of(site.get("/api/ui/v1/nothing")) == "not_found");
    CHECK(site.get("/api/ui/v1/overview").headers.get("ETag"));
    const auto etag = std::string(*site.get("/api/ui/v1/releases").headers.get("ETag"));
    CHECK(site.get("/api/ui/v1/releases", {{"If-None-Match", etag}}).status == 304);
}

TEST_CASE("a release that was deleted a moment ago says so for a minute") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    auto& stream = site.open("releases");
    site.release();
    site.world.remove(resources::canaries, "podinfo");
    site.world.run_for(2s);
    const auto gone = site.get("/api/ui/v1/releases/canary/test/podinfo");
    CHECK(gone.status == 404);
    CHECK_FALSE(text_at(*parse_json(gone.body), {"error", "deletedAt"}).empty());
    REQUIRE(stream.of("release-deleted").size() == 1);
    CHECK_FALSE(text_at(stream.of("release-deleted").front()->data, {"uid"}).empty());
    site.world.run_for(1min);
    CHECK(find(*parse_json(site.get("/api/ui/v1/releases/canary/test/podinfo").body),
               {"error", "deletedAt"}) == nullptr);
    CHECK(find(*parse_json(site.get("/api/ui/v1/releases/canary/test/nobody").body),
               {"error", "deletedAt"}) == nullptr);
}

TEST_CASE("a button of a release that was deleted a moment ago says so, and writes nothing") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto before = site.seen();
    site.world.remove(resources::canaries, "podinfo");
    site.world.run_for(30s);
    const auto answer = site.post("abort", before);
    CHECK(answer.status == 404);
    CHECK(code_of(answer) == "not_found");
    CHECK_FALSE(text_at(*parse_json(answer.body), {"error", "deletedAt"}).empty());
    const auto chart = site.get("/api/ui/v1/releases/canary/test/podinfo/metrics");
    CHECK(chart.status == 404);
    CHECK_FALSE(text_at(*parse_json(chart.body), {"error", "deletedAt"}).empty());
}

TEST_CASE("Prometheus away takes away numbers and never objects") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.numbers.away = true;
    const auto overview = site.json("/overview");
    CHECK(*integer_at(overview, {"counts", "healthy"}) == 1);
    CHECK(find(overview, {"mesh", "rps"})->is_null());
    CHECK(text_at(overview, {"mesh", "reason"}) == "Prometheus does not answer");
    REQUIRE(array_at(overview, {"problems"}).size() == 1);
    CHECK(text_at(array_at(overview, {"problems"}).front(), {"code"}) == "prometheus_away");
    site.numbers.away = false;
    site.numbers.hangs = true;
    site.world.run_for(10s);
    const auto began = site.world.clock.now();
    CHECK(*integer_at(site.json("/overview"), {"counts", "healthy"}) == 1);
    CHECK(site.world.clock.now() - began <= 2s);
}

TEST_CASE("how the numbers are computed is told by what Prometheus is asked") {
    Site site;
    site.json("/overview");
    site.json("/topology?window=60");
    const auto told = site.json("/queries?window=60");
    const auto& items = array_at(told, {"items"});
    CHECK(items.size() >= 10);
    for (const auto& item : items) {
        const auto query = percent_encoded(text_at(item, {"query"}));
        CAPTURE(query);
        CHECK(std::ranges::any_of(site.numbers.targets, [&](const std::string& target) {
            return target.find("query=" + query + "&") != std::string::npos ||
                   target.ends_with("query=" + query);
        }));
    }
    CHECK(site.get("/api/ui/v1/queries?window=7").status == 400);
}

TEST_CASE("however many pages look, Prometheus is asked once in an interval") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.json("/overview");
    site.world.run_for(6s);
    const auto before = site.numbers.asked;
    for (int i = 0; i < 20; ++i) {
        site.json("/overview");
        site.json("/releases");
    }
    // Six questions for each of two windows, the mesh's and the release's.
    CHECK(site.numbers.asked - before == 12);
}

TEST_CASE("the mesh is told when it changes, and to each as far as he sees it") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.apply_yaml(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: test, labels: {app: istiod}}
spec: {replicas: 1, selector: {matchLabels: {app: istiod}}, template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery, image: "pilot:1.27.1"}]}}}
)");
    site.way.people = {{"everything", {"root", {""}, {""}}}, {"little", {"ann", {"other"}, {}}}};
    auto& stream = site.open("mesh", {}, "everything");
    auto& limited = site.open("mesh", {}, "little");
    site.world.run_for(30s);
    const auto before = stream.of("mesh").size();
    REQUIRE(before >= 1);
    CHECK(*bool_at(stream.of("mesh").back()->data, {"prometheus", "ok"}));
    const auto planes_of = [](const Stream& one) {
        std::set<std::string> namespaces;
        for (const auto& row : array_at(one.of("mesh").back()->data, {"controlPlanes"})) {
            namespaces.emplace(text_at(row, {"namespace"}));
        }
        return namespaces;
    };
    CHECK(planes_of(stream).contains("test"));
    REQUIRE(limited.of("mesh").size() >= 1);
    CHECK_FALSE(planes_of(limited).contains("test"));
    site.world.run_for(1min);
    CHECK(stream.of("mesh").size() == before);
    site.numbers.away = true;
    site.world.run_for(10s);
    REQUIRE(stream.of("mesh").size() == before + 1);
    CHECK_FALSE(*bool_at(stream.of("mesh").back()->data, {"prometheus", "ok"}));
}

TEST_CASE("who looks costs something, and nobody nothing") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    CHECK(site.dashboard->figures().cached_bytes == 0);
    CHECK(site.numbers.asked == 0);
    site.json("/overview");
    CHECK(site.dashboard->figures().cached_bytes > 0);
    site.world.run_for(4min);
    CHECK(site.dashboard->figures().cached_bytes == 0);
    const auto asked = site.numbers.asked;
    site.world.run_for(1h);
    CHECK(site.numbers.asked == asked);
    // And who comes back finds everything again.
    CHECK(*integer_at(site.json("/overview"), {"counts", "healthy"}) == 1);
}

// Whoever else runs on the loop, until the request is answered: how much is built between two of
// its turns, at most.
Task<> stand_by(Site& site, const bool& is_answered, std::uint64_t& built_at_once) {
    auto before = site.dashboard->figures().releases_built;
    for (int turns = 0; turns < 100'000 && !is_answered; ++turns) {
        co_await boost::asio::post(site.world.context.get_executor(), boost::asio::use_awaitable);
        const auto now = site.dashboard->figures().releases_built;
        built_at_once = std::max(built_at_once, now - std::exchange(before, now));
    }
}

TEST_CASE("however much is to be built, others on the loop get their turn after each release") {
    Site site;
    site.json("/overview");
    for (int i = 0; i < 40; ++i) {
        auto canary = site.world.canary();
        const auto name = fmt::format("r{}", i);
        canary.as_object()["metadata"] = JsonObject{{"name", name}, {"namespace", "test"}};
        put(canary, {"spec", "targetRef", "name"}, Json(name));
        canary.as_object().erase("status");
        site.world.apply(canary);
    }
    site.world.clock.settle();
    const auto before = site.dashboard->figures().releases_built;
    net::Response response;
    bool is_answered = false;
    std::uint64_t built_at_once = 0;
    net::Request request{.target = "/api/ui/v1/overview"};
    request.headers.add("Host", "127.0.0.1:4680");
    site.tasks.spawn("standing by", stand_by(site, is_answered, built_at_once));
    site.tasks.spawn("asking", Site::ask(*site.dashboard, request, response, is_answered));
    site.world.clock.settle();
    REQUIRE(is_answered);
    CHECK(response.status == 200);
    CHECK(site.dashboard->figures().releases_built - before >= 40);
    CHECK(built_at_once == 1);
}

TEST_CASE("while the API server is away what was known is told, with the problem named") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    CHECK(array_at(site.json("/releases"), {"problems"}).empty());
    site.way.away = true;
    site.world.server.end_streams();
    site.world.run_for(5s);
    const auto list = site.json("/releases");
    CHECK(array_at(list, {"items"}).size() == 1);
    REQUIRE(array_at(list, {"problems"}).size() == 1);
    CHECK(text_at(array_at(list, {"problems"}).front(), {"code"}) == "api_server_away");
    CHECK_FALSE(*bool_at(site.json("/overview"), {"apiServer", "ok"}));
    const auto refused = site.post("pause", site.seen());
    CHECK(refused.status == 503);
    CHECK(code_of(refused) == "api_server_away");
}

TEST_CASE("a cluster that was never seen is no empty cluster") {
    Site site;
    site.way.away = true;
    const auto answer = site.get("/api/ui/v1/overview");
    CHECK(answer.status == 503);
    CHECK(code_of(answer) == "api_server_away");
    CHECK(answer.headers.get("Retry-After"));
}

TEST_CASE("what may not be read is left out by its name") {
    Site site;
    site.way.forbidden = "/pods";
    const auto release = site.release();
    CHECK(array_at(release, {"detail", "pods"}).empty());
    const auto problems = array_at(site.json("/releases"), {"problems"});
    REQUIRE(problems.size() == 1);
    CHECK(text_at(problems.front(), {"code"}) == "forbidden");
    CHECK(text_at(problems.front(), {"message"}) == "You may not list pods");
}

TEST_CASE("a stream that was cut goes on where it ended") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    std::string last;
    {
        auto& stream = site.open("releases");
        site.world.set_image("6.1.0");
        REQUIRE(site.until_weight(20));
        site.world.run_for(1s);
        REQUIRE(stream.of("release").size() > 0);
        last = stream.told.back().id;
        site.tasks.cancel();
        site.world.clock.settle();
        site.streams.clear();
    }
    REQUIRE(site.until_weight(40));
    site.world.run_for(1s);
    auto& again = site.open("releases", last);
    CHECK(again.of("reset").empty());
    CHECK(std::ranges::any_of(again.of("release"), [](const Told* one) {
        return integer_at(one->data, {"weight", "desired"}) == 40;
    }));
    site.world.run_for(20s);
    auto& foreign = site.open("releases", "someone-12");
    REQUIRE(foreign.of("reset").size() == 1);
    CHECK(text_at(foreign.of("reset").front()->data, {"reason"}) == "restart");
}

TEST_CASE("an event flood is cut, and a page that asks for odd topics is refused") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    auto& stream = site.open("events");
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(site.world.cluster.create(
            resources::events,
            JsonObject{{"apiVersion", "v1"},
                       {"kind", "Event"},
                       {"metadata",
                        JsonObject{{"name", fmt::format("flood-{}", i)}, {"namespace", "test"}}},
                       {"involvedObject",
                        JsonObject{{"kind", "Canary"}, {"namespace", "test"}, {"name", "podinfo"}}},
                       {"type", "Normal"},
                       {"reason", "Synced"},
                       {"message", fmt::format("flood {}", i)},
                       {"lastTimestamp", rfc3339(site.world.clock.now())}}));
    }
    site.world.run_for(1s);
    CHECK(stream.of("event").size() <= 50);
    CHECK(stream.of("dropped").size() >= 1);
    CHECK_FALSE(stream.is_over);
    for (const auto* topics : {"", "nonsense", "release:canary/x"}) {
        CHECK(code_of(site.get(fmt::format("/api/ui/v1/stream?topics={}", topics))) ==
              "bad_request");
    }
}

TEST_CASE("the page is found from where people come") {
    Site site({.base_path = "/sluice"});
    CHECK(site.get("/").headers.get("Location") == "/sluice/ui/");
    CHECK(site.get("/sluice/ui").headers.get("Location") == "/sluice/ui/");
    CHECK(site.get("/sluice/ui/releases/canary/a/b").body ==
          R"(<script src="/sluice/ui/app.js"></script>)");
    CHECK(site.get("/sluice/rollouts").headers.get("Location") ==
          "/sluice/ui/releases?kind=rollout");
    CHECK(site.get("/sluice/rollouts/rollout/prod/web").headers.get("Location") ==
          "/sluice/ui/releases/rollout/prod/web");
    CHECK(site.get("/sluice/api/ui/v1/session").status == 200);
    CHECK(site.get("/api/ui/v1/session").status == 404);
    const auto plain = site.get("/sluice/ui/plain");
    CHECK(plain.status == 200);
    CHECK(plain.body.find("test/podinfo") != std::string::npos);
}

TEST_CASE("findings of lint are told with their levels") {
    Site site;
    site.world.patch(
        resources::canaries, "podinfo", JsonObject{{"spec", JsonObject{{"skipAnalysis", true}}}});
    const auto list = site.json("/validations");
    const auto& items = array_at(list, {"items"});
    REQUIRE_FALSE(items.empty());
    for (const auto& item : items) CHECK_FALSE(text_at(item, {"message"}).empty());
    const auto errors = site.json("/validations?level=error");
    CHECK(array_at(errors, {"items"}).size() ==
          static_cast<std::size_t>(*integer_at(list, {"counts", "error"})));
}

TEST_CASE("a check's window is too short by how often Prometheus scrapes here") {
    const auto too_short = [](Duration scrape_interval) {
        Site site({.scrape_interval = scrape_interval});
        site.world.patch(
            resources::canaries, "podinfo", *parse_json(R"({"spec": {"analysis": {"metrics": [
            {"name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 99}}]}}})"));
        return array_at(site.json("/validations?code=SLU0005"), {"items"}).size();
    };
    CHECK(too_short(15s) == 1);
    CHECK(too_short(1s) == 0);
}

TEST_CASE("what is wrong with the mesh's objects is told of them, and goes with it") {
    Site site;
    site.world.apply_yaml(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: other, namespace: test}
spec: {hosts: [other], http: [{route: [{destination: {host: nobody}}]}]}
)");
    const auto list = site.json("/validations?code=IST0101");
    REQUIRE(array_at(list, {"items"}).size() == 1);
    const auto& found = array_at(list, {"items"})[0];
    CHECK(text_at(found, {"object", "kind"}) == "VirtualService");
    CHECK(text_at(found, {"object", "namespace"}) == "test");
    CHECK(text_at(found, {"object", "name"}) == "other");
    CHECK(text_at(found, {"path"}) == "spec.http[0].route[0].destination.host");
    CHECK(text_at(found, {"message"}) == "Referenced host not found: \"nobody\"");
    site.world.remove(resources::virtual_services, "other");
    site.world.run_for(1s);
    CHECK(array_at(site.json("/validations?code=IST0101"), {"items"}).empty());
}

TEST_CASE("a release names its objects, which of them are missing and what is wrong with them") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.json("/validations");
    const auto object = [&](std::string_view kind, std::string_view name) {
        const auto release = site.release();
        for (const auto& one : array_at(release, {"traffic", "objects"})) {
            if (text_at(one, {"kind"}) == kind && text_at(one, {"name"}) == name) return one;
        }
        return Json(nullptr);
    };
    for (const auto& [kind, name] : {std::pair("Deployment", "podinfo"),
                                     std::pair("Deployment", "podinfo-primary"),
                                     std::pair("Service", "podinfo"),
                                     std::pair("Service", "podinfo-primary"),
                                     std::pair("Service", "podinfo-canary"),
                                     std::pair("DestinationRule", "podinfo-canary"),
                                     std::pair("VirtualService", "podinfo")}) {
        CAPTURE(kind);
        CAPTURE(name);
        const auto one = object(kind, name);
        REQUIRE(one.is_object());
        CHECK(*bool_at(one, {"exists"}));
        CHECK(*bool_at(one, {"ok"}));
    }
    site.world.stop_controller();
    site.world.remove(resources::services, "podinfo-canary");
    site.world.run_for(1s);
    site.json("/validations");
    CHECK_FALSE(*bool_at(object("Service", "podinfo-canary"), {"exists"}));
    // Its route leads to nobody.
    const auto route = object("VirtualService", "podinfo");
    CHECK_FALSE(*bool_at(route, {"ok"}));
    CHECK(*integer_at(route, {"validations", "error"}) >= 1);
}

TEST_CASE("what was posted for a release is told, with how it went") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    const auto notifications = [&] {
        const auto release = site.release();
        return JsonArray(array_at(release, {"detail", "notifications"}));
    };
    CHECK(notifications().empty());
    site.world.apply_yaml(R"(
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: chat, namespace: test}
spec: {type: slack, address: "http://hooks.test/chat"}
)");
    site.world.patch(resources::canaries, "podinfo", *parse_json(R"({"spec": {"analysis": {
        "alerts": [{"name": "on-call", "severity": "info", "providerRef": {"name": "chat"}}],
        "webhooks": [
          {"name": "load", "type": "rollout", "url": "http://hooks.test/load?token=very-secret"},
          {"name": "ledger", "type": "event", "url": "http://hooks.test/ledger"}]}}})"));
    auto& stream = site.open("release:canary/test/podinfo");
    site.world.neighbours.hooks["load?token=very-secret"] = "away";
    site.world.neighbours.hooks["chat"] = "404 no_team";
    site.world.set_image("6.1.0");
    site.world.run_for(2min);
    const auto all = notifications();
    REQUIRE_FALSE(all.empty());
    CHECK(all.size() <= 50);
    const auto last_of = [&](std::string_view type) {
        for (const auto& one : all) {
            if (text_at(one, {"type"}) == type) return one;
        }
        return Json(nullptr);
    };
    const auto hook = last_of("webhook");
    CHECK(text_at(hook, {"name"}) == "load");
    CHECK_FALSE(*bool_at(hook, {"ok"}));
    CHECK(text_at(hook, {"error"}).find("connection refused") != std::string_view::npos);
    CHECK(to_text(Json(all)).find("very-secret") == std::string::npos);
    const auto alert = last_of("alert");
    CHECK(text_at(alert, {"name"}) == "chat.test");
    CHECK_FALSE(*bool_at(alert, {"ok"}));
    CHECK(text_at(alert, {"error"}).find("no_team") != std::string_view::npos);
    const auto event = last_of("event");
    CHECK(text_at(event, {"name"}) == "ledger");
    CHECK(*bool_at(event, {"ok"}));
    CHECK(find(event, {"error"})->is_null());
    CHECK(std::ranges::is_sorted(all, std::ranges::greater{}, [](const Json& one) {
        return std::string(text_at(one, {"at"}));
    }));
    // Who looks on hears of it.
    REQUIRE_FALSE(stream.of("release-detail").empty());
    CHECK_FALSE(
        array_at(stream.of("release-detail").back()->data, {"detail", "notifications"}).empty());

    // An instance that waits for the lease sends nothing.
    Site waiting({.leading = [] { return std::optional(false); }});
    const auto seen_there = waiting.release();
    CHECK(find(seen_there, {"detail", "notifications"})->is_null());
    // A person's dashboard beside the controller does not know them, and says so.
    Site beside({.controller = "another"});
    const auto release = beside.release();
    CHECK(find(release, {"detail", "notifications"})->is_null());
    CHECK(text_at(release, {"detail", "notificationsReason"}).starts_with("another process"));
}

TEST_CASE("a release is shown as YAML, with what its new revision changes") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    const std::string path = "/releases/canary/test/podinfo/yaml";
    const auto calm = site.json(path);
    CHECK(*integer_at(calm, {"diff", "changed"}) == 0);
    CHECK(text_at(calm, {"yaml"}).starts_with("apiVersion: flagger.app/v1beta1\nkind: Canary\n"));
    CHECK(text_at(calm, {"yaml"}).find("managedFields") == std::string_view::npos);
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto shown = site.json(path);
    CHECK(*integer_at(shown, {"diff", "changed"}) == 2);
    CHECK(text_at(shown, {"diff", "from"}) == "podinfo-primary");
    std::string changed;
    for (const auto& line : array_at(shown, {"diff", "lines"})) {
        if (text_at(line, {"op"}) == "same") continue;
        changed += fmt::format("{} {}|", text_at(line, {"op"}), trimmed(text_at(line, {"text"})));
    }
    CAPTURE(changed);
    CHECK(changed.starts_with("removed - image: "));
    CHECK(changed.find("|added - image: ") != std::string::npos);
    CHECK(changed.ends_with(":6.1.0|"));

    site.way.forbidden = "/deployments/";
    const auto refused = site.json(path);
    CHECK(find(refused, {"diff"})->is_null());
    CHECK(text_at(refused, {"reason"}) == "You may not get deployments in namespace test");
    CHECK(code_of(site.get("/api/ui/v1/releases/canary/test/nobody/yaml")) == "not_found");
}

TEST_CASE("both versions are compared over time on one grid") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto now = std::chrono::floor<std::chrono::seconds>(site.world.clock.now());
    const auto past =
        site.json(fmt::format("/metrics/node/w%2Ftest%2Fpodinfo?from={}&to={}&step=10",
                              rfc3339(now - 20min),
                              (now - 10min).time_since_epoch().count()));
    CHECK(*integer_at(past, {"to"}) - *integer_at(past, {"from"}) == 600);
    CHECK(*integer_at(past, {"to"}) <= (now - 10min).time_since_epoch().count());
    const auto odd = site.get("/api/ui/v1/metrics/node/w%2Ftest%2Fpodinfo?from=soon");
    CHECK(odd.status == 400);
    CHECK(odd.body.find("neither seconds since 1970 nor a time of RFC 3339") != std::string::npos);
    const auto chart = site.json("/releases/canary/test/podinfo/metrics?window=300&step=10");
    const auto from = *integer_at(chart, {"from"});
    const auto to = *integer_at(chart, {"to"});
    CHECK(to % 10 == 0);
    CHECK(to - from == 300);
    CHECK(*number_at(chart, {"step"}) == 10);
    for (const auto* side : {"stable", "canary"}) {
        for (const auto* series : {"errors", "p50", "p95", "p99"}) {
            CHECK(array_at(chart, {side, series}).size() == 31);
        }
        CHECK(array_at(chart, {side, "rate", "2xx"}).size() == 31);
    }
    CHECK(array_at(chart, {"canary", "rate", "2xx"}).back() == 6.0);
    CHECK(array_at(chart, {"stable", "rate", "2xx"}).back() == 14.0);
    CHECK(array_at(chart, {"canary", "rate", "5xx"}).back() == 0.0);
    // The server has no sample at the first point: a gap, and no zero.
    CHECK(array_at(chart, {"canary", "rate", "2xx"}).front().is_null());
    CHECK(array_at(chart, {"canary", "errors"}).front().is_null());
    const auto& marks = array_at(chart, {"marks"});
    CHECK(std::ranges::any_of(marks, [](const Json& mark) {
        return text_at(mark, {"what"}) == "step" && text_at(mark, {"label"}) == "weight 20";
    }));
    // By now the server's scrape interval is known, which the rates' range follows.
    site.json("/releases/canary/test/podinfo/metrics?window=300&step=10");
    const auto before = site.numbers.asked;
    for (int i = 0; i < 10; ++i) {
        site.json("/releases/canary/test/podinfo/metrics?window=300&step=10");
    }
    CHECK(site.numbers.asked == before);

    const std::string base = "/api/ui/v1/releases/canary/test/podinfo/metrics";
    CHECK(code_of(site.get(base + "?window=86400&step=1")) == "bad_request");
    CHECK(code_of(site.get(base + "?window=77")) == "bad_request");
    CHECK(code_of(site.get(base + "?window=10")) == "bad_request");
    CHECK(code_of(site.get(base + "?at=9999999999")) == "bad_request");
    site.numbers.away = true;
    site.world.run_for(10s);
    const auto away = site.get(base + "?window=60");
    CHECK(away.status == 503);
    CHECK(code_of(away) == "prometheus_away");
    CHECK(code_of(site.get("/api/ui/v1/metrics/node/nothing")) == "not_measured");
}

TEST_CASE("the graph has the release on it, and its stream tells only what changes") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto graph = site.json("/topology?ns=test&window=60");
    const auto node = [&](std::string_view id) {
        for (const auto& one : array_at(graph, {"nodes"})) {
            if (text_at(one, {"id"}) == id) return one;
        }
        return Json(nullptr);
    };
    const auto canary = node("w/test/podinfo");
    CHECK(text_at(canary, {"release", "role"}) == "canary");
    CHECK(*number_at(canary, {"release", "weight"}) == 20);
    CHECK(text_at(canary, {"release", "version"}) == "6.1.0");
    CHECK(*integer_at(canary, {"replicas", "ready"}) == 2);
    // The namespace asks for sidecars, and nobody here injects them.
    CHECK(text_at(canary, {"health", "status"}) == "degraded");
    const auto primary = node("w/test/podinfo-primary");
    CHECK(text_at(primary, {"release", "role"}) == "primary");
    CHECK(*number_at(primary, {"release", "weight"}) == 80);
    const std::string topic(text_at(graph, {"topic"}));
    CHECK(topic.starts_with("topology:"));
    auto& stream = site.open(topic);
    REQUIRE(site.until_weight(40));
    site.world.run_for(6s);
    const auto patches = stream.of("topology");
    REQUIRE_FALSE(patches.empty());
    bool has_weight = false;
    for (const auto* one : patches) {
        for (const auto& upsert : array_at(one->data, {"patch", "nodes", "upsert"})) {
            has_weight = has_weight || number_at(upsert, {"release", "weight"}) == 40.0;
        }
    }
    CHECK(has_weight);
    const auto count = stream.of("topology").size();
    REQUIRE(site.until_phase("Succeeded"));
    site.world.run_for(1min);
    const auto settled = stream.of("topology").size();
    CHECK(settled > count);
    site.world.run_for(1min);
    CHECK(stream.of("topology").size() == settled);
    auto& gone = site.open("topology:0123456789abcdef");
    REQUIRE(gone.of("reset").size() == 1);
    CHECK(text_at(gone.of("reset").front()->data, {"reason"}) == "topic_gone");
}

TEST_CASE("the graph is told by Service, by app and by version, and each has its charts") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    struct Type {
        std::string_view name, canary, primary;
    };
    // Flagger's primary has a label of its own, and no version where the pods have none.
    for (const auto& type :
         {Type{"workload", "w/test/podinfo", "w/test/podinfo-primary"},
          Type{"service", "s/test/podinfo-canary", "s/test/podinfo-primary"},
          Type{"app", "a/test/podinfo", "a/test/podinfo-primary"},
          Type{"versionedApp", "a/test/podinfo@latest", "a/test/podinfo-primary@latest"}}) {
        CAPTURE(type.name);
        const auto graph = site.json(fmt::format("/topology?ns=test&window=60&type={}", type.name));
        CHECK(text_at(graph, {"type"}) == type.name);
        std::map<std::string, Json, std::less<>> nodes;
        for (const auto& one : array_at(graph, {"nodes"})) {
            nodes[std::string(text_at(one, {"id"}))] = one;
        }
        REQUIRE(nodes.contains(type.canary));
        REQUIRE(nodes.contains(type.primary));
        const auto& canary = nodes.find(type.canary)->second;
        CHECK(text_at(canary, {"release", "role"}) == "canary");
        CHECK(*number_at(canary, {"release", "weight"}) == 20);
        CHECK(*integer_at(canary, {"replicas", "ready"}) == 2);
        CHECK(text_at(nodes.find(type.primary)->second, {"release", "role"}) == "primary");
        const auto& edges = array_at(graph, {"edges"});
        REQUIRE(edges.size() == 2);
        for (const auto& edge : edges) {
            CHECK(*number_at(edge, {"throughput", "in"}) == 400);
            CHECK(*number_at(edge, {"throughput", "out"}) == 12000);
        }
        const auto charted = [&](std::string_view what, std::string_view id) {
            std::string encoded;
            for (const char c : id) {
                encoded += c == '/' ? "%2F" : c == '>' ? "%3E" : std::string(1, c);
            }
            return site.get(fmt::format("/api/ui/v1/metrics/{}/{}?window=60", what, encoded));
        };
        for (const auto& [id, node] : nodes) {
            const auto answer = charted("node", id);
            CHECK_MESSAGE(answer.status == (id == "unknown" ? 404 : 200), id);
        }
        for (const auto& edge : edges) {
            CHECK_MESSAGE(charted("edge", text_at(edge, {"id"})).status == 200,
                          text_at(edge, {"id"}));
        }
    }
    CHECK(code_of(site.get("/api/ui/v1/topology?type=cluster")) == "bad_request");
    // Between workloads alone a Service may stand: of another type it is not heeded.
    const auto app = site.json("/topology?ns=test&window=60&type=app&svc=1");
    CHECK(text_at(app, {"topic"}) ==
          text_at(site.json("/topology?ns=test&window=60&type=app"), {"topic"}));
    CHECK(text_at(app, {"topic"}) != text_at(site.json("/topology?ns=test&window=60"), {"topic"}));
    auto& stream = site.open(std::string(text_at(app, {"topic"})));
    REQUIRE(site.until_weight(40));
    site.world.run_for(6s);
    bool has_weight = false;
    for (const auto* one : stream.of("topology")) {
        for (const auto& upsert : array_at(one->data, {"patch", "nodes", "upsert"})) {
            const auto id = text_at(upsert, {"id"});
            CHECK_MESSAGE((id == "unknown" || id.starts_with("a/")), id);
            has_weight = has_weight || number_at(upsert, {"release", "weight"}) == 40.0;
        }
    }
    CHECK(has_weight);
}

TEST_CASE("workloads are told with their sidecars, their release and what was measured") {
    Site site;
    Json labelled{{"metadata", {{"labels", {{"istio-injection", "enabled"}}}}}};
    REQUIRE(site.world.cluster.patch(
        resources::namespaces, {"", "test"}, lab::PatchKind::merge, labelled));
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto list = site.json("/workloads?ns=test");
    CHECK(*integer_at(list, {"total"}) == 2);
    const auto& items = array_at(list, {"items"});
    REQUIRE(items.size() == 2);
    CHECK(text_at(items[0], {"name"}) == "podinfo");
    CHECK(text_at(items[1], {"name"}) == "podinfo-primary");
    CHECK(text_at(items[0], {"node"}) == "w/test/podinfo");
    CHECK(text_at(items[0], {"release", "role"}) == "canary");
    CHECK(*number_at(items[0], {"release", "weight"}) == 20);
    CHECK(*number_at(items[0], {"rps"}) == 5.5);
    CHECK(*number_at(items[1], {"rps"}) == 14);
    // This world has no mesh that would inject: who asked for sidecars did not get them.
    CHECK(text_at(items[0], {"health", "status"}) == "degraded");
    CHECK(array_at(items[0], {"health", "reasons"}) == JsonArray{"2 of 2 pods have no sidecar"});
    CHECK_FALSE(*bool_at(items[0], {"injection", "injected"}));
    CHECK(*bool_at(items[0], {"injection", "needsRestart"}));
    CHECK(text_at(items[0], {"injection", "reason"}) == "2 of 2 pods have no sidecar");
    const auto graph = site.json("/topology?ns=test&window=60");
    for (const auto& one : array_at(graph, {"nodes"})) {
        if (text_at(one, {"kind"}) != "workload") continue;
        const auto& badges = array_at(one, {"badges"});
        CHECK(std::ranges::find(badges, Json("missingSidecar")) != badges.end());
        CHECK(text_at(one, {"health", "status"}) == "degraded");
    }

    const auto first = site.json("/workloads?ns=test&limit=1");
    CHECK(text_at(array_at(first, {"items"})[0], {"name"}) == "podinfo");
    const auto second = site.json("/workloads?ns=test&limit=1&continue=" +
                                  std::string(text_at(first, {"continue"})));
    CHECK(text_at(array_at(second, {"items"})[0], {"name"}) == "podinfo-primary");
    CHECK(find(second, {"continue"})->is_null());
    CHECK(*integer_at(site.json("/workloads?q=PRIMARY%206.0"), {"total"}) == 1);
    CHECK(*integer_at(site.json("/workloads?ns=elsewhere"), {"total"}) == 0);
    CHECK(code_of(site.get("/api/ui/v1/workloads?limit=0")) == "bad_request");
    CHECK(code_of(site.get("/api/ui/v1/workloads?continue=x")) == "bad_continue");

    const auto one = site.json("/workloads/test/deployment/podinfo");
    CHECK(array_at(one, {"pods"}).size() == 2);
    CHECK(text_at(array_at(one, {"pods"})[0], {"revision"}) == "canary");
    CHECK(array_at(one, {"services"}).size() >= 1);
    CHECK(code_of(site.get("/api/ui/v1/workloads/test/deployment/nobody")) == "not_found");
    CHECK(code_of(site.get("/api/ui/v1/workloads/test/pod/podinfo")) == "not_found");
}

TEST_CASE("Services are told with their endpoints and the routes that lead to them") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.run_for(1min);
    const auto list = site.json("/services?ns=test");
    const auto find_one = [&](std::string_view name) {
        for (const auto& one : array_at(list, {"items"})) {
            if (text_at(one, {"name"}) == name) return one;
        }
        return Json(nullptr);
    };
    const auto primary = find_one("podinfo-primary");
    REQUIRE(primary.is_object());
    CHECK(*integer_at(primary, {"endpoints", "ready"}) == 2);
    CHECK(*integer_at(primary, {"endpoints", "total"}) == 2);
    CHECK(text_at(primary, {"health", "status"}) == "healthy");
    CHECK(array_at(primary, {"workloads"}) == JsonArray{"w/test/podinfo-primary"});
    CHECK(array_at(primary, {"virtualServices"}) == JsonArray{"test/podinfo"});
    CHECK(array_at(primary, {"destinationRules"}) == JsonArray{"test/podinfo-primary"});
    // The release's route says where the apex' traffic goes, whatever its hosts are.
    const auto apex = find_one("podinfo");
    CHECK(array_at(apex, {"virtualServices"}) == JsonArray{"test/podinfo"});
    CHECK(text_at(array_at(primary, {"ports"})[0], {"protocol"}) == "http");
    // The canary rests at nothing.
    const auto canary = find_one("podinfo-canary");
    CHECK(*integer_at(canary, {"endpoints", "total"}) == 0);
    CHECK(text_at(canary, {"health", "status"}) == "notReady");
    const auto one = site.json("/services/test/podinfo-primary");
    CHECK(find(one, {"findings"}) != nullptr);
    CHECK(array_at(one, {"workloadKinds"}) == JsonArray{"Deployment"});
    // What is about a workload by its Services.
    const auto workload = site.json("/workloads/test/deployment/podinfo-primary");
    CHECK(array_at(workload, {"virtualServices"}) == array_at(one, {"virtualServices"}));
    CHECK(array_at(workload, {"destinationRules"}) == array_at(one, {"destinationRules"}));
    CHECK(array_at(workload, {"virtualServices"}).size() == 1);
    site.world.apply_yaml(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: open, namespace: test}
spec:
  selector: {matchLabels: {app: open}}
  template:
    metadata: {labels: {app: open}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 9898}]}]}
)");
    site.world.run_for(1s);
    CHECK(array_at(site.json("/workloads/test/deployment/open"), {"ports"}) ==
          JsonArray{JsonObject{{"name", "http"}, {"containerPort", 9898}, {"protocol", "TCP"}}});
    for (const auto& node : array_at(site.json("/topology?ns=test&window=60"), {"nodes"})) {
        const bool is_workload = text_at(node, {"id"}).starts_with("w/");
        CHECK(text_at(node, {"workloadKind"}) == (is_workload ? "Deployment" : ""));
    }
    CHECK(code_of(site.get("/api/ui/v1/services/test/nobody")) == "not_found");
}

TEST_CASE("routes and gateways have their YAML, read as the person who asks and without secrets") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.apply_yaml(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: other, namespace: test}
spec:
  hosts: [other]
  http:
    - match: [{headers: {x-api-key: {exact: hunter2}}}]
      route: [{destination: {host: podinfo}}]
)");
    const auto of = [&](std::string_view kind, std::string_view name) {
        const auto told = site.json(fmt::format("/objects/{}/test/{}/yaml", kind, name));
        return std::string(text_at(told, {"yaml"}));
    };
    const auto other = of("virtualservice", "other");
    CHECK(other.find("kind: VirtualService\n") != std::string::npos);
    CHECK(other.find("hunter2") == std::string::npos);
    CHECK(other.find("managedFields") == std::string::npos);
    CHECK(of("destinationrule", "podinfo-canary").find("host: podinfo-canary") !=
          std::string::npos);
    const auto refused = [&](std::string_view path) {
        return site.get(fmt::format("/api/ui/v1/objects/{}", path));
    };
    CHECK(code_of(refused("secret/test/other/yaml")) == "not_found");
    CHECK(code_of(refused("virtualservice/test/other/json")) == "not_found");
    CHECK(refused("virtualservice/test/nobody/yaml")
              .body.find("VirtualService test/nobody does not exist") != std::string::npos);
    site.way.forbidden = "/virtualservices/other";
    const auto forbidden = refused("virtualservice/test/other/yaml");
    CHECK(forbidden.status == 403);
    CHECK(forbidden.body.find("You may not get virtualservices in namespace test") !=
          std::string::npos);
}

TEST_CASE("however many look at lists and the graph, the cluster's objects are read once") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.json("/overview");
    site.world.run_for(1min);
    const auto lists = {"/workloads", "/services", "/gateways", "/topology?window=60", "/mesh"};
    const auto read = [&] { return site.dashboard->figures().objects_read; };
    for (const auto* list : lists) site.json(list);
    const auto before = read();
    // Another page, and the same one when its numbers are old.
    for (const auto* list : lists) site.json(list);
    site.world.run_for(6s);
    for (const auto* list : lists) site.json(list);
    CHECK(read() == before);

    const auto replicas = [&] {
        const auto list = site.json("/workloads?q=deployment%20podinfo%206");
        return *integer_at(array_at(list, {"items"})[0], {"replicas", "desired"});
    };
    REQUIRE(replicas() == 0);
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    CHECK(replicas() == 2);
    CHECK(read() > before);
}

TEST_CASE("a Service's routes are those that name it, cover it or lead to it, and no others") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    // The release is open to all names of a gateway, as in the article: its route has no other
    // host.
    site.world.patch(
        resources::canaries,
        "podinfo",
        *parse_json(R"({"spec": {"service": {"hosts": ["*"], "gateways": ["test/edge"]}}})"));
    site.world.apply_yaml(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: of-mesh, namespace: test}
spec: {hosts: ["*.test.svc.cluster.local"], http: [{route: [{destination: {host: podinfo-primary}}]}]}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: of-gateway, namespace: test}
spec: {hosts: ["*"], gateways: [test/edge], http: [{route: [{destination: {host: elsewhere}}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: alone, namespace: test}
spec: {ports: [{name: http, port: 80}]}
)");
    site.world.run_for(1min);
    const auto route = site.world.get(resources::virtual_services, "podinfo");
    REQUIRE(array_at(route, {"spec", "hosts"}) == JsonArray{"*"});
    const auto routes_of = [&](std::string_view name) {
        const auto one = site.json(fmt::format("/services/test/{}", name));
        return array_at(one, {"virtualServices"});
    };
    CHECK(routes_of("podinfo") == JsonArray{"test/of-mesh", "test/podinfo"});
    CHECK(routes_of("podinfo-canary") == JsonArray{"test/of-mesh", "test/podinfo"});
    CHECK(routes_of("alone") == JsonArray{"test/of-mesh"});
}

TEST_CASE("a proxy whose image has no version is told by its revision") {
    Site site;
    auto& cluster = site.world.cluster;
    const auto add = [&](std::string_view name, std::string_view image) {
        REQUIRE(cluster.create(resources::deployments,
                               *parse_json(fmt::format(R"({{
            "metadata": {{"name": "{0}", "namespace": "test"}},
            "spec": {{"replicas": 1, "selector": {{"matchLabels": {{"gateway": "{0}"}}}},
              "template": {{"metadata": {{"labels": {{"gateway": "{0}", "istio.io/rev": "cp"}}}},
                "spec": {{"containers": [{{"name": "istio-proxy", "image": "{1}"}}]}}}}}}}})",
                                                       name,
                                                       image))));
    };
    add("edge", "auto");
    add("moving", "istio/proxyv2:latest");
    add("known", "istio/proxyv2:1.17.8");
    site.world.run_for(1min);
    const auto mesh = site.json("/mesh");
    const auto& versions = object_at(mesh, {"proxies", "byVersion"});
    CAPTURE(to_text(mesh));
    CHECK(versions == JsonObject{{"1.17.8", 1}, {"cp", 2}});
}

TEST_CASE("the mesh is told as far as it may be read, and what this page costs") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.json("/overview");
    site.world.run_for(1s);
    const auto mesh = site.json("/mesh");
    CHECK(text_at(mesh, {"prometheus", "version"}) == "2.42.0");
    CHECK(*number_at(mesh, {"prometheus", "lookback"}) == 300);
    CHECK(text_at(mesh, {"prometheus", "retention"}) == "6h");
    CHECK(text_at(mesh, {"istioApi", "used"}) == "v1beta1");
    CHECK(find(mesh, {"mirrorHost"})->is_null());
    const auto istiod = [&](std::string_view name, std::string_view tag) {
        REQUIRE(site.world.cluster.create(resources::deployments,
                                          *parse_json(fmt::format(R"({{
            "metadata": {{"name": "{0}", "namespace": "test",
              "labels": {{"app": "istiod", "istio.io/rev": "{0}"}}}},
            "spec": {{"selector": {{"matchLabels": {{"rev": "{0}"}}}},
              "template": {{"metadata": {{"labels": {{"rev": "{0}"}}}},
                "spec": {{"containers": [{{"name": "d", "image": "istio/pilot:{1}"}}]}}}}}}}})",
                                                                  name,
                                                                  tag))));
        site.world.run_for(1min);
        return *find(site.json("/mesh"), {"mirrorHost"});
    };
    // Of versions that differ nobody knows which of them sends the copies.
    CHECK(istiod("old", "1.27.4") == Json("shadow"));
    CHECK(istiod("new", "1.28.0") == Json(nullptr));
    CHECK(*bool_at(mesh, {"apiServer", "ok"}));
    const auto& caches = array_at(mesh, {"caches"});
    const auto canaries = std::ranges::find_if(
        caches, [](const Json& one) { return text_at(one, {"kind"}) == "canaries"; });
    REQUIRE(canaries != caches.end());
    CHECK(*integer_at(*canaries, {"objects"}) == 1);
    CHECK(*bool_at(*canaries, {"synced"}));
    site.way.forbidden = "peerauthentications";
    site.world.run_for(5min);
    const auto refused = site.json("/mesh");
    const auto& problems = array_at(refused, {"problems"});
    CHECK(std::ranges::any_of(problems, [](const Json& problem) {
        return text_at(problem, {"message"}) == "You may not list peerauthentications";
    }));
}

namespace {

// A gateway "test/edge" of the lab. What its objects say of its address is somebody's word.
void add_gateway(Site& site) {
    auto& cluster = site.world.cluster;
    REQUIRE(cluster.create(resources::deployments, *parse_json(R"({
        "metadata": {"name": "edge", "namespace": "test"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"gateway": "edge"}},
          "template": {"metadata": {"labels": {"gateway": "edge"}},
            "spec": {"containers": [{"name": "istio-proxy", "image": "istio/proxyv2:1.17.8"}]}}}})")));
    REQUIRE(cluster.create(resources::services, *parse_json(R"({
        "metadata": {"name": "edge", "namespace": "test",
          "annotations": {"sluice.dev/lab-address": "169.254.169.254:80"}},
        "spec": {"selector": {"gateway": "edge"}, "ports": [{"name": "http", "port": 80}]}})")));
    REQUIRE(cluster.create(resources::gateways, *parse_json(R"({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "test"},
        "spec": {"selector": {"gateway": "edge"},
          "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}})")));
}

}  // namespace

TEST_CASE(
    "test load comes at its rate, is told of each second, and ends by itself or when it is "
    "stopped") {
    Site site({.lab = true});
    add_gateway(site);
    auto& stream = site.open("lab");
    const auto started = site.write(
        "POST",
        "/lab/load",
        Json{{"gateway", "test/edge"}, {"qps", 20}, {"seconds", 30}, {"path", "/status/200"}});
    REQUIRE(started.status == 202);
    const auto run = *parse_json(started.body);
    CHECK(text_at(run, {"url"}) == "http://127.112.0.1:18080/status/200");
    CHECK(text_at(run, {"state"}) == "running");
    site.world.run_for(10s);
    CHECK(site.numbers.load >= 190);
    CHECK(site.numbers.load <= 202);
    CHECK(site.numbers.load_target == "/status/200");
    CHECK(stream.of("lab").size() >= 10);
    CHECK(stream.of("lab").size() <= 13);
    site.world.run_for(30s);
    const auto ended = site.json("/lab");
    const auto& first = array_at(ended, {"load"})[0];
    CHECK(text_at(first, {"state"}) == "ended");
    CHECK(*integer_at(first, {"sent"}) == site.numbers.load);
    CHECK(site.numbers.load >= 590);
    CHECK(site.numbers.load <= 602);
    CHECK(*number_at(first, {"p99"}) > 19);
    CHECK(*number_at(first, {"p99"}) < 22);
    CHECK(find(first, {"reason"})->is_null());
    CHECK(text_at(array_at(stream.of("lab").back()->data, {"load"})[0], {"state"}) == "ended");

    site.numbers.load_status = 503;
    const auto second =
        *parse_json(site.write("POST", "/lab/load", Json{{"gateway", "test/edge"}}).body);
    site.world.run_for(3s);
    const auto path = "/lab/load/" + std::string(text_at(second, {"id"}));
    const auto stopped = site.write("DELETE", path);
    CHECK(stopped.status == 200);
    const auto as_ended = *parse_json(stopped.body);
    CHECK(text_at(as_ended, {"state"}) == "stopped");
    CHECK(*integer_at(as_ended, {"failed"}) == *integer_at(as_ended, {"sent"}));
    CHECK(text_at(as_ended, {"reason"}) == "it answered 503");
    const auto count = site.numbers.load;
    site.world.run_for(10s);
    CHECK(site.numbers.load <= count + 2);
    // Again, and of what there never was.
    CHECK(site.write("DELETE", path).status == 200);
    CHECK(site.write("DELETE", "/lab/load/nothing").status == 404);
}

TEST_CASE("test load is bounded in number and rate, and only for a lab") {
    Site site({.lab = true});
    add_gateway(site);
    const auto refused = [&](const Json& body) {
        const auto response = site.write("POST", "/lab/load", body);
        CHECK(response.status >= 400);
        return code_of(response);
    };
    CHECK(refused(Json{{"qps", 5}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/edge"}, {"qps", 101}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/edge"}, {"qps", "many"}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/edge"}, {"seconds", 601}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/edge"}, {"seconds", 0.5}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/edge"}, {"path", "@elsewhere/"}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/edge"}, {"path", "/a\r\nHost: b"}}) == "bad_request");
    CHECK(refused(Json{{"gateway", "test/nowhere"}}) == "not_found");
    for (int i = 0; i < 4; ++i) {
        CHECK(site.write("POST", "/lab/load", Json{{"gateway", "test/edge"}, {"qps", 1}}).status ==
              202);
    }
    CHECK(refused(Json{{"gateway", "test/edge"}}) == "too_many_loads");
    site.world.run_for(61s);
    CHECK(site.write("POST", "/lab/load", Json{{"gateway", "test/edge"}}).status == 202);
    // Without the session's header nothing is sent.
    CHECK(code_of(site.send({.method = "POST", .target = "/api/ui/v1/lab/load", .body = "{}"})) ==
          "csrf");
    CHECK(code_of(site.send({.method = "DELETE", .target = "/api/ui/v1/lab/load/x"})) == "csrf");

    Site cluster;
    add_gateway(cluster);
    CHECK(code_of(cluster.get("/api/ui/v1/lab")) == "not_a_lab");
    CHECK(code_of(cluster.write("POST", "/lab/load", Json{{"gateway", "test/edge"}})) ==
          "not_a_lab");
    CHECK(cluster.numbers.load == 0);
}

// Of shop.example.org, until 2036-11-27; in base64.
constexpr std::string_view shop_certificate =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJyakNDQVZTZ0F3SUJBZ0lVY3lqVkdtd1R0"
    "aUloN2pZSG1pYUFXOHRjdmdVd0NnWUlLb1pJemowRUF3SXcKRHpFTk1Bc0dBMVVFQXd3RWMyaHZj"
    "REFlRncweU5qRXhNekF4TXpNM01ESmFGdzB6TmpFeE1qY3hNek0zTURKYQpNQTh4RFRBTEJnTlZC"
    "QU1NQkhOb2IzQXdXVEFUQmdjcWhrak9QUUlCQmdncWhrak9QUU1CQndOQ0FBVHRCN2JtClhmY1Vk"
    "SGhRbGszVzZkeGgvb0EwekJteTZiMWJiWDZESnNOZmhyeG9tMzBBT0ZEb0RxSnlCRllnY3prYTF4"
    "MksKWmVEangxYThHdTBXQWtqZm80R05NSUdLTUIwR0ExVWREZ1FXQkJUYTZEaUdENkltajZiQWt1"
    "MkdGakYvRmlRNQpVREFmQmdOVkhTTUVHREFXZ0JUYTZEaUdENkltajZiQWt1MkdGakYvRmlRNVVE"
    "QVBCZ05WSFJNQkFmOEVCVEFECkFRSC9NRGNHQTFVZEVRUXdNQzZDRUhOb2IzQXVaWGhoYlhCc1pT"
    "NXZjbWVDRkhkM2R5NXphRzl3TG1WNFlXMXcKYkdVdWIzSm5od1IvQUFBQk1Bb0dDQ3FHU000OUJB"
    "TUNBMGdBTUVVQ0lCbTV3UmM1SjBZY1JkZHM3UHpFSHk2eApWTWowVFlsaEp2cVNZbjU4ZldaekFp"
    "RUFuVGVueHIxUE9XVGt5bGZhMnhzNmpkcjFNbUEvUElPRFN6OHBvOTRLClZLTT0KLS0tLS1FTkQg"
    "Q0VSVElGSUNBVEUtLS0tLQo=";

TEST_CASE("a gateway's certificates say until when they are good, and their Secrets nothing else") {
    Site site;
    add_gateway(site);
    const auto secret = [&](std::string_view name, std::string_view data) {
        site.world.apply_yaml(fmt::format(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {}, namespace: test}}\ndata: {}\n",
            name,
            data));
    };
    secret("shop", fmt::format("{{tls.crt: {}, tls.key: aHVudGVyMg==}}", shop_certificate));
    secret("istio", fmt::format("{{cert: {}, key: aHVudGVyMg==}}", shop_certificate));
    secret("odd", "{tls.crt: aHVudGVyMg==}");
    secret("empty", "{tls.key: aHVudGVyMg==}");
    JsonArray servers;
    for (const auto* name : {"shop", "istio", "odd", "empty", "gone"}) {
        servers.push_back(
            JsonObject{{"port", JsonObject{{"number", 443}, {"name", name}, {"protocol", "HTTPS"}}},
                       {"hosts", JsonArray{fmt::format("{}.example.org", name)}},
                       {"tls", JsonObject{{"mode", "SIMPLE"}, {"credentialName", name}}}});
    }
    Json secure = JsonObject{{"apiVersion", "networking.istio.io/v1beta1"},
                             {"kind", "Gateway"},
                             {"metadata", JsonObject{{"name", "secure"}, {"namespace", "test"}}}};
    put(secure, {"spec", "selector"}, JsonObject{{"gateway", "edge"}});
    put(secure, {"spec", "servers"}, std::move(servers));
    REQUIRE(site.world.cluster.create(resources::gateways, std::move(secure)));
    site.json("/overview");
    site.world.run_for(1min);
    const auto gateway = site.json("/gateways/test/edge");
    CHECK(to_text(gateway).find("hunter2") == std::string::npos);
    CHECK(to_text(gateway).find("aHVudGVyMg") == std::string::npos);
    std::map<std::string, Json> told;
    for (const auto& one : array_at(gateway, {"certificates"})) {
        told[std::string(text_at(one, {"secret"}))] = one;
    }
    REQUIRE(told.size() == 5);
    for (const auto* good : {"test/shop", "test/istio"}) {
        CHECK(text_at(told[good], {"notAfter"}).starts_with("2036-11-27T13:37:02"));
        CHECK(array_at(told[good], {"names"}) ==
              JsonArray{"shop.example.org", "www.shop.example.org", "127.0.0.1"});
        CHECK(find(told[good], {"reason"})->is_null());
    }
    CHECK(array_at(told["test/shop"], {"hosts"}) == JsonArray{"shop.example.org"});
    CHECK(text_at(told["test/odd"], {"reason"}) == "Secret test/odd: it is no certificate in PEM");
    CHECK(text_at(told["test/empty"], {"reason"}) ==
          "Secret test/empty: it has neither tls.crt nor cert");
    CHECK(text_at(told["test/gone"], {"reason"}) == "Secret test/gone is not there");
    site.way.forbidden = "/secrets/shop";
    const auto now = site.json("/gateways/test/edge");
    bool is_told = false;
    for (const auto& one : array_at(now, {"certificates"})) {
        is_told = is_told || text_at(one, {"reason"}) == "You may not read Secret test/shop";
    }
    CHECK(is_told);
}

TEST_CASE("a gateway is told with its pods, what is found about it and what it sent on") {
    Site site;
    add_gateway(site);
    auto& cluster = site.world.cluster;
    REQUIRE(cluster.create(resources::virtual_services, *parse_json(R"({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
        "metadata": {"name": "bound", "namespace": "test"},
        "spec": {"hosts": ["*"], "gateways": ["edge"],
          "http": [{"route": [{"destination": {"host": "nowhere"}}]}]}})")));
    REQUIRE(cluster.create(resources::virtual_services, *parse_json(R"({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
        "metadata": {"name": "elsewhere", "namespace": "test"},
        "spec": {"hosts": ["a.example"], "gateways": ["other"],
          "http": [{"route": [{"destination": {"host": "nowhere"}}]}]}})")));
    site.json("/validations");
    site.world.run_for(1min);
    const auto gateway = site.json("/gateways/test/edge");
    CHECK(text_at(gateway, {"node"}) == "w/test/edge");
    CHECK(array_at(gateway, {"virtualServices"}) == JsonArray{"test/bound"});
    REQUIRE(array_at(gateway, {"pods"}).size() == 1);
    CHECK(text_at(array_at(gateway, {"pods"})[0], {"name"}).starts_with("edge-"));
    std::set<std::string, std::less<>> names;
    for (const auto& finding : array_at(gateway, {"findings"})) {
        names.emplace(text_at(finding, {"object", "name"}));
    }
    CHECK(names.contains("bound"));
    CHECK(!names.contains("elsewhere"));
    CHECK(code_of(site.get("/api/ui/v1/gateways/test/podinfo")) == "not_found");

    const auto of = [&](std::string_view id) {
        return site.json(fmt::format("/metrics/node/{}?window=60", id));
    };
    for (const auto* id : {"w%2Ftest%2Fedge", "s%2Ftest%2Fedge", "a%2Ftest%2Fedge"}) {
        const auto charted = of(id);
        CAPTURE(to_text(charted));
        CHECK(text_at(charted, {"reporter"}) == "source");
        const auto query = text_at(charted, {"queries", "rate"});
        CHECK(query.find(R"(reporter="source")") != std::string_view::npos);
        CHECK(query.find(R"(source_)") != std::string_view::npos);
        CHECK(query.find("destination_") == std::string_view::npos);
    }
    CHECK(text_at(of("w%2Ftest%2Fpodinfo"), {"reporter"}) == "destination");
    CHECK(text_at(of("s%2Ftest%2Fpodinfo"), {"reporter"}) == "destination");
}

TEST_CASE("a gateway that the lab has not opened is asked nowhere, whatever its objects say") {
    Site site({.lab = true});
    add_gateway(site);
    site.lab.doors.clear();
    for (const auto* path : {"/lab/load", "/lab/try"}) {
        const auto response = site.write("POST", path, Json{{"gateway", "test/edge"}});
        CHECK(response.status == 422);
        CHECK(code_of(response) == "not_allowed_now");
    }
    CHECK(site.numbers.load == 0);
}

TEST_CASE("a lab tells of its processes, its pods and its proxy, and what it does not know") {
    Site site({.lab = true});
    const auto pods = site.world.cluster.list(resources::pods, "test");
    REQUIRE_FALSE(pods.empty());
    const auto first = kube::key_of(*pods.front());
    site.lab.shown = {{.key = first, .app = "podinfo", .listens = {"127.64.0.2:9898"}},
                      {.key = {"test", "unheard-of"}, .app = "", .listens = {}}};
    site.json("/overview");
    const auto before = site.json("/lab");
    const auto& processes = array_at(before, {"processes"});
    REQUIRE(processes.size() == 4);
    CHECK(text_at(processes[0], {"name"}) == "sluice lab");
    CHECK(*integer_at(processes[0], {"pid"}) == 77);
    CHECK(*integer_at(processes[0], {"memory"}) == 4096);
    CHECK(find(processes[0], {"reason"})->is_null());
    CHECK(find(processes[1], {"cpuSeconds"})->is_null());
    CHECK(text_at(processes[1], {"reason"}) == "the machine does not tell");
    CHECK(text_at(processes[2], {"name"}) == to_string(first));
    CHECK(text_at(processes[2], {"app"}) == "podinfo");
    CHECK(text_at(processes[2], {"state"}) == "Running");
    CHECK(*bool_at(processes[2], {"ready"}));
    CHECK(*integer_at(processes[2], {"restarts"}) == 0);
    CHECK(text_at(array_at(processes[2], {"listens"})[0], {}) == "127.64.0.2:9898");
    CHECK(find(processes[2], {"pid"})->is_null());
    CHECK(text_at(processes[2], {"reason"}) == "a part of the lab's own process");
    CHECK(text_at(processes[3], {"state"}) == "Unknown");
    CHECK(find(before, {"proxy", "rps"})->is_null());
    CHECK_FALSE(text_at(before, {"proxy", "reason"}).empty());

    site.world.run_for(4s);
    site.lab.counted.requests = 180;
    site.lab.counted.series = 812;
    const auto after = site.json("/lab");
    CHECK(*number_at(after, {"proxy", "rps"}) > 15);
    CHECK(*number_at(after, {"proxy", "rps"}) < 21);
    CHECK(*integer_at(after, {"proxy", "series"}) == 812);
    CHECK(text_at(after, {"proxy", "split"}) == "deck");
    CHECK(find(after, {"proxy", "reason"})->is_null());
}

TEST_CASE(
    "a pod's fault is set, listed, replaced and ended, and nonsense is refused by its field") {
    Site site({.lab = true});
    site.lab.shown = {
        {.key = {"test", "web-1"}, .app = "podinfo"},
        {.key = {"test", "flagger-1"}, .app = "in-process", .spared = "a part of the lab itself"},
        {.key = {"test", "idle-1"}, .app = ""}};
    const auto before = site.json("/lab");
    for (const auto& process : array_at(before, {"processes"})) {
        if (bool_at(process, {"pod"}) != true) continue;
        const bool takes = text_at(process, {"name"}) != "test/flagger-1";
        CHECK(bool_at(process, {"takesFaults"}) == takes);
        CHECK(text_at(process, {"takesNoneWhy"}) == (takes ? "" : "a part of the lab itself"));
    }
    const auto set =
        site.write("PUT",
                   "/lab/faults/test/web-1",
                   Json{{"latencyMs", {{"p50", 100}, {"p99", 900}}}, {"errorRatio", 0.05}});
    CHECK(set.status == 200);
    const auto listed = site.json("/lab");
    const auto& faults = array_at(listed, {"faults"});
    REQUIRE(faults.size() == 1);
    CHECK(text_at(faults[0], {"pod"}) == "test/web-1");
    CHECK(*number_at(faults[0], {"latencyMs", "p99"}) == 900);
    CHECK(*number_at(faults[0], {"errorRatio"}) == doctest::Approx(0.05));
    CHECK(site.lab.shown[0].fault->p50 == 100ms);

    const auto refused = [&](const std::string& path, const Json& body) {
        const auto response = site.write("PUT", path, body);
        return fmt::format(
            "{} {}", code_of(response), text_at(*parse_json(response.body), {"error", "message"}));
    };
    CHECK(refused("/lab/faults/test/web-1", Json{{"errorRatio", 2}}) ==
          "bad_request errorRatio is not in 0..1");
    CHECK(refused("/lab/faults/test/web-1", Json{{"latencyMs", {{"p50", 60001}}}}) ==
          "bad_request latencyMs.p50 is not in 0..60000");
    CHECK(refused("/lab/faults/test/nobody", Json{{"errorRatio", 1}}) ==
          "not_found no pod test/nobody");
    CHECK(refused("/lab/faults/test/flagger-1", Json{{"errorRatio", 1}}) ==
          "not_allowed_now no app answers");
    // What was refused changed nothing.
    CHECK(site.lab.shown[0].fault->p50 == 100ms);

    CHECK(site.write("PUT", "/lab/faults/test/web-1", Json{{"hang", true}, {"slowStart", 20}})
              .status == 200);
    CHECK(site.lab.shown[0].fault->hangs);
    CHECK(site.lab.shown[0].fault->slow_start == 20s);
    const auto hanging = site.json("/lab");
    CHECK(bool_at(array_at(hanging, {"faults"}).at(0), {"hang"}) == true);
    CHECK(*number_at(array_at(hanging, {"faults"}).at(0), {"slowStart"}) == 20);

    CHECK(site.write("PUT", "/lab/faults/test/web-1", Json(JsonObject{})).status == 200);
    CHECK(array_at(site.json("/lab"), {"faults"}).empty());
    site.lab.shown[0].fault = web::LabSource::Fault{.error_ratio = 1};
    CHECK(site.write("DELETE", "/lab/faults/test/web-1").status == 200);
    CHECK_FALSE(site.lab.shown[0].fault);
    CHECK(site.write("DELETE", "/lab/faults/test/web-1").status == 200);

    CHECK(site.write("POST", "/lab/crash/test/web-1", Json(JsonObject{})).status == 202);
    CHECK(site.lab.crashed == std::vector<std::string>{"test/web-1"});
    CHECK(code_of(site.write("POST", "/lab/crash/test/idle-1", Json(JsonObject{}))) ==
          "not_allowed_now");
    CHECK(code_of(site.write("POST", "/lab/crash/test/nobody", Json(JsonObject{}))) == "not_found");
}

TEST_CASE("a lab shows the end of a pod's log, to who may read it, and why there is none") {
    Site site({.lab = true});
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    const auto pods = site.json("/workloads/test/deployment/podinfo-primary");
    const std::string name(text_at(array_at(pods, {"pods"})[0], {"name"}));
    const auto pod = site.world.get(resources::pods, name);
    const std::string container(text_at(array_at(pod, {"spec", "containers"})[0], {"name"}));
    const auto id = lab::ContainerId{std::string(kube::uid_of(pod)), container, 77};
    const auto path = "/lab/logs/test/" + name;
    const auto none = site.json(path);
    CAPTURE(to_text(none));
    CHECK(text_at(none, {"container"}) == container);
    CHECK(text_at(site.json("/mesh"), {"mirrorHost"}) == "shadow");

    auto& logs = site.world.container_logs;
    const auto write = logs.begin(id);
    for (int i = 1; i <= 300; ++i) logs.append(id, fmt::format("line {} <b>", i));
    const auto shown = site.json(path);
    const auto text = text_at(shown, {"text"});
    CHECK(text.starts_with("line 101 <b>\n"));
    CHECK(text.ends_with("line 300 <b>\n"));
    CHECK_FALSE(*bool_at(shown, {"cut"}));
    CHECK(text_at(site.json(path + "?tail=1"), {"text"}) == "line 300 <b>\n");
    CHECK(text_at(site.json(path + "?container=" + container), {"text"}) == text);
    // Of long lines the last ones that there is room for, and only whole ones.
    for (int i = 1; i <= 40; ++i) logs.append(id, std::to_string(i) + std::string(4000, 'x'));
    const auto cut = site.json(path);
    CHECK(*bool_at(cut, {"cut"}));
    CHECK(text_at(cut, {"text"}).size() <= 64 * 1024);
    CHECK(text_at(cut, {"text"}).size() > 60 * 1024);
    CHECK(text_at(cut, {"text"}).starts_with("25xxx"));

    const auto refused = [&](const std::string& of) {
        return code_of(site.get("/api/ui/v1/lab/logs/" + of));
    };
    CHECK(refused("test/nobody") == "not_found");
    CHECK(refused("test/" + name + "?tail=201") == "bad_request");
    CHECK(refused("test/" + name + "?container=other") == "bad_request");
    CHECK(site.send({.method = "POST", .target = "/api/ui/v1" + path}).status == 405);
    site.way.forbidden = "/log?";
    CHECK(refused("test/" + name) == "forbidden");

    Site cluster;
    CHECK(code_of(cluster.get("/api/ui/v1" + path)) == "not_a_lab");
}

TEST_CASE("what turns a lab is the page's own, of a lab only, and by its one method") {
    const std::string base = "/api/ui/v1";
    const std::pair<const char*, const char*> writes[]{{"PUT", "/lab/faults/test/web-1"},
                                                       {"DELETE", "/lab/faults/test/web-1"},
                                                       {"POST", "/lab/crash/test/web-1"},
                                                       {"POST", "/lab/try"}};
    Site site({.lab = true});
    add_gateway(site);
    site.lab.shown = {{.key = {"test", "web-1"}, .app = "podinfo"}};
    Site cluster;
    Site read_only({.writes = false, .lab = true});
    for (const auto& [method, path] : writes) {
        CAPTURE(path);
        const Json body{{"gateway", "test/edge"}};
        CHECK(code_of(site.send({.method = method, .target = base + path, .body = "{}"})) ==
              "csrf");
        CHECK(code_of(site.send({.method = method,
                                 .target = base + path,
                                 .headers = {{"Origin", "http://elsewhere"}},
                                 .body = "{}"})) == "bad_origin");
        CHECK(code_of(cluster.write(method, path, body)) == "not_a_lab");
        CHECK(code_of(read_only.write(method, path, body)) == "read_only");
        CHECK(code_of(site.get(base + path)) == "bad_method");
    }
    CHECK(site.lab.crashed.empty());
    CHECK(site.numbers.load == 0);
    CHECK(code_of(site.send({.method = "P", .target = base + "/lab/try"})) == "bad_method");
}

TEST_CASE("a try shows the answer and the route that it took") {
    SomeTap proxy;
    Site site({.lab = true}, {}, &proxy);
    add_gateway(site);
    site.numbers.load_status = 418;
    site.numbers.load_body = std::string(3000, 'x');
    site.numbers.on_load = [&](const net::Request& request) {
        proxy.see("/not-it", 200, "test", "another");
        proxy.see("/teapot", 418, "test", std::string(*request.headers.get("x-request-id")));
    };
    const auto response = site.write(
        "POST",
        "/lab/try",
        Json{{"gateway", "test/edge"}, {"path", "/teapot?x=1"}, {"host", "podinfo.example"}});
    REQUIRE(response.status == 200);
    const auto tried = *parse_json(response.body);
    CHECK(site.numbers.load == 1);
    CHECK(site.numbers.load_host == "podinfo.example");
    CHECK(site.numbers.load_target == "/teapot?x=1");
    CHECK(text_at(tried, {"url"}) == "http://127.112.0.1:18080/teapot?x=1");
    CHECK(*integer_at(tried, {"answer", "status"}) == 418);
    CHECK(text_at(tried, {"answer", "body"}) == std::string(1024, 'x'));
    CHECK(*bool_at(tried, {"answer", "cut"}));
    CHECK(*number_at(tried, {"milliseconds"}) == doctest::Approx(20));
    CHECK(text_at(tried, {"route", "route"}) == "test/podinfo#0");
    CHECK(text_at(tried, {"route", "destination"}) == "test/podinfo");
    CHECK(*integer_at(tried, {"route", "code"}) == 418);
    CHECK(find(tried, {"reason"})->is_null());
    CHECK(response.body.find("very-secret") == std::string::npos);
    // Nobody gathers requests for longer than that.
    site.world.run_for(2s);
    CHECK_FALSE(proxy.is_on);
}

TEST_CASE("a try that nobody answers ends, and says so; of an unseen one the route is not known") {
    SomeTap proxy;
    Site site({.lab = true}, {}, &proxy);
    add_gateway(site);
    const auto once =
        *parse_json(site.write("POST", "/lab/try", Json{{"gateway", "test/edge"}}).body);
    CHECK(*integer_at(once, {"answer", "status"}) == 200);
    CHECK(find(once, {"route"})->is_null());
    CHECK(text_at(once, {"reason"}) == "the proxy did not tell of this request");
    site.numbers.load_takes = 60s;
    // Longer than one look of this site: the others are under way meanwhile.
    for (int i = 0; i < 4; ++i) site.post_and_leave("/lab/try", Json{{"gateway", "test/edge"}});
    CHECK(code_of(site.write("POST", "/lab/try", Json{{"gateway", "test/edge"}})) ==
          "too_many_tries");
    site.world.run_for(15s);
    REQUIRE(site.left.size() == 4);
    for (const auto& response : site.left) {
        const auto late = *parse_json(response->body);
        CHECK(find(late, {"answer"})->is_null());
        CHECK(text_at(late, {"reason"}) == "timed out after 10s");
    }
}

namespace {

constexpr std::string_view of_lan = "sluice.lan";

net::Headers as(std::string_view token) {
    return {{"Host", std::string(of_lan)}, {"Authorization", fmt::format("Bearer {}", token)}};
}

// As a page of a person elsewhere asks.
Json json_as(Site& site, std::string_view token, const std::string& path) {
    const auto response = site.get("/api/ui/v1" + path, as(token));
    CAPTURE(response.body);
    REQUIRE(response.status == 200);
    return *parse_json(response.body);
}

std::size_t items_of(const Json& list) {
    return array_at(list, {"items"}).size();
}

// Off loopback, with a person who sees "test" and may write there.
web::Settings for_people() {
    return {.off_loopback = true, .hosts = {std::string(of_lan)}};
}

}  // namespace

TEST_CASE("what a person may is asked for again each minute, and a stream ends when it is less") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {"test"}, .writes = {"test"}};
    site.way.people["bob"] = {.name = "bob@x", .sees = {"other"}, .writes = {}};
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    CHECK(text_at(json_as(site, "ann", "/session"), {"user"}) == "ann@x");
    CHECK(items_of(json_as(site, "ann", "/releases")) == 1);
    CHECK(items_of(json_as(site, "bob", "/releases")) == 0);
    CHECK(code_of(site.get("/api/ui/v1/releases/canary/test/podinfo", as("bob"))) == "forbidden");
    CHECK(site.get("/api/ui/v1/releases", as("eve")).status == 401);
    CHECK(find(json_as(site, "ann", "/releases/canary/test/podinfo"), {"actions", "pause"}) !=
          nullptr);
    auto& ann = site.open("releases", {}, "ann");
    auto& bob = site.open("releases,overview,validations", {}, "bob");
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    CHECK_FALSE(ann.of("release").empty());
    CHECK(bob.of("release").empty());
    for (const auto* one : bob.of("overview")) CHECK(array_at(one->data, {"attention"}).empty());

    // However much is asked, the cluster is asked about the person once a minute.
    const auto asked = site.way.asked_about_rights;
    for (int i = 0; i < 20; ++i) json_as(site, "ann", "/releases");
    CHECK(site.way.asked_about_rights - asked <= 8);

    // To read only: the buttons go, and nothing is written.
    site.way.people["ann"].writes.clear();
    site.world.run_for(125s);
    CHECK(ann.is_over);
    CHECK_FALSE(bob.is_over);
    auto& again = site.open("releases", {}, "ann");
    CHECK(find(json_as(site, "ann", "/releases/canary/test/podinfo"), {"actions", "pause"}) ==
          nullptr);

    // Nothing at all.
    site.way.people["ann"].sees.clear();
    site.world.run_for(125s);
    CHECK(again.is_over);
    CHECK(items_of(json_as(site, "ann", "/releases")) == 0);
    auto& third = site.open("releases", {}, "ann");
    site.world.run_for(2min);
    CHECK(third.of("release").empty());
}

TEST_CASE(
    "a token that is no longer known ends its streams, and an API server that is away does not") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {""}, .writes = {""}};
    site.way.people["bob"] = {.name = "bob@x", .sees = {""}, .writes = {}};
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    auto& ann = site.open("overview", {}, "ann");
    auto& bob = site.open("overview", {}, "bob");
    site.way.away = true;
    site.world.run_for(5min);
    CHECK_FALSE(ann.is_over);
    CHECK_FALSE(bob.is_over);
    site.way.away = false;
    site.way.people.erase("ann");
    site.world.run_for(125s);
    CHECK(ann.is_over);
    CHECK_FALSE(bob.is_over);
    CHECK(site.get("/api/ui/v1/releases", as("ann")).status == 401);
}

TEST_CASE("who asks while the API server hangs is told so, and nothing is forgotten meanwhile") {
    auto settings = for_people();
    settings.memory = 2s;
    Site site(settings);
    site.way.people["ann"] = {.name = "ann@x", .sees = {""}, .writes = {""}};
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.way.rights_take = 1min;
    CHECK(code_of(site.get("/api/ui/v1/session", as("ann"))) == "api_server_away");
    CHECK(code_of(site.get("/api/ui/v1/topology", as("ann"))) == "api_server_away");
    // Who gave its answer up is not waited for.
    site.way.rights_take = {};
    CHECK(text_at(json_as(site, "ann", "/session"), {"user"}) == "ann@x");
}

TEST_CASE("who asks the same of the graph and sees the same is shown what was drawn once") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {"test"}, .writes = {}};
    site.way.people["bob"] = {.name = "bob@x", .sees = {"test"}, .writes = {"test"}};
    site.way.people["eve"] = {.name = "eve@x", .sees = {""}, .writes = {}};
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    std::map<std::string, Stream*> streams;
    for (const auto* who : {"ann", "bob", "eve"}) {
        const auto graph = json_as(site, who, "/topology?window=60&ns=test");
        streams[who] = &site.open(
            fmt::format("overview,{}", percent_encoded(text_at(graph, {"topic"}))), {}, who);
    }
    site.world.run_for(10s);
    const auto drawn = [&] { return site.dashboard->figures().topologies_drawn; };
    const auto before = drawn();
    site.world.run_for(50s);
    // Ten times for Ann and Bob, and ten for Eve.
    CHECK(drawn() - before >= 18);
    CHECK(drawn() - before <= 22);
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    site.world.run_for(10s);
    const auto last = [&](const char* who) {
        const auto told = streams[who]->of("topology");
        REQUIRE(!told.empty());
        return *find(told.back()->data, {"patch"});
    };
    CHECK(last("ann") == last("bob"));
}

TEST_CASE("who may not list pods reads no pod's name in what lint finds") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {""}, .writes = {}};
    site.way.people["bob"] = {
        .name = "bob@x", .sees = {""}, .writes = {}, .may_not_list = {"pods"}};
    site.way.people["cid"] = {
        .name = "cid@x", .sees = {"test"}, .writes = {}, .may_not_list = {"pods"}};
    std::map<std::string, Stream*> streams;
    for (const auto* who : {"ann", "bob", "cid"}) {
        json_as(site, who, "/validations");
        streams[who] = &site.open("validations,overview", {}, who);
    }
    site.world.run_for(10s);
    const auto made = site.world.cluster.create(resources::pods, boost::json::parse(R"({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "bare-of-all", "namespace": "test"},
        "spec": {"containers": [{"name": "a", "image": "a"}]}})"));
    REQUIRE(made);
    site.world.apply_yaml(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: other, namespace: test}
spec: {hosts: [other], http: [{route: [{destination: {host: nobody}}]}]}
)");
    site.world.run_for(10s);
    const auto names_it = [](const Json& json) {
        return to_text(json).find("bare-of-all") != std::string::npos;
    };
    for (const auto* who : {"ann", "bob", "cid"}) {
        CAPTURE(who);
        const bool may = std::string_view(who) == "ann";
        const auto list = json_as(site, who, "/validations?limit=1000");
        CHECK(names_it(list) == may);
        CHECK(to_text(list).find("nobody") != std::string::npos);
        // The counts are of what is told.
        const auto counted = *integer_at(list, {"counts", "error"}) +
                             *integer_at(list, {"counts", "warning"}) +
                             *integer_at(list, {"counts", "info"});
        CHECK(counted == static_cast<std::int64_t>(items_of(list)));
        const auto overview = json_as(site, who, "/overview");
        CHECK(*find(overview, {"mesh", "validations"}) == *find(list, {"counts"}));
        bool is_told = false, tells_all = false;
        for (const auto* one : streams[who]->of("validation")) {
            is_told = is_told || names_it(one->data);
            tells_all = tells_all || to_text(one->data).find("nobody") != std::string::npos;
        }
        CHECK(is_told == may);
        CHECK(tells_all);
    }
    // What goes is told of by an id alone, and to nobody who was not told that it came.
    site.world.remove(resources::pods, "bare-of-all");
    site.world.run_for(10s);
    const auto removed = [&](const char* who) {
        std::size_t count = 0;
        for (const auto* one : streams[who]->of("validation")) {
            count += array_at(one->data, {"remove"}).size();
        }
        return count;
    };
    CHECK(removed("ann") == removed("bob") + 1);
}

TEST_CASE("a person who may list Canaries and no pods or Events sees none of them anywhere") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {"test"}, .writes = {}};
    site.way.people["bob"] = {
        .name = "bob@x", .sees = {"test"}, .writes = {}, .may_not_list = {"pods"}};
    site.way.people["cid"] = {
        .name = "cid@x", .sees = {""}, .writes = {}, .may_not_list = {"events"}};
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    const auto release = "release:canary/test/podinfo";
    auto& ann = site.open(fmt::format("events,overview,{}", release), {}, "ann");
    auto& bob = site.open(fmt::format("events,overview,{}", release), {}, "bob");
    auto& cid = site.open(fmt::format("events,overview,{}", release), {}, "cid");
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto seen = [&](const Stream& stream) {
        const auto& last = stream.of("release-detail").back()->data;
        return std::pair(!array_at(last, {"detail", "pods"}).empty(),
                         !array_at(last, {"detail", "events"}).empty());
    };
    for (const auto* stream : {&ann, &bob, &cid}) REQUIRE(!stream->of("release-detail").empty());
    CHECK(seen(ann) == std::pair(true, true));
    CHECK(seen(bob) == std::pair(false, true));
    CHECK(seen(cid) == std::pair(true, false));
    CHECK_FALSE(bob.of("event").empty());
    CHECK(cid.of("event").empty());

    const auto asked = [&](const char* who) {
        const auto one = json_as(site, who, "/releases/canary/test/podinfo");
        const auto workload = json_as(site, who, "/workloads/test/deployment/podinfo-primary");
        const auto overview = json_as(site, who, "/overview");
        std::string all;
        if (!array_at(one, {"detail", "pods"}).empty()) all += "pods ";
        if (!array_at(one, {"detail", "events"}).empty()) all += "events ";
        if (!array_at(workload, {"pods"}).empty()) all += "pods-of-workload ";
        if (!array_at(overview, {"events"}).empty()) all += "latest ";
        if (items_of(json_as(site, who, "/events")) > 0) all += "list ";
        for (const auto& problem : array_at(overview, {"problems"})) {
            if (text_at(problem, {"code"}) == "forbidden") all += text_at(problem, {"message"});
        }
        return all;
    };
    CHECK(asked("ann") == "pods events pods-of-workload latest list ");
    CHECK(asked("bob") ==
          "events latest list You may not list pods in every namespace that you see: they are "
          "left out there");
    CHECK(asked("cid") ==
          "pods pods-of-workload You may not list events in every namespace that you see: they "
          "are left out there");
    for (const auto* one : cid.of("overview")) CHECK(array_at(one->data, {"events"}).empty());

    // Who may see them again is told so, as of everything else.
    site.way.people["bob"].may_not_list.clear();
    site.world.run_for(125s);
    CHECK(bob.is_over);
    CHECK(asked("bob") == "pods events pods-of-workload latest list ");
}

TEST_CASE(
    "a flood of tokens costs the API server ten questions a second, and nobody who is known") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {""}, .writes = {}};
    CHECK(site.get("/api/ui/v1/session", as("ann")).status == 200);
    site.world.run_for(2s);
    const auto before = site.way.asked_about_tokens;
    std::map<int, int> answered;
    for (int i = 0; i < 100; ++i) {
        ++answered[site.get("/api/ui/v1/session", as(fmt::format("guess-{}", i))).status];
    }
    CHECK(answered == std::map<int, int>{{401, 10}, {429, 90}});
    CHECK(site.way.asked_about_tokens - before == 10);
    const auto refused = site.get("/api/ui/v1/session", as("another"));
    CHECK(code_of(refused) == "too_many_tokens");
    CHECK(refused.headers.get("Retry-After") == "1");
    CHECK(site.get("/api/ui/v1/session", as("ann")).status == 200);
    // What was refused is remembered, and asked about no more.
    CHECK(site.get("/api/ui/v1/session", as("guess-3")).status == 401);
    CHECK(site.way.asked_about_tokens - before == 10);
    site.world.run_for(1s);
    CHECK(site.get("/api/ui/v1/session", as("another")).status == 401);
    // Even who has not been asked about for a minute goes on in the flood.
    site.world.run_for(1min);
    for (int i = 0; i < 20; ++i) site.get("/api/ui/v1/session", as(fmt::format("more-{}", i)));
    CHECK(site.get("/api/ui/v1/session", as("ann")).status == 200);
}

TEST_CASE("without JavaScript a form asks for the token, which is kept nowhere") {
    auto settings = for_people();
    settings.token = "the-shared-one";
    Site site(settings);
    site.way.people["token-of-ann"] = {.name = "ann@x", .sees = {""}, .writes = {}};
    const auto send = [&](std::string method, std::string body, net::Headers headers = {}) {
        headers.set("Host", of_lan);
        return site.send({.method = std::move(method),
                          .target = "/ui/plain",
                          .headers = std::move(headers),
                          .body = std::move(body)});
    };
    const auto asks = send("GET", "");
    CHECK(asks.status == 401);
    CHECK(asks.headers.get("Content-Type") == "text/html; charset=utf-8");
    CHECK(asks.body.find(R"(<form method="post" action="/ui/plain">)") != std::string::npos);
    CHECK(asks.body.find("podinfo") == std::string::npos);
    CHECK(asks.headers.get("Content-Security-Policy")->find("form-action 'self'") !=
          std::string::npos);
    for (const auto* token : {"the-shared-one", "token-of-ann", "the%2Dshared%2Done+"}) {
        const auto told = send("POST", fmt::format("token={}", token));
        CHECK(told.status == 200);
        CHECK(told.body.find("test/podinfo") != std::string::npos);
        CHECK_FALSE(told.headers.get("Set-Cookie"));
        CHECK(told.body.find(token) == std::string::npos);
        // And for the next look.
        CHECK(told.body.find("<form ") != std::string::npos);
    }
    const auto wrong = send("POST", "token=guess");
    CHECK(wrong.status == 401);
    CHECK(wrong.body.find("the token is not known") != std::string::npos);
    CHECK(wrong.body.find("podinfo") == std::string::npos);
    CHECK(send("POST", "").status == 401);
    // No other site's page sends it, and nothing else is done so.
    CHECK(send("POST", "token=token-of-ann", {{"Origin", "https://evil.example"}}).status == 403);
    CHECK(send("POST", "token=token-of-ann", {{"Sec-Fetch-Site", "cross-site"}}).status == 403);
    CHECK(send("PUT", "token=token-of-ann").status != 200);
}

TEST_CASE("of more namespaces than are asked about those that are named come first") {
    Site site(for_people());
    site.way.people["ann"] = {.name = "ann@x", .sees = {"test", "n59"}, .writes = {}};
    for (int i = 0; i < 60; ++i) {
        const auto ns = fmt::format("n{:02}", i);
        site.world.apply(
            Json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns}}}});
        auto canary = site.world.canary();
        put(canary, {"metadata"}, Json{{"name", "podinfo"}, {"namespace", ns}});
        canary.as_object().erase("status");
        site.world.apply(canary);
    }
    site.world.run_for(1s);
    const auto named = json_as(site, "ann", "/releases?ns=n59");
    CHECK(items_of(named) == 1);
    CHECK(text_at(array_at(named, {"problems"})[0], {"code"}) == "namespaces_left_out");
    check_contract(contract().faults("GET", "/releases", 200, named));
    const auto path = site.get("/api/ui/v1/releases/canary/n59/podinfo", as("ann"));
    CHECK(path.status == 200);
}

TEST_CASE("a stream of the process itself is not cut by what its own token may") {
    Site site;
    site.way.people["robot"] = {.name = "robot", .sees = {"test"}, .writes = {"test"}};
    site.dashboard = std::make_unique<web::Dashboard>(
        web::Outside{site.world.context.get_executor(),
                     site.world.clock,
                     site.world.random,
                     site.way,
                     site.numbers,
                     site.log,
                     nullptr},
        kube::Connection{.origin = {.host = "api", .port = 443}, .token = "robot"},
        web::Settings{.metrics_server = "http://prometheus:9090"},
        page_files);
    auto& stream = site.open("releases");
    site.world.run_for(5min);
    CHECK_FALSE(stream.is_over);
}

TEST_CASE("a Prometheus that hangs holds up no news of releases") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    std::string topics = "releases";
    for (const auto* window : {"60", "300", "900"}) {
        topics += ',';
        topics += text_at(site.json(fmt::format("/topology?window={}", window)), {"topic"});
    }
    auto& stream = site.open(topics);
    site.world.run_for(1min);
    site.numbers.hangs = true;
    site.world.run_for(20s);
    const auto before = stream.of("release").size();
    site.world.set_image("6.1.0");
    REQUIRE(site.until_phase("Progressing"));
    site.world.run_for(2s);
    CHECK(stream.of("release").size() > before);
}

TEST_CASE("a release that reads as it did is not told again") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    auto& stream = site.open("releases");
    // From here on nobody writes; Prometheus has the same numbers every time.
    site.world.stop_controller();
    site.world.run_for(30s);
    const auto told = stream.of("release").size();
    site.world.run_for(1min);
    CHECK(stream.of("release").size() <= told + 1);
}

TEST_CASE("a person writes as itself, and may not where its cluster says no") {
    auto settings = for_people();
    Site site(settings);
    site.way.people["ann"] = {.name = "ann@x", .sees = {""}, .writes = {""}};
    site.way.people["bob"] = {.name = "bob@x", .sees = {""}, .writes = {}};
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    const auto seen = json_as(site, "ann", "/releases/canary/test/podinfo");
    const Json body{{"seen",
                     {{"uid", text_at(seen, {"uid"})},
                      {"revision", text_at(seen, {"revision"})},
                      {"phase", text_at(seen, {"phase"})}}},
                    {"reason", "<b>it burns</b> 🔥"}};
    const auto abort = [&](std::string_view token) {
        auto headers = as(token);
        headers.set("X-Sluice-CSRF", text_at(json_as(site, token, "/session"), {"csrf"}));
        return site.post("abort", body, headers);
    };
    CHECK(code_of(abort("bob")) == "forbidden");
    CHECK(site.world.status_weight() == 20);
    CHECK(abort("ann").status == 202);
    REQUIRE(site.until_phase("Failed"));
    CHECK(std::ranges::any_of(site.world.events(), [](const std::string& message) {
        return message ==
               "Abort of podinfo.test asked for over the dashboard by ann@x: <b>it burns</b> 🔥";
    }));
}

namespace {

// What a controller would have written of a run, with a check of that name.
Json status_with_check(std::string_view name, std::string_view at) {
    return Json{{"status",
                 {{"phase", "Progressing"},
                  {"canaryWeight", 20},
                  {"failedChecks", 1},
                  {"iterations", 0},
                  {"lastAppliedSpec", "v2:ab"},
                  {"lastPromotedSpec", "v2:aa"},
                  {"lastTransitionTime", at},
                  {"decisions",
                   {{{"at", at}, {"what", "start"}, {"said", JsonArray{}}},
                    {{"at", at},
                     {"what", "count failure"},
                     {"said", {"Halt podinfo.test advancement"}},
                     {"checks",
                      {{{"check", name},
                        {"question", name},
                        {"answer", "7"},
                        {"threshold", "at most 5"},
                        {"verdict", "fail"}}}}}}}}}};
}

void write_status(Site& site, const Json& status) {
    const auto written = site.world.cluster.patch(resources::canaries,
                                                  {"test", "podinfo"},
                                                  lab::PatchKind::merge,
                                                  status,
                                                  {.subresource = lab::Subresource::status});
    REQUIRE(written);
    site.world.run_for(1s);
}

}  // namespace

TEST_CASE(
    "markup and emoji of the cluster are told as they are, and stand as text in the plain page") {
    Site site;
    constexpr std::string_view name = R"x(<img src=x onerror="alert('1')">&🚀)x";
    write_status(site, status_with_check(name, "2026-01-01T00:00:00Z"));
    const auto release = site.release();
    CHECK(text_at(release, {"attention", "check", "name"}) == name);
    CHECK(text_at(release, {"message"}).find(name) != std::string_view::npos);
    const auto plain = site.get("/ui/plain");
    REQUIRE(plain.status == 200);
    CHECK(plain.body.find("<img") == std::string::npos);
    CHECK(plain.body.find("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;🚀") !=
          std::string::npos);
    CHECK(plain.headers.get("X-Content-Type-Options") == "nosniff");
    // Looked for, and asked about, with such text.
    CHECK(*integer_at(site.json("/releases?q=%3Cscript%3E%F0%9F%9A%80"), {"total"}) == 0);
    const auto odd = site.get("/api/ui/v1/releases/canary/test/%3Cb%3E%F0%9F%9A%80");
    CHECK(odd.status == 404);
    CHECK(odd.headers.get("Content-Type")->starts_with("application/json"));
    CHECK(code_of(site.get("/api/ui/v1/releases?q=%ff")) == "bad_request");
}

TEST_CASE("a release without metrics is promoted, and everything is told of it") {
    Site site({}, "target 2\ncanary step 20 max 60 interval 30s\n");
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    auto& stream = site.open("release:canary/test/podinfo,overview");
    REQUIRE(site.until_weight(20));
    const auto release = site.release();
    CHECK(array_at(release, {"metrics"}).empty());
    CHECK(find(release, {"attention"})->is_null());
    CHECK_FALSE(text_at(release, {"message"}).empty());
    CHECK(*integer_at(release, {"steps", "index"}) == 0);
    site.json("/releases/canary/test/podinfo/metrics?window=300");
    REQUIRE(site.until_phase("Succeeded"));
    CHECK_FALSE(stream.of("release-detail").empty());
}

TEST_CASE("NaN, infinity and gaps of Prometheus are null with a reason, and never zero") {
    for (const auto* value : {"NaN", "+Inf", "-Inf", "nonsense"}) {
        CAPTURE(value);
        Site site;
        site.numbers.instead = value;
        site.world.start_controller();
        REQUIRE(site.until_phase("Initialized"));
        site.world.set_image("6.1.0");
        REQUIRE(site.until_weight(20));
        const auto release = site.release();
        for (const auto* side : {"stable", "canary"}) {
            CHECK(find(release, {"revisions", side, "rps"})->is_null());
            CHECK_FALSE(text_at(release, {"revisions", side, "reason"}).empty());
        }
        CHECK(find(release, {"weight", "measured"})->is_null());
        CHECK_FALSE(text_at(release, {"weight", "reason"}).empty());
        const auto overview = site.json("/overview");
        CHECK(find(overview, {"mesh", "rps"})->is_null());
        CHECK_FALSE(text_at(overview, {"mesh", "reason"}).empty());
        // What a lying server says of a range is a gap, or refused as such.
        const auto chart = site.get("/api/ui/v1/releases/canary/test/podinfo/metrics?window=300");
        CAPTURE(chart.body);
        if (chart.status == 200) {
            const auto read = *parse_json(chart.body);
            check_contract(
                contract().faults("GET", "/releases/canary/test/podinfo/metrics", 200, read));
            for (const auto& point : array_at(read, {"canary", "rate", "2xx"}))
                CHECK(point.is_null());
        }
        site.json("/topology?window=60");
        site.json("/workloads");
        site.json("/services");
    }
}

TEST_CASE("clocks that differ change what is told by nothing but the difference") {
    Site site;
    // Whoever wrote this is an hour ahead of the dashboard, or a year behind.
    const auto ahead = rfc3339(site.world.clock.now() + 1h);
    const auto behind = rfc3339(site.world.clock.now() - 24h * 365);
    for (const auto& at : {ahead, behind}) {
        CAPTURE(at);
        write_status(site, status_with_check("load", at));
        const auto release = site.release();
        CHECK(text_at(release, {"since"}).substr(0, 19) == at.substr(0, 19));
        CHECK(text_at(release, {"severity"}) == "failure");
        CHECK(*integer_at(site.json("/releases"), {"total"}) == 1);
        const auto overview = site.json("/overview");
        CHECK(array_at(overview, {"attention"}).size() == 1);
        // The page counts from the server's time, which each answer has.
        CHECK(text_at(overview, {"now"}).substr(0, 19) ==
              rfc3339(site.world.clock.now()).substr(0, 19));
        site.json("/releases/canary/test/podinfo/metrics?window=300");
    }
    // A browser whose clock is ahead asks for what has not been yet.
    const auto soon =
        std::chrono::duration_cast<std::chrono::seconds>(site.world.clock.now().time_since_epoch())
            .count() +
        3600;
    CHECK(code_of(site.get(fmt::format("/api/ui/v1/topology?at={}", soon))) == "bad_request");
    // Times that are none are no times.
    for (const auto* at : {"tomorrow", "9999999-01-01T00:00:00Z", "-1"}) {
        CAPTURE(at);
        auto status = status_with_check("load", behind);
        put(status.at("status").at("decisions").as_array()[1], {"at"}, Json(at));
        write_status(site, std::move(status));
        site.release();
    }
}

TEST_CASE("of a thousand Events a second fifty are told, and how many were not") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    auto& stream = site.open("events");
    site.json("/events");
    const auto before = stream.of("event").size();
    constexpr int each_tenth = 100;
    constexpr int tenths = 50;
    for (int tenth = 0; tenth < tenths; ++tenth) {
        for (int i = 0; i < each_tenth; ++i) {
            REQUIRE(site.world.cluster.create(
                resources::events,
                JsonObject{
                    {"apiVersion", "v1"},
                    {"kind", "Event"},
                    {"metadata",
                     JsonObject{{"name", fmt::format("flood-{}-{}", tenth, i)},
                                {"namespace", "test"}}},
                    {"involvedObject",
                     JsonObject{{"kind", "Canary"}, {"namespace", "test"}, {"name", "podinfo"}}},
                    {"type", "Warning"},
                    {"reason", "Synced"},
                    {"message", fmt::format("flood {} {}", tenth, i)},
                    {"lastTimestamp", rfc3339(site.world.clock.now())}}));
        }
        site.world.run_for(100ms);
    }
    site.world.run_for(1s);
    const auto told = stream.of("event").size() - before;
    std::int64_t dropped = 0;
    for (const auto* one : stream.of("dropped")) dropped += *integer_at(one->data, {"count"});
    CHECK(told <= 6 * 50);
    CHECK(told >= 100);
    CHECK(static_cast<std::int64_t>(told) + dropped == each_tenth * tenths);
    CHECK_FALSE(stream.is_over);
    // Who asks again has the newest, page by page and each once.
    std::set<std::string> messages;
    std::string token;
    std::int64_t total = 0;
    for (int page = 0; page < 10; ++page) {
        const auto list = site.json("/events?type=Warning&limit=100" +
                                    (token.empty() ? "" : "&continue=" + percent_encoded(token)));
        total = *integer_at(list, {"total"});
        for (const auto& item : array_at(list, {"items"})) {
            CHECK(messages.insert(std::string(text_at(item, {"message"}))).second);
        }
        token = text_at(list, {"continue"});
        if (token.empty()) break;
    }
    CHECK(static_cast<std::int64_t>(messages.size()) == total);
    CHECK(total == 500);
}

TEST_CASE("a client that never reads its stream is let go, and the others hear all the same") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    auto& reads = site.open("release:canary/test/podinfo");
    auto response = site.send(
        {.target =
             "/api/ui/v1/stream?topics=release:canary/test/podinfo,releases,overview,events"});
    REQUIRE(response.stream);
    CHECK(site.dashboard->figures().streams == 2);
    // An object that is told again and again, each time with much text.
    const std::string much(8000, 'x');
    for (int i = 0; i < 400 && site.dashboard->figures().streams == 2; ++i) {
        auto status = status_with_check("load", rfc3339(site.world.clock.now()));
        put(status.at("status").at("decisions").as_array()[1],
            {"said"},
            JsonArray{fmt::format("{} {}", i, much)});
        write_status(site, std::move(status));
    }
    CHECK(site.dashboard->figures().streams == 1);
    CHECK_FALSE(reads.is_over);
    CHECK(reads.of("release-detail").size() > 10);
    site.json("/overview");
}

TEST_CASE("a wish that nobody has carried out yet is not silently replaced by another one") {
    Site site;
    site.world.start_controller();
    REQUIRE(site.until_phase("Initialized"));
    site.world.set_image("6.1.0");
    REQUIRE(site.until_weight(20));
    site.world.stop_controller();
    const auto body = site.seen();
    REQUIRE(site.post("promote", body).status == 202);
    const auto told = site.post("abort", body);
    CHECK(told.status == 409);
    CHECK(text_at(*parse_json(told.body), {"error", "message"}) ==
          "podinfo.test was asked to be promoted a moment ago");
    // The same again is the same.
    CHECK(site.post("promote", body).status == 202);
    // Who has read that, and means it, is served: nothing waits for a controller that is away.
    site.world.run_for(6s);
    CHECK(site.post("abort", body).status == 202);
}

TEST_CASE("of two tabs that press different buttons at once one is served, and the other told") {
    for (const auto& [one, other] : {std::pair("abort", "promote"),
                                     std::pair("promote", "abort"),
                                     std::pair("pause", "abort")}) {
        CAPTURE(one);
        CAPTURE(other);
        Site site;
        site.world.start_controller();
        REQUIRE(site.until_phase("Initialized"));
        site.world.set_image("6.1.0");
        REQUIRE(site.until_weight(20));
        const auto body = site.seen();
        const auto csrf = std::string(text_at(site.json("/session"), {"csrf"}));
        const auto press = [&](const char* verb) {
            net::Request request{
                .method = "POST",
                .target = fmt::format("/api/ui/v1/releases/canary/test/podinfo/actions/{}", verb),
                .headers = {{"Host", "127.0.0.1:4680"},
                            {"Content-Type", "application/json"},
                            {"X-Sluice-CSRF", csrf}},
                .body = to_text(body)};
            return request;
        };
        net::Response first;
        net::Response second;
        bool first_done = false;
        bool second_done = false;
        site.tasks.spawn("one", Site::ask(*site.dashboard, press(one), first, first_done));
        site.tasks.spawn("other", Site::ask(*site.dashboard, press(other), second, second_done));
        site.world.clock.settle();
        for (int i = 0; i < 100 && !(first_done && second_done); ++i) site.world.run_for(100ms);
        REQUIRE((first_done && second_done));
        CAPTURE(first.body);
        CAPTURE(second.body);
        const int served = (first.status == 202 ? 1 : 0) + (second.status == 202 ? 1 : 0);
        CHECK(served == 1);
        const auto& refused = first.status == 202 ? second : first;
        CHECK(refused.status == 409);
        CHECK(code_of(refused) == "changed");
        CHECK(text_at(*parse_json(refused.body), {"error", "release", "name"}) == "podinfo");
        const std::string_view won = first.status == 202 ? one : other;
        if (won == "pause") {
            site.world.run_for(5min);
            CHECK(site.world.phase() == "Progressing");
        } else {
            CHECK(site.until_phase(won == "abort" ? "Failed" : "Succeeded"));
        }
    }
}

TEST_CASE(
    "single requests are told while somebody taps, by what was asked for, and without secrets") {
    SomeTap proxy;
    Site site({.lab = true}, {}, &proxy);
    proxy.see("/unseen");
    const auto begun = site.json("/tap?path=/status&code=5xx");
    CHECK(*bool_at(begun, {"available"}));
    CHECK(array_at(begun, {"items"}).empty());
    CHECK(proxy.is_on);
    const std::string topic(text_at(begun, {"topic"}));
    auto& stream = site.open(topic);
    proxy.see("/status/500", 500);
    proxy.see("/status/200", 200);
    proxy.see("/other", 503);
    proxy.waiting.dropped = 7;
    site.world.run_for(1s);
    REQUIRE(stream.of("tap").size() == 1);
    const auto& rows = stream.of("tap").front()->data.as_array();
    REQUIRE(rows.size() == 1);
    CHECK(text_at(rows[0], {"path"}) == "/status/500");
    CHECK(to_text(Json(rows)).find("very-secret") == std::string::npos);
    CHECK(to_text(Json(rows)).find("curl") != std::string::npos);
    REQUIRE(stream.of("dropped").size() == 1);
    CHECK(*integer_at(stream.of("dropped").front()->data, {"count"}) == 7);
    const auto all = site.json("/tap");
    CHECK(array_at(all, {"items"}).size() == 3);
    CHECK(text_at(array_at(all, {"items"})[0], {"path"}) == "/other");
    CHECK(*integer_at(all, {"dropped"}) == 7);
    CHECK(array_at(site.json("/tap?ns=elsewhere"), {"items"}).empty());
    CHECK(array_at(site.json("/tap?workload=test/podinfo&method=get&limit=2"), {"items"}).size() ==
          2);
    CHECK(array_at(site.json("/tap?header=user-agent:curl"), {"items"}).size() == 3);
    CHECK(array_at(site.json("/tap?header=authorization"), {"items"}).size() == 3);
    CHECK(array_at(site.json("/tap?dir=out&workload=podinfo"), {"items"}).empty());
    for (const auto* wrong : {"code=6xx",
                              "code=abcd",
                              "limit=0",
                              "limit=2001",
                              "path=%ff",
                              "dir=up",
                              "header=authorization:Bearer"}) {
        CHECK(code_of(site.get(fmt::format("/api/ui/v1/tap?{}", wrong))) == "bad_request");
    }
    // A row that is no text is told as such, and breaks nothing.
    proxy.see("/status/\xff", 500);
    site.world.run_for(1s);
    CHECK(stream.of("tap").size() == 2);
}

TEST_CASE("a minute after the last look at single requests nobody gathers them") {
    SomeTap proxy;
    Site site({.lab = true}, {}, &proxy);
    const std::string topic(text_at(site.json("/tap"), {"topic"}));
    site.world.run_for(50s);
    CHECK(proxy.is_on);
    site.world.run_for(15s);
    CHECK_FALSE(proxy.is_on);
    CHECK(site.open(topic).of("reset").size() == 1);
}

TEST_CASE("where nobody sees single requests the tap says so") {
    Site site;
    const auto tap = site.json("/tap");
    CHECK_FALSE(*bool_at(tap, {"available"}));
    CHECK(text_at(tap, {"reason"}) == "not available without an access-log service");
    CHECK(find(tap, {"topic"})->is_null());
}

namespace {

// What is wrong, and what is right, in two namespaces with a release and two without, each object
// as one document; of those that stand here twice one is there at a time.
constexpr std::string_view scenery = R"(
kind: Namespace
metadata: {name: other, labels: {istio-injection: enabled, istio.io/rev: canary}}
---
kind: Namespace
metadata: {name: other, labels: {istio.io/rev: canary}}
---
kind: Namespace
metadata: {name: other, labels: {istio.io/rev: prod}}
---
kind: MutatingWebhookConfiguration
metadata: {name: istio-revision-tag-prod, labels: {istio.io/rev: canary, istio.io/tag: prod}}
---
kind: Namespace
metadata: {name: edge}
---
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {config: "templates", values: '{"global": {"hub": "docker.io/istio", "tag": "1.20.0", "proxy": {"image": "proxyv2"}}}'}
---
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {values: '{"global": {"hub": "docker.io/istio", "tag": "1.19.0", "proxy": {"image": "proxyv2"}}}'}
---
kind: ConfigMap
metadata: {name: istio-sidecar-injector-canary, namespace: istio-system}
data: {values: '{"global": {"hub": "docker.io/istio", "tag": "1.21.0", "proxy": {"image": "proxyv2"}}}'}
---
kind: Pod
metadata: {name: stale, namespace: other}
spec: {containers: [{name: istio-proxy, image: "docker.io/istio/proxyv2:1.20.0"}]}
---
kind: Pod
metadata: {name: old, namespace: test, annotations: {sidecar.istio.io/inject: "maybe"}}
spec: {containers: [{name: istio-proxy, image: "docker.io/istio/proxyv2:1.19.0"}]}
---
kind: Canary
metadata: {name: shop, namespace: other}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 80, portName: web, gateways: [edge/public, nowhere, mesh], trafficPolicy: {tls: {mode: DISABLE}}}
  analysis:
    interval: 30s
    threshold: 3
    stepWeight: 10
    alerts: [{name: a, providerRef: {name: slack, namespace: edge}}, {name: b, providerRef: {name: mine}}]
    metrics: [{name: seen, threshold: 1, templateRef: {name: seen, namespace: edge}}]
---
kind: Deployment
metadata: {name: shop, namespace: other}
spec:
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop, version: v1}, annotations: {sidecar.istio.io/inject: "false"}}, spec: {containers: [{name: web, image: web}]}}
---
kind: Deployment
metadata: {name: shop, namespace: other}
spec:
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop, version: v2}}, spec: {containers: [{name: web, image: auto}]}}
---
kind: AlertProvider
metadata: {name: slack, namespace: edge}
spec: {type: slack, address: "http://hooks.slack.example/secret"}
---
kind: MetricTemplate
metadata: {name: seen, namespace: edge}
spec: {provider: {type: prometheus, address: "http://prom"}, query: 'sum(rate(x{reporter="destination"}[1m]))'}
---
kind: MetricTemplate
metadata: {name: seen, namespace: edge}
spec: {provider: {type: prometheus, address: "http://prom"}, query: 'sum(rate(x{reporter="source"}[1m]))'}
---
kind: Service
metadata: {name: catalog, namespace: other}
spec: {selector: {app: shop}, ports: [{name: http, port: 80}, {name: data, port: 90, targetPort: 90}]}
---
kind: Service
metadata: {name: catalog, namespace: other}
spec: {selector: {app: shop}, ports: [{name: http, port: 81, targetPort: 80}]}
---
kind: Service
metadata: {name: second, namespace: other}
spec: {selector: {app: shop}, ports: [{name: udp, port: 80, protocol: UDP}]}
---
kind: PodDisruptionBudget
metadata: {name: shop, namespace: other}
spec: {selector: {matchLabels: {app: shop}}}
---
kind: NetworkPolicy
metadata: {name: podinfo, namespace: test}
spec: {podSelector: {matchLabels: {app: podinfo}}}
---
kind: StatefulSet
metadata: {name: base, namespace: edge}
spec: {selector: {matchLabels: {app: base}}, serviceName: base, template: {metadata: {labels: {app: base, version: v1}}, spec: {containers: [{name: web, image: web}]}}}
---
kind: Service
metadata: {name: base, namespace: edge}
spec: {selector: {app: base}, ports: [{name: http, port: 80}]}
---
kind: Deployment
metadata: {name: gateway, namespace: edge}
spec: {selector: {matchLabels: {istio: gateway}}, template: {metadata: {labels: {istio: gateway}}, spec: {containers: [{name: web, image: web}]}}}
---
kind: DaemonSet
metadata: {name: gateway-too, namespace: edge}
spec: {selector: {matchLabels: {istio: gateway}}, template: {metadata: {labels: {istio: gateway, more: a}}, spec: {containers: [{name: web, image: web}]}}}
---
kind: Service
metadata: {name: gateway, namespace: edge}
spec: {selector: {istio: gateway}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Service
metadata: {name: gateway, namespace: edge}
spec: {selector: {istio: gateway}, ports: [{name: http, port: 90, targetPort: 9090}]}
---
kind: Gateway
metadata: {name: public, namespace: edge}
spec: {selector: {istio: gateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*.example.com"], tls: {credentialName: c}}]}
---
kind: Gateway
metadata: {name: public, namespace: edge}
spec: {selector: {istio: gateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["edge/*"]}]}
---
kind: Gateway
metadata: {name: own, namespace: test}
spec: {selector: {istio: gateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*.example.com"], tls: {credentialName: c}}]}
---
kind: Gateway
metadata: {name: lost, namespace: test}
spec: {selector: {istio: lost}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
kind: Deployment
metadata: {name: lost, namespace: other}
spec: {selector: {matchLabels: {istio: lost}}, template: {metadata: {labels: {istio: lost}}, spec: {containers: [{name: web, image: web}]}}}
---
kind: VirtualService
metadata: {name: web, namespace: test}
spec:
  hosts: [web.example.com]
  gateways: [edge/public, own, edge/gone]
  http:
    - match: [{headers: {"@request.auth.claims.group": {exact: a}}}]
      route: [{destination: {host: catalog.other.svc.cluster.local}, weight: 100}]
    - route: [{destination: {host: base.edge.svc.cluster.local, subset: v1}, weight: 100}]
---
kind: VirtualService
metadata: {name: web, namespace: test}
spec:
  hosts: [web.example.com]
  gateways: [edge/public, own, edge/gone]
  http:
    - route: [{destination: {host: catalog.other.svc.cluster.local, port: {number: 80}}, weight: 50}, {destination: {host: api.example.org}, weight: 50}]
      mirror: {host: payments}
---
kind: VirtualService
metadata: {name: shared, namespace: test, annotations: {sidecar.istio.io/unknown: x, galley.istio.io/analyze-suppress: IST0104}}
spec: {hosts: [api.example.org, base.edge.svc.cluster.local], exportTo: ["*", lost-space], http: [{route: [{destination: {host: api.example.org}}]}]}
---
kind: VirtualService
metadata: {name: shared, namespace: other}
spec: {hosts: [api.example.org, base.edge.svc.cluster.local], http: [{route: [{destination: {host: base.edge.svc.cluster.local, subset: v2}}]}]}
---
kind: VirtualService
metadata: {name: shared, namespace: other}
spec: {hosts: [api.example.org], exportTo: ["."], http: [{route: [{destination: {host: api.example.org}}], retries: {attempts: 1, retryOn: "5xx, reset"}}]}
---
kind: DestinationRule
metadata: {name: base, namespace: test}
spec: {host: base.edge.svc.cluster.local, trafficPolicy: {tls: {mode: DISABLE}}, subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]}
---
kind: DestinationRule
metadata: {name: base, namespace: edge}
spec: {host: base, subsets: [{name: v2, labels: {version: v2}}]}
---
kind: DestinationRule
metadata: {name: base, namespace: edge}
spec: {host: other, subsets: [{name: v2, labels: {version: v2}}]}
---
kind: DestinationRule
metadata: {name: shop, namespace: other}
spec: {host: api.example.org, trafficPolicy: {tls: {mode: SIMPLE}}, exportTo: [edge], workloadSelector: {matchLabels: {app: gone}}}
---
kind: ServiceEntry
metadata: {name: api, namespace: edge}
spec: {hosts: [api.example.org, payments.test.svc.cluster.local], ports: [{number: 443, name: https, protocol: HTTPS}]}
---
kind: ServiceEntry
metadata: {name: api, namespace: edge}
spec: {hosts: ["*.example.com"]}
---
kind: Sidecar
metadata: {name: one, namespace: test}
spec: {workloadSelector: {labels: {app: podinfo}}}
---
kind: Sidecar
metadata: {name: two, namespace: test}
spec: {workloadSelector: {labels: {app: podinfo}}}
---
kind: Sidecar
metadata: {name: two, namespace: test}
spec: {workloadSelector: {labels: {app: gone}}}
---
kind: PeerAuthentication
metadata: {name: strict, namespace: edge}
spec: {mtls: {mode: STRICT}}
---
kind: PeerAuthentication
metadata: {name: strict, namespace: edge}
spec: {selector: {matchLabels: {app: base}}, mtls: {mode: PERMISSIVE}}
---
kind: PeerAuthentication
metadata: {name: strict, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
kind: RequestAuthentication
metadata: {name: tokens, namespace: edge}
spec: {selector: {matchLabels: {istio: gateway}}}
---
kind: AuthorizationPolicy
metadata: {name: gone, namespace: test}
spec: {selector: {matchLabels: {app: gone}}}
)";

const release::LintKind& kind_named(std::string_view kind) {
    const auto all = release::lint_kinds();
    const auto found = std::ranges::find_if(
        all, [&](const release::LintKind& one) { return one.resource.kind == kind; });
    REQUIRE(found != all.end());
    return *found;
}

// The cluster has every kind that lint reads.
void define_every_kind(World& world) {
    for (const auto& kind : release::lint_kinds()) {
        const auto& resource = kind.resource;
        const bool is_policy =
            resource.kind == "NetworkPolicy" || resource.group.starts_with("security.");
        const bool is_of_cluster = resource == release::injector_webhooks();
        if (!is_policy && !is_of_cluster && resource.kind != "ServiceEntry" &&
            resource.kind != "Sidecar") {
            continue;
        }
        const auto definition =
            kube::parse_yaml_documents(fmt::format(R"(
metadata: {{name: {1}.{0}}}
spec:
  group: {0}
  scope: {5}
  names: {{plural: {1}, singular: {3}, kind: {2}, listKind: {2}List}}
  versions: [{{name: {4}, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]
)",
                                                   resource.group,
                                                   resource.plural,
                                                   resource.kind,
                                                   lower_case(resource.kind),
                                                   resource.version,
                                                   is_of_cluster ? "Cluster" : "Namespaced"));
        REQUIRE(definition);
        auto object = definition->front();
        release::name_kind(object, resources::custom_resource_definitions);
        const auto made =
            world.cluster.create(resources::custom_resource_definitions, std::move(object));
        REQUIRE(made);
    }
    world.clock.settle();
}

// Puts what is said of each object in the place of what was there.
class Scenery {
   public:
    explicit Scenery(World& world) : world_(world) {
        const auto documents = kube::parse_yaml_documents(scenery);
        REQUIRE(documents);
        for (auto document : *documents) {
            const auto& kind = kind_named(text_at(document, {"kind"}));
            release::name_kind(document, kind.resource);
            const auto key = kube::key_of(document);
            auto place = std::ranges::find_if(
                places_, [&](const Place& one) { return one.kind == &kind && one.key == key; });
            if (place == places_.end()) place = places_.insert(place, {&kind, key, {}});
            place->forms.push_back(std::move(document));
        }
    }
    void put_all() {
        for (auto& place : places_) put(place, 1);
    }
    bool has(std::string_view kind, std::string_view name) const {
        return std::ranges::any_of(places_, [&](const Place& one) {
            return one.form > 0 && one.kind->resource.kind == kind && one.key.name == name;
        });
    }
    // One object is in another form from now on, or gone.
    std::string change(Random& random) {
        auto& place = places_[random.below(places_.size())];
        const auto forms = place.forms.size() + 1;
        auto form = (place.form + 1 + random.below(forms - 1)) % forms;
        // Most of them are there most of the time.
        if (form == 0 && random.below(2) == 0) form = place.form;
        put(place, form);
        return fmt::format(
            "{} {} in form {}", place.kind->resource.kind, to_string(place.key), form);
    }

   private:
    struct Place {
        const release::LintKind* kind;
        kube::ObjectKey key;
        std::vector<Json> forms;
        std::size_t form = 0;  // 0: none
    };
    void put(Place& place, std::size_t form) {
        const auto& resource = place.kind->resource;
        // Namespaces take their objects along.
        if (form == place.form || (form == 0 && !resource.namespaced)) return;
        if (place.form == 0 && form > 0) {
            const auto made = world_.cluster.create(resource, place.forms[form - 1]);
            REQUIRE_MESSAGE(made, to_text(place.forms[form - 1]));
        } else if (form == 0) {
            REQUIRE(world_.cluster.remove(resource, place.key));
        } else {
            const auto now = world_.cluster.find(resource, place.key);
            REQUIRE(now);
            auto then = *now;
            for (const auto* part : {"spec", "data"}) {
                if (const auto* value = find(place.forms[form - 1], {part}))
                    sluice::put(then, {part}, *value);
            }
            for (const auto* part : {"labels", "annotations"}) {
                if (const auto* value = find(place.forms[form - 1], {"metadata", part}))
                    sluice::put(then, {"metadata", part}, *value);
            }
            const auto updated = world_.cluster.update(resource, then);
            REQUIRE_MESSAGE(updated, to_text(then));
        }
        place.form = form;
    }

    World& world_;
    std::vector<Place> places_;
};

// The way of somebody who may read one namespace.
class OneNamespace final : public net::HttpClient {
   public:
    OneNamespace(net::HttpClient& inner, std::string_view ns)
        : inner_(inner), part_(fmt::format("/namespaces/{}", ns)) {}
    Task<Result<net::Response>> send(net::Request request) override {
        if (request.target.find(part_) != std::string::npos) {
            co_return co_await inner_.send(std::move(request));
        }
        net::Response response;
        response.status = 403;
        response.body = R"({"kind":"Status","code":403,"reason":"Forbidden"})";
        co_return response;
    }
    Task<Result<net::Response>> open(net::Request request) override {
        return send(std::move(request));
    }

   private:
    net::HttpClient& inner_;
    std::string part_;
};

using FoundLines = std::set<std::string>;

Task<> lint(Clock& clock, net::HttpClient& way, std::string ns, FoundLines& lines, bool& done) {
    kube::Client client(clock, way, kube::Connection{.origin = {.host = "api", .port = 443}});
    const auto around = co_await release::read_around(client, ns);
    REQUIRE(around);
    const web::Settings settings;
    const release::Linter linter(
        *around,
        {.scrape_interval = settings.scrape_interval, .min_interval = settings.min_interval});
    for (const auto& object : around->objects) {
        if (!release::is_in_namespace(object, ns)) continue;
        const auto name = kube::key_of(object).name;
        for (const auto& one : linter.look(object)) {
            lines.insert(fmt::format("{} {} {} {} {}: {}",
                                     to_string(one.level),
                                     one.code,
                                     text_at(object, {"kind"}),
                                     name,
                                     one.field,
                                     one.text));
        }
    }
    done = true;
}

FoundLines by_lint(Site& site, net::HttpClient& way, const std::string& ns) {
    FoundLines lines;
    bool done = false;
    site.tasks.spawn("linting", lint(site.world.clock, way, ns, lines, done));
    site.world.clock.settle();
    for (int i = 0; i < 100 && !done; ++i) site.world.run_for(100ms);
    REQUIRE(done);
    return lines;
}

FoundLines by_dashboard(Site& site, std::string_view person, const std::string& ns) {
    FoundLines lines;
    const auto list = json_as(site, person, fmt::format("/validations?limit=1000&ns={}", ns));
    for (const auto& one : array_at(list, {"items"})) {
        lines.insert(fmt::format("{} {} {} {} {}: {}",
                                 text_at(one, {"level"}),
                                 text_at(one, {"code"}),
                                 text_at(one, {"object", "kind"}),
                                 text_at(one, {"object", "name"}),
                                 text_at(one, {"path"}),
                                 text_at(one, {"message"})));
    }
    return lines;
}

std::string only_in(const FoundLines& one, const FoundLines& other) {
    std::string all;
    for (const auto& line : one) {
        if (!other.contains(line)) all += "\n  " + line;
    }
    return all;
}

void check_same(const FoundLines& found, const FoundLines& wanted) {
    CHECK_MESSAGE(
        found == wanted, "missing:", only_in(wanted, found), "\ntoo much:", only_in(found, wanted));
}

}  // namespace

TEST_CASE("the dashboard finds what `sluice lint` finds, whatever changes, and who asks") {
    Site site(for_people());
    define_every_kind(site.world);
    Scenery objects(site.world);
    objects.put_all();
    site.world.run_for(10s);
    // Ann sees everything, Bob one namespace, as if he linted there.
    site.way.people["ann"] = {.name = "ann@x", .sees = {""}, .writes = {}};
    site.way.people["bob"] = {.name = "bob@x", .sees = {"test"}, .writes = {}};
    OneNamespace way_of_bob(site.way, "test");
    std::set<std::string> codes;
    std::size_t left_out = 0;
    std::size_t without_release = 0, of_revision = 0;
    SeededRandom random(9);
    std::string changed;
    for (int step = 0; step < 60; ++step) {
        CAPTURE(changed);
        for (const std::string ns : {"test", "other", "edge", "istio-system"}) {
            CAPTURE(ns);
            const auto wanted = by_lint(site, site.way, ns);
            check_same(by_dashboard(site, "ann", ns), wanted);
            for (const auto& line : wanted) {
                codes.insert(std::string(split(line, ' ')[1]));
                if (line.find("(pod names: [stale])") != std::string::npos) ++of_revision;
            }
            const bool has_release =
                ns == "test" || (ns == "other" && objects.has("Canary", "shop"));
            if (!has_release) without_release += wanted.size();
            if (ns != "test") continue;
            FoundLines plain;
            std::ranges::set_intersection(
                by_lint(site, way_of_bob, ns), wanted, std::inserter(plain, plain.end()));
            check_same(by_dashboard(site, "bob", ns), plain);
            left_out += wanted.size() - plain.size();
        }
        CHECK(by_dashboard(site, "bob", "other").empty());
        changed.clear();
        for (int i = 0; i < 3; ++i) changed += objects.change(random) + "; ";
        site.world.run_for(6s);
    }
    // Or little would have been compared.
    CHECK(left_out > 60);
    CHECK(without_release > 60);
    CHECK(of_revision > 0);
    for (const auto* code :
         {"IST0101", "IST0103", "IST0106", "IST0108", "IST0109", "IST0110", "IST0112",
          "IST0116", "IST0123", "IST0127", "IST0128", "IST0132", "IST0137", "IST0138",
          "IST0140", "IST0145", "IST0149", "IST0158", "IST0162", "IST0173", "IST0174",
          "SLU0001", "SLU0006", "SLU0009", "SLU0011", "SLU0014"}) {
        CHECK_MESSAGE(codes.contains(code), std::string(code));
    }
}

TEST_CASE(
    "what lint may not read in the cluster is named, and nothing wrong is found for want of it") {
    Site site;
    define_every_kind(site.world);
    site.way.forbidden = "/serviceentries";
    site.world.apply_yaml(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: other, namespace: test}
spec: {hosts: [other], http: [{route: [{destination: {host: nobody}}]}]}
)");
    const auto list = site.json("/validations");
    for (const auto& one : array_at(list, {"items"})) CHECK(text_at(one, {"code"}) != "IST0101");
    bool is_told = false;
    for (const auto& problem : array_at(list, {"problems"})) {
        is_told = is_told || (text_at(problem, {"code"}) == "not_judged" &&
                              text_at(problem, {"message"}) ==
                                  "Findings: not judged, for you cannot read them: serviceentries "
                                  "(whether a host is there)");
    }
    CHECK(is_told);
    site.way.forbidden.clear();
    site.world.run_for(1min);
    CHECK(array_at(site.json("/validations?code=IST0101"), {"items"}).size() == 1);
}

TEST_CASE("the kinds that only lint reads are read when somebody asks for findings") {
    Site site;
    define_every_kind(site.world);
    const auto reads = [&](std::string_view kind) {
        const auto mesh = site.json("/mesh");
        return std::ranges::any_of(array_at(mesh, {"caches"}), [&](const Json& cache) {
            return text_at(cache, {"kind"}) == kind;
        });
    };
    site.json("/releases");
    CHECK_FALSE(reads("serviceentries"));
    site.json("/validations");
    CHECK(reads("serviceentries"));
}

TEST_CASE(
    "in a cluster the dashboard needs the controller's role and the one of its page, no more") {
    const auto page = source_file("docs/behaviour/dashboard.md");
    const auto begin = page.find("```yaml\n") + 8;
    Role controller(source_file("deploy/chart/sluice/files/controller.yaml"));
    Role own(page.substr(begin, page.find("```", begin) - begin));
    Site site;
    define_every_kind(site.world);
    site.way.roles = {&controller, &own};
    for (const auto* path : {"/overview",
                             "/releases",
                             "/releases/canary/test/podinfo",
                             "/releases/canary/test/podinfo/yaml",
                             "/topology",
                             "/gateways",
                             "/workloads",
                             "/services",
                             "/mesh",
                             "/events",
                             "/validations"}) {
        CAPTURE(path);
        const auto told = site.json(path);
        for (const auto& problem : array_at(told, {"problems"})) {
            CHECK_MESSAGE(text_at(problem, {"code"}) != "forbidden", to_text(problem));
            CHECK_MESSAGE(text_at(problem, {"code"}) != "not_judged", to_text(problem));
        }
    }
    for (const auto* kind : {"virtualservice", "destinationrule", "gateway", "istiomeshgateway"}) {
        CAPTURE(kind);
        const auto path = fmt::format("/api/ui/v1/objects/{}/test/nobody/yaml", kind);
        CHECK(code_of(site.get(path)) == "not_found");
    }
    // A server without streaming lists is asked to list first.
    for (const auto& row : own.unused()) CHECK_MESSAGE(row.starts_with("list "), row);
}
