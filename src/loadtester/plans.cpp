// From the command lines of hey and wrk to a plan of requests.
#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "loadtester/arguments.hpp"
#include "loadtester/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::loadtester {
namespace {

using std::chrono::seconds;

// One machine plays cluster and users.
constexpr std::int64_t workers_max = 1000;
constexpr std::int64_t requests_max = 100'000'000;

Error wrong(std::string_view program, std::string why) {
    return {ErrorKind::invalid, fmt::format("{}: {}", program, why)};
}

struct Limits {
    std::string_view program;
    std::int64_t least = 1;
    std::int64_t most = requests_max;
};

Result<std::int64_t> number(const Arguments& arguments,
                            std::string_view option,
                            std::int64_t otherwise,
                            Limits limits) {
    if (!arguments.has(option)) return otherwise;
    const auto text = arguments.value(option);
    const auto value = parse_integer(text);
    if (value && *value >= limits.least && *value <= limits.most) return *value;
    return wrong(
        limits.program,
        fmt::format("-{} {} is no number from {} to {}", option, text, limits.least, limits.most));
}

Result<void> add_headers(const Arguments& arguments, std::string_view program, LoadPlan& plan) {
    for (const auto& header : arguments.values("H")) {
        const auto colon = header.find(':');
        if (colon == std::string::npos || colon == 0 ||
            header.find_first_of("\r\n") != std::string::npos) {
            return wrong(program, fmt::format("-H {} is no header", header));
        }
        plan.request.headers.add(trimmed(std::string_view(header).substr(0, colon)),
                                 trimmed(std::string_view(header).substr(colon + 1)));
    }
    return {};
}

Result<void> aim(const Arguments& arguments, std::string_view program, LoadPlan& plan) {
    if (arguments.rest.size() != 1) {
        return wrong(program, fmt::format("needs one URL, there are {}", arguments.rest.size()));
    }
    plan.url = arguments.rest.front();
    const auto request = net::request_for(plan.url);
    if (!request) return wrong(program, request.error().message);
    plan.request = *request;
    return {};
}

}  // namespace

