#include "loadtester/generator.hpp"

#include "base/core/text.hpp"
#include "loadtester/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace sluice::loadtester {
namespace {

constexpr int redirects_max = 10;
constexpr std::size_t body_limit = std::size_t{64} * 1024 * 1024;
// Longer runs go on without remembering more.
constexpr std::size_t latencies_max = 1'000'000;
constexpr std::size_t errors_max = 100;  // different ones

Ended refused(std::string why) {
    return {.well = false, .cause = "exit status 1", .output = std::move(why) + "\n"};
}

bool moves(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void note(LoadResult& result, const Result<net::Response>& answer, Duration took) {
    if (!answer) {
        auto& message = answer.error().message;
        if (result.errors.contains(message) || result.errors.size() < errors_max) {
            ++result.errors[message];
        } else {
            ++result.errors["others"];
        }
        return;
    }
    ++result.statuses[answer->status];
    result.bytes += answer->body.size();
    if (result.latencies.size() < latencies_max) result.latencies.push_back(took);
}

const Grammar& curl_grammar() {
    static const Grammar grammar{.program = "curl",
                                 .with_value = {"X",
                                                "request",
                                                "H",
                                                "header",
                                                "d",
                                                "data",
                                                "data-raw",
                                                "m",
                                                "max-time",
                                                "o",
                                                "output",
                                                "u",
                                                "user",
                                                "A",
                                                "user-agent",
                                                "b",
                                                "cookie",
                                                "e",
                                                "connect-timeout",
                                                "w",
                                                "write-out",
                                                "retry"},
                                 .alone = {"s",
                                           "silent",
                                           "S",
                                           "show-error",
                                           "f",
                                           "fail",
                                           "L",
                                           "location",
                                           "k",
                                           "insecure",
                                           "i",
                                           "include",
                                           "I",
                                           "head",
                                           "v",
                                           "verbose",
                                           "g",
                                           "N"},
                                 .letters = true};
    return grammar;
}

std::string either(const Arguments& read, std::string_view letter, std::string_view name) {
    return read.has(letter) ? read.value(letter) : read.value(name);
}

Error wrong(std::string why) {
    return {ErrorKind::invalid, "curl: " + std::move(why)};
}

// "%{http_code}\n", of which no more is known.
std::string written_out(std::string format, int status) {
    const auto put = [&](const std::string& what, const std::string& by) {
        for (auto at = format.find(what); at != std::string::npos;
             at = format.find(what, at + by.size())) {
            format.replace(at, what.size(), by);
        }
    };
    put("%{http_code}", fmt::format("{:03}", status));
    put("%{response_code}", fmt::format("{:03}", status));
    put("\\n", "\n");
    return format;
}

Result<net::Request> curl_request(const Arguments& read) {
    if (read.rest.size() != 1) {
        return wrong(fmt::format("needs one URL, there are {}", read.rest.size()));
    }
    auto url = read.rest.front();
    if (url.find("://") == std::string::npos) url = "http://" + url;
    auto request = net::request_for(url);
    if (!request) return wrong(request.error().message);
    std::vector<std::string> data = read.values("d");
    for (const std::string_view name : {"data", "data-raw"}) {
        for (auto& value : read.values(name)) data.push_back(std::move(value));
    }
    for (const auto& value : data) {
        if (value.starts_with('@')) return wrong("the lab reads no files");
    }
    request->headers.set("User-Agent", "curl/8.0");
    request->headers.set("Accept", "*/*");
    if (!data.empty()) {
        request->method = "POST";
        request->body = joined(data, "&");
        request->headers.set("Content-Type", "application/x-www-form-urlencoded");
    }
    if (read.has("I") || read.has("head")) request->method = "HEAD";
    if (const auto method = either(read, "X", "request"); !method.empty()) {
        request->method = method;
    }
    auto headers = read.values("H");
    for (auto& value : read.values("header")) headers.push_back(std::move(value));
    for (const auto& header : headers) {
        const auto colon = header.find(':');
        if (colon == std::string::npos || header.find_first_of("\r\n") != std::string::npos) {
            return wrong(fmt::format("-H {} is no header", header));
        }
        request->headers.set(trimmed(std::string_view(header).substr(0, colon)),
                             trimmed(std::string_view(header).substr(colon + 1)));
    }
    if (const auto agent = either(read, "A", "user-agent"); !agent.empty()) {
        request->headers.set("User-Agent", agent);
    }
    if (const auto cookie = either(read, "b", "cookie"); !cookie.empty()) {
        request->headers.set("Cookie", cookie);
    }
    if (const auto user = either(read, "u", "user"); !user.empty()) {
        request->headers.set("Authorization", "Basic " + base64(user));
    }
    if (const auto limit = parse_number(either(read, "m", "max-time")); limit && *limit > 0) {
        constexpr double day = 86'400;
        request->timeout =
            std::chrono::milliseconds{static_cast<std::int64_t>(std::min(*limit, day) * 1000)};
    }
    const auto file = either(read, "o", "output");
    if (!file.empty() && file != "/dev/null" && file != "-") {
        return wrong("the lab writes no files");
    }
    return request;
}

}  // namespace

std::uint64_t LoadResult::answers() const {
    std::uint64_t sum = 0;
    for (const auto& [status, count] : statuses) sum += count;
    return sum;
}

Task<Ended> Generator::run(Command command) {
    if (command.words.empty()) co_return refused("there is no command");
    const auto program = command.words.front();
    const std::vector<std::string> arguments(command.words.begin() + 1, command.words.end());
    if (program == "curl") co_return co_await fetch(arguments, command.limit);
    if (program != "hey" && program != "wrk") {
        co_return refused("the lab's load tester runs hey, wrk and curl, not " + program);
    }
    auto plan = program == "hey" ? hey_plan(arguments) : wrk_plan(arguments);
    if (!plan) co_return refused(plan.error().message);
    co_return co_await make_load(std::move(*plan), command.limit);
}

// --- load -------------------------------------------------------------------------------------

struct Generator::Run {
    std::shared_ptr<const void> hold;
    LoadPlan plan;
    LoadResult result;
    Time began;
    Time end;               // nothing is sent after it
    std::int64_t left = 0;  // requests, where they are counted
};

Task<Ended> Generator::make_load(LoadPlan plan, Duration limit) {
    const auto run = std::make_shared<Run>();
    if (hold_) run->hold = hold_();
    run->plan = std::move(plan);
    run->began = clock_.now();
    const auto lasts = run->plan.lasts.value_or(limit);
    run->end = run->began + std::min(lasts, limit);
    run->left = run->plan.requests;
    TaskGroup workers(executor_);
    for (int worker = 0; worker < run->plan.workers; ++worker) {
        workers.spawn("load", work(run, worker));
    }
    co_await workers.wait();
    run->result.took = clock_.now() - run->began;
    co_return Ended{.well = true, .output = summary(run->plan, run->result)};
}

// Ends at the run's end, or when its requests are sent. A request that is under way at the end may
// finish within its own time.
Task<> Generator::work(std::shared_ptr<Run> run, int worker) {
    const auto& plan = run->plan;
    const bool paced = plan.per_second > 0;
    const auto pause =
        paced ? Duration{static_cast<Duration::rep>(1e9 / plan.per_second)} : Duration{};
    // The workers' beats lie between each other's, so the stream is even.
    auto next = run->began + pause * worker / plan.workers;
    while (clock_.now() < run->end && (plan.lasts || run->left > 0)) {
        if (paced) {
            if (next >= run->end) co_return;
            co_await clock_.sleep_until(next);
            // What a slow answer has held up is not made up for.
            next = std::max(next + pause, clock_.now());
        }
        if (!plan.lasts) --run->left;
        const auto sent = clock_.now();
        const auto answer = co_await send(run->plan);
        note(run->result, answer, clock_.now() - sent);
        // One that is refused at once would spin.
        if (!answer && !paced) co_await clock_.sleep_for(std::chrono::milliseconds{10});
    }
}

Task<Result<net::Response>> Generator::send(LoadPlan plan) {
    auto& request = plan.request;
    request.body_limit = body_limit;
    for (int redirects = 0;; ++redirects) {
        auto answer = co_await http_.send(request);
        if (!answer || !plan.follow_redirects || !moves(answer->status)) co_return answer;
        const auto location = answer->headers.get("Location");
        if (!location) co_return answer;
        if (redirects == redirects_max) {
            co_return Error{ErrorKind::bad_answer, "stopped after 10 redirects"};
        }
        const bool is_path = location->starts_with("/") && !location->starts_with("//");
        const auto to = is_path ? Result<net::Url>(net::Url{request.origin, std::string(*location)})
                                : net::parse_url(*location);
        if (!to) co_return to.error();
        if (to->origin != request.origin) {
            request.headers.erase("Host");
            request.headers.erase("Authorization");
        }
        request.origin = to->origin;
        request.target = to->target;
        if (answer->status < 307) {
            request.method = "GET";
            request.body.clear();
        }
    }
}

// --- one request ------------------------------------------------------------------------------

Task<Ended> Generator::fetch(std::vector<std::string> arguments, Duration limit) {
    const auto read = read_arguments(curl_grammar(), arguments);
    if (!read) co_return refused(read.error().message);
    auto request = curl_request(*read);
    if (!request) co_return refused(request.error().message);
    request->timeout = std::min(request->timeout, limit);
    LoadPlan plan;
    plan.request = std::move(*request);
    plan.follow_redirects = read->has("L") || read->has("location");
    const auto answer = co_await send(std::move(plan));

    const bool quiet =
        (read->has("s") || read->has("silent")) && !read->has("S") && !read->has("show-error");
    const auto ended = [&](int code, const std::string& what) {
        return Ended{.well = false,
                     .cause = fmt::format("exit status {}", code),
                     .output = quiet ? "" : fmt::format("curl: ({}) {}\n", code, what)};
    };
    if (!answer) {
        const bool late = answer.error().kind == ErrorKind::timed_out;
        co_return ended(late ? 28 : 7, answer.error().message);
    }
    if (answer->status >= 400 && (read->has("f") || read->has("fail"))) {
        co_return ended(22, fmt::format("The requested URL returned error: {}", answer->status));
    }
    Ended done{.well = true};
    if (read->has("i") || read->has("include") || read->has("I") || read->has("head")) {
        done.output =
            fmt::format("HTTP/1.1 {} {}\r\n", answer->status, net::reason_phrase(answer->status));
        for (const auto& [name, value] : answer->headers) {
            done.output += fmt::format("{}: {}\r\n", name, value);
        }
        done.output += "\r\n";
    }
    if (either(*read, "o", "output") != "/dev/null") done.output += answer->body;
    done.output += written_out(either(*read, "w", "write-out"), answer->status);
    if (done.output.size() > output_max) done.output.resize(output_max);
    co_return done;
}

}  // namespace sluice::loadtester
