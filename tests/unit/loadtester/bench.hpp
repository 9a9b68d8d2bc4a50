// A load tester in virtual time, whose commands end as they are told to.
#pragma once

#include "base/async/virtual_clock.hpp"
#include "loadtester/load_tester.hpp"
#include "support/scripted_http.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>

namespace sluice::loadtester {

class ScriptedRunner final : public TaskRunner {
   public:
    explicit ScriptedRunner(Clock& clock) : clock_(clock) {}

    Duration takes = std::chrono::seconds{1};
    Ended ends{.well = true, .output = "done\n"};
    std::vector<std::vector<std::string>> ran;

    Task<Ended> run(Command command) override {
        ran.push_back(command.words);
        co_await clock_.sleep_for(std::min(takes, command.limit));
        if (takes > command.limit) co_return Ended{.cause = "signal: killed"};
        co_return ends;
    }

   private:
    Clock& clock_;
};

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    std::vector<std::string> lines;
    Logger log{clock, {.format = LogFormat::text}, [this](std::string_view line) {
                   lines.emplace_back(line);
               }};
    ScriptedRunner runner{clock};
    testing::ScriptedHttp http{clock};
    std::unique_ptr<LoadTester> tester;
    TaskGroup tasks{context.get_executor()};

    explicit Bench(Options options = {}, Gates gates = {}) {
        tester = std::make_unique<LoadTester>(
            context.get_executor(), clock, log, runner, http, std::move(gates), std::move(options));
    }
    ~Bench() {
        tester->cancel();
        tasks.cancel();
        clock.settle();
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    // "202", "403 Forbidden"; what the answer takes passes.
    std::string post(const std::string& path,
                     const std::string& body = R"({"name":"podinfo","namespace":"test"})",
                     const net::Headers& headers = {}) {
        return ask({.method = "POST", .target = path, .headers = headers, .body = body});
    }
    std::string ask(net::Request request) {
        std::string text = "still waiting";
        tasks.spawn("ask", answer_into(std::move(request), &text));
        clock.settle();
        for (int i = 0; i < 10'000 && text == "still waiting"; ++i) {
            clock.run_for(std::chrono::seconds{1});
        }
        return text;
    }
    // A task of podinfo.test with that metadata, as JSON's inside.
    std::string task(const std::string& metadata) {
        return post("/",
                    R"({"name":"podinfo","namespace":"test","phase":"Progressing","metadata":{)" +
                        metadata + "}}");
    }
    bool said(const std::string& words) const {
        return std::ranges::any_of(
            lines, [&](const auto& line) { return line.find(words) != std::string::npos; });
    }

   private:
    Task<> answer_into(net::Request request, std::string* text) {
        const auto answer = co_await tester->handle(std::move(request));
        *text = std::to_string(answer.status);
        if (!answer.body.empty()) *text += " " + answer.body;
    }
};

}  // namespace sluice::loadtester