Result<LoadPlan> hey_plan(const std::vector<std::string>& words) {
    static const Grammar grammar{
        .program = "hey",
        .with_value = {"n",
                       "c",
                       "q",
                       "z",
                       "o",
                       "m",
                       "t",
                       "A",
                       "d",
                       "D",
                       "T",
                       "a",
                       "x",
                       "H",
                       "U",
                       "host",
                       "cpus"},
        .alone = {"h2", "disable-compression", "disable-keepalive", "disable-redirects"}};
    const auto read = read_arguments(grammar, words);
    if (!read) return read.error();
    for (const std::string_view unable : {"D", "x", "o"}) {
        if (read->has(unable)) {
            return wrong("hey", fmt::format("the lab's load generator has no -{}", unable));
        }
    }
    LoadPlan plan;
    const auto aimed = aim(*read, "hey", plan);
    if (!aimed) return aimed.error();
    const auto workers = number(*read, "c", 50, {.program = "hey", .most = workers_max});
    if (!workers) return workers.error();
    plan.workers = static_cast<int>(*workers);
    if (const auto text = read->value("z"); !text.empty()) {
        plan.lasts = parse_duration(text);
        if (!plan.lasts || *plan.lasts <= Duration{}) {
            return wrong("hey", fmt::format("-z {} is no duration", text));
        }
    }
    const auto requests = number(*read, "n", 200, {.program = "hey"});
    if (!requests) return requests.error();
    plan.requests = *requests;
    if (!plan.lasts && plan.requests < plan.workers) {
        return wrong("hey", "-n cannot be less than -c");
    }
    if (const auto text = read->value("q"); !text.empty()) {
        const auto rate = parse_number(text);
        if (!rate || !std::isfinite(*rate) || *rate < 0) {
            return wrong("hey", fmt::format("-q {} is no rate", text));
        }
        plan.per_second = *rate;
    }
    const auto timeout = number(*read, "t", 20, {.program = "hey", .least = 0, .most = 86'400});
    if (!timeout) return timeout.error();
    plan.request.timeout =
        *timeout == 0 ? Duration{std::chrono::hours{24}} : Duration{seconds{*timeout}};
    plan.request.method = read->has("m") ? read->value("m") : "GET";
    plan.request.headers.set("User-Agent", "hey/0.0.1");
    plan.request.headers.set("Content-Type", read->has("T") ? read->value("T") : "text/html");
    if (read->has("A")) plan.request.headers.set("Accept", read->value("A"));
    if (read->has("U")) plan.request.headers.set("User-Agent", read->value("U") + " hey/0.0.1");
    if (read->has("a")) {
        plan.request.headers.set("Authorization", "Basic " + base64(read->value("a")));
    }
    const auto headers = add_headers(*read, "hey", plan);
    if (!headers) return headers.error();
    if (read->has("host")) plan.request.headers.set("Host", read->value("host"));
    if (!read->has("disable-compression")) plan.request.headers.set("Accept-Encoding", "gzip");
    if (read->has("disable-keepalive")) plan.request.headers.set("Connection", "close");
    plan.request.body = read->value("d");
    plan.follow_redirects = !read->has("disable-redirects");
    if (read->has("h2")) plan.remarks.emplace_back("-h2: the lab speaks HTTP/1.1");
    return plan;
}

Result<LoadPlan> wrk_plan(const std::vector<std::string>& words) {
    static const Grammar grammar{.program = "wrk",
                                 .with_value = {"t",
                                                "c",
                                                "d",
                                                "s",
                                                "H",
                                                "T",
                                                "R",
                                                "threads",
                                                "connections",
                                                "duration",
                                                "timeout",
                                                "rate",
                                                "header",
                                                "script"},
                                 .alone = {"L", "latency", "U", "u"},
                                 .letters = true};
    const auto read = read_arguments(grammar, words);
    if (!read) return read.error();
    if (read->has("s") || read->has("script")) {
        return wrong("wrk", "the lab's load generator runs no scripts");
    }
    // The long names stand for the letters.
    auto arguments = *read;
    for (auto& [name, value] : arguments.options) {
        if (name == "threads") name = "t";
        if (name == "connections") name = "c";
        if (name == "duration") name = "d";
        if (name == "timeout") name = "T";
        if (name == "rate") name = "R";
        if (name == "header") name = "H";
    }
    LoadPlan plan;
    plan.style = LoadPlan::Style::wrk;
    plan.follow_redirects = false;
    const auto aimed = aim(arguments, "wrk", plan);
    if (!aimed) return aimed.error();
    const auto connections = number(arguments, "c", 10, {.program = "wrk", .most = workers_max});
    if (!connections) return connections.error();
    plan.workers = static_cast<int>(*connections);
    // Threads are of no account where one does it all.
    const auto threads = number(arguments, "t", 2, {.program = "wrk", .most = workers_max});
    if (!threads) return threads.error();
    const auto text = arguments.has("d") ? arguments.value("d") : "10s";
    plan.lasts = parse_duration(is_digit(text.empty() ? ' ' : text.back()) ? text + "s" : text);
    if (!plan.lasts || *plan.lasts <= Duration{}) {
        return wrong("wrk", fmt::format("-d {} is no duration", text));
    }
    const auto rate = number(arguments, "R", 0, {.program = "wrk", .least = 0});
    if (!rate) return rate.error();
    plan.per_second = static_cast<double>(*rate) / plan.workers;
    const auto headers = add_headers(arguments, "wrk", plan);
    if (!headers) return headers.error();
    plan.request.timeout = seconds{2};
    if (const auto limit = parse_duration(arguments.value("T")); limit && *limit > Duration{}) {
        plan.request.timeout = *limit;
    }
    return plan;
}

}  // namespace sluice::loadtester
