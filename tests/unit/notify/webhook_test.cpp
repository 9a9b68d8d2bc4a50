#include "notify/webhook.hpp"

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "support/scripted_http.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::notify;
using namespace std::chrono_literals;

namespace {

api::Hook a_hook(std::string url = "http://tester/check") {
    return {.name = "smoke", .url = std::move(url), .timeout = 10s};
}

Task<> call(Webhooks& hooks, api::Hook hook, std::string& text) {
    const auto done = co_await hooks.call(std::move(hook), "{}");
    text = done ? "" : done.error().message;
}

struct Bench {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    testing::ScriptedHttp http{clock};
    Webhooks hooks{http, clock};
    TaskGroup tasks{context.get_executor()};

    // Empty for success.
    std::string call_hook(api::Hook hook = a_hook()) {
        std::string text = "still waiting";
        tasks.spawn("call", call(hooks, std::move(hook), text));
        clock.run_for(1h);
        return text;
    }
};

}  // namespace

TEST_CASE("every 2xx is a yes") {
    Bench bench;
    for (const int status : {200, 202, 204, 206}) {
        bench.http.answer(status);
        CHECK(bench.call_hook().empty());
    }
    CHECK(bench.http.asked()[0].method == "POST");
    CHECK(bench.http.asked()[0].headers.get("content-type") == "application/json");
    CHECK(bench.http.asked()[0].timeout == 10s);
}

TEST_CASE("a refusal shows the body, a server's failure its status too") {
    Bench bench;
    bench.http.answer(403, "nope\n");
    CHECK(bench.call_hook() == "nope");
    bench.http.answer(404);
    CHECK(bench.call_hook() == "status 404: Not Found");
    bench.http.answer(500, "exit status 3");
    CHECK(bench.call_hook() == "status 500: exit status 3");
    CHECK(bench.call_hook(a_hook("http://me:secret@tester/")) ==
          "POST http://tester/ giving up after 1 attempt(s): connection refused");
}

TEST_CASE("only what may pass is tried again, with growing waits") {
    Bench bench;
    auto hook = a_hook();
    hook.timeout = 3s;
    hook.retries = 2;
    bench.http.answer(500);
    bench.http.fail({ErrorKind::timed_out, "timed out after 3s"});
    bench.http.answer(200);
    CHECK(bench.call_hook(hook).empty());
    CHECK(bench.http.asked().size() == 3);
    CHECK(bench.http.asked()[2].timeout == 3s);
    bench.http.answer(501, "never");
    CHECK(bench.call_hook(hook) == "never");
    bench.http.answer(403, "no");
    CHECK(bench.call_hook(hook) == "no");
    CHECK(bench.http.asked().size() == 5);
    for (int i = 0; i < 3; ++i) bench.http.answer(429, "slow", {{"Retry-After", "7"}});
    const auto before = bench.clock.now();
    CHECK(bench.call_hook(hook) == "status 429: slow");
    CHECK(bench.clock.now() - before == 1h);
    CHECK(bench.http.asked().size() == 8);
}

TEST_CASE("redirects are followed, though not for ever") {
    Bench bench;
    bench.http.answer(307, "", {{"Location", "/there"}});
    bench.http.answer(200);
    CHECK(bench.call_hook().empty());
    CHECK(bench.http.asked()[1].target == "/there");
    CHECK(bench.http.asked()[1].method == "POST");
    for (int i = 0; i < 11; ++i) bench.http.answer(302, "", {{"Location", "/again"}});
    CHECK(bench.call_hook() ==
          "POST http://tester/check giving up after 1 attempt(s): stopped after 10 redirects");
}

TEST_CASE("a bad duration or address is the hook's own error") {
    Bench bench;
    auto hook = a_hook();
    hook.timeout = std::nullopt;
    hook.timeout_text = "10 s";
    CHECK(bench.call_hook(hook) == "time: invalid duration \"10 s\"");
    CHECK_FALSE(bench.call_hook(a_hook("tester")).empty());
    CHECK(bench.http.asked().empty());
}
