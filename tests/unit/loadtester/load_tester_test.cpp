#include "unit/loadtester/bench.hpp"

using namespace sluice;
using namespace sluice::loadtester;
using namespace std::chrono_literals;

TEST_CASE("a gate is closed until it is opened, and stays open until it is closed") {
    Bench bench;
    CHECK(bench.post("/gate/check") == "403 Forbidden");
    CHECK(bench.post("/gate/open") == "202");
    CHECK(bench.post("/gate/check") == "200 Approved");
    CHECK(bench.post("/rollback/check") == "403 Forbidden");
    CHECK(bench.post("/gate/check", R"({"name":"other","namespace":"test"})") == "403 Forbidden");
    CHECK(bench.post("/gate/close") == "202");
    CHECK(bench.post("/gate/check") == "403 Forbidden");
    CHECK(bench.said("podinfo.test gate check: approved true"));
    CHECK(bench.said("podinfo.test gate opened"));
    CHECK(bench.said("podinfo.test gate closed"));
}

TEST_CASE("the rollback switch is a gate of its own") {
    Bench bench;
    CHECK(bench.post("/rollback/open") == "202");
    CHECK(bench.post("/rollback/check") == "200 Approved");
    CHECK(bench.post("/gate/check") == "403 Forbidden");
    CHECK(bench.said("podinfo.test rollback opened"));
    CHECK(bench.ask({.target = "/gate"}) ==
          "200 {\"gates\":[{\"gate\":\"podinfo.test\",\"open\":false},"
          "{\"gate\":\"rollback.podinfo.test\",\"open\":true}]}\n");
}

TEST_CASE("what stands fast answers whatever it is asked") {
    Bench bench;
    CHECK(bench.ask({.target = "/healthz"}) == "200 OK");
    CHECK(bench.post("/gate/approve", "junk") == "200 OK");
    CHECK(bench.post("/gate/halt") == "403 Forbidden");
    CHECK(bench.post("/gate/check", "{") == "400");
    CHECK(bench.post("/anything", "{") == "400");
    CHECK(bench.said("decoding the request body failed"));
}

TEST_CASE("gates close by themselves after a rollout, where that is asked for") {
    Bench bench({.close_gates_after_rollout = true});
    CHECK(bench.post("/gate/open") == "202");
    CHECK(bench.post("/", R"({"name":"podinfo","namespace":"test","type":"post-rollout",
        "metadata":{"cmd":"true"}})") == "202");
    CHECK(bench.post("/gate/check") == "403 Forbidden");
}

TEST_CASE("a command is queued, and runs once at a time (check 24)") {
    Bench bench;
    bench.runner.takes = 1min;
    CHECK(bench.task(R"("cmd":"hey http://a")") == "202");
    CHECK(bench.task(R"("cmd":"hey http://a")") == "202");
    CHECK(bench.task(R"("type":"cmd","cmd":"hey http://b")") == "202");
    CHECK(bench.runner.ran.size() == 2);
    CHECK(bench.runner.ran.front() == std::vector<std::string>{"sh", "-c", "hey http://a"});
    CHECK(bench.said("task starting hey http://a"));
    CHECK(bench.said("command skipped hey http://a is already running"));
    CHECK_FALSE(bench.said("command skipped hey http://b"));
    bench.clock.run_for(2min);
    CHECK(bench.said("command finished hey http://a"));
    CHECK(bench.tester->running().empty());
    CHECK(bench.task(R"("cmd":"hey http://a")") == "202");
    CHECK(bench.runner.ran.size() == 3);
}

TEST_CASE("a command's output is logged where that is asked for, and always when it failed") {
    Bench bench;
    CHECK(bench.task(R"("cmd":"hey")") == "202");
    bench.clock.run_for(5s);
    CHECK_FALSE(bench.said("done"));
    CHECK(bench.task(R"("cmd":"hey","logCmdOutput":"true")") == "202");
    bench.clock.run_for(5s);
    CHECK(bench.said("done"));
    bench.runner.ends = {.cause = "exit status 1", .output = "no such host"};
    CHECK(bench.task(R"("cmd":"hey")") == "202");
    bench.clock.run_for(5s);
    CHECK(bench.said("command failed hey exit status 1 no such host"));
}

TEST_CASE("bash is waited for, and its failure is the answer (check 25)") {
    Bench bench;
    bench.runner.ends = {.cause = "exit status 3"};
    CHECK(bench.task(R"("type":"bash","cmd":"exit 3")") ==
          "500 command exit 3 failed: : exit status 3");
    CHECK(bench.said("bash command exit 3"));
    bench.runner.ends = {.well = true, .output = "hello\n"};
    CHECK(bench.task(R"("type":"bash","cmd":"echo hello")") == "200");
    CHECK(bench.task(R"("type":"bash","cmd":"echo hello","returnCmdOutput":"true")") ==
          "200 hello\n");
    CHECK(bench.runner.ran.back() == std::vector<std::string>{"bash", "-c", "echo hello"});
}

TEST_CASE("helm and kubectl are given their words as blanks divide them") {
    Bench bench;
    CHECK(bench.task(R"("type":"helm","cmd":"test  podinfo --cleanup")") == "200");
    CHECK(bench.runner.ran.back() ==
          std::vector<std::string>{"helm", "test", "podinfo", "--cleanup"});
    CHECK(bench.task(R"("type":"helmv3","cmd":"version")") == "200");
    CHECK(bench.runner.ran.back() == std::vector<std::string>{"helm", "version"});
    CHECK(bench.task(R"("type":"kubectl","cmd":"get pods")") == "200");
    CHECK(bench.said("running command kubectl get pods"));
}

TEST_CASE("every command ends at the time limit") {
    Bench bench({.timeout = 10s});
    bench.runner.takes = 1h;
    CHECK(bench.task(R"("type":"bash","cmd":"sleep 3600")") ==
          "500 command sleep 3600 failed: : signal: killed");
}

TEST_CASE("what is no task is refused in words") {
    Bench bench;
    CHECK(bench.post("/") == "400 metadata not found in payload");
    CHECK(bench.task(R"("logCmdOutput":"true")") == "400 cmd not found in metadata");
    CHECK(bench.task(R"("type":"bash")") == "400 cmd not found in metadata");
    CHECK(bench.task(R"("type":"http","cmd":"x")") == "400 unknown task type http");
    CHECK(bench.task(R"("type":"concord")") == "400 `server` is required with type concord");
    CHECK(bench.task(R"("type":"ngrinder")") ==
          "400 server, clone, username and passwd are required metadata");
    CHECK(bench.runner.ran.empty());
}

TEST_CASE("only the namespaces that may ask get an answer") {
    Bench bench({.may_ask = [](const std::string& ns) { return ns == "prod"; }});
    CHECK(bench.task(R"("cmd":"hey")") == "403 Forbidden");
    CHECK(bench.post("/gate/open") == "403 Forbidden");
    CHECK(bench.post("/gate/open", R"({"name":"podinfo","namespace":"prod"})") == "202");
}

TEST_CASE("with a token nobody gets anything without it, but for the probes") {
    Bench bench({.token = "sesame"});
    const std::string body = R"({"name":"podinfo","namespace":"test"})";
    CHECK(bench.post("/gate/open") == "401 Unauthorized");
    CHECK(bench.post("/gate/open", body, {{"Authorization", "Bearer sesamE"}}) ==
          "401 Unauthorized");
    CHECK(bench.post("/gate/open", body, {{"Authorization", "Bearer sesame"}}) == "202");
    // http://any:sesame@flagger-loadtester.test/
    CHECK(bench.post("/gate/check", body, {{"Authorization", "Basic YW55OnNlc2FtZQ=="}}) ==
          "200 Approved");
    CHECK(bench.ask({.target = "/healthz"}) == "200 OK");
}

TEST_CASE("where programs are named no other one runs, and no shell does") {
    Bench bench({.programs = {"hey", "kubectl"}});
    CHECK(bench.task(R"("cmd":"hey -z 1m 'http://a/?b=1&c=2'")") == "202");
    CHECK(bench.runner.ran.back() ==
          std::vector<std::string>{"hey", "-z", "1m", "http://a/?b=1&c=2"});
    CHECK(bench.task(R"("cmd":"rm -rf /")") ==
          "400 command not allowed: rm is none of hey, kubectl");
    CHECK(bench.task(R"("cmd":"hey http://a; rm -rf /")") ==
          "400 command not allowed: ';' needs a shell");
    CHECK(bench.task(R"("type":"helm","cmd":"test x")") ==
          "400 command not allowed: helm is none of hey, kubectl");
    CHECK(bench.task(R"("type":"kubectl","cmd":"get pods")") == "200");
    CHECK(bench.task(R"("type":"concord")") ==
          "400 command not allowed: concord is none of hey, kubectl");
}

TEST_CASE("there is a bound to what runs at once") {
    Bench bench;
    bench.runner.takes = 10min;
    for (int i = 0; i < 256; ++i) {
        REQUIRE(bench.task(R"("cmd":"hey )" + std::to_string(i) + "\"") == "202");
    }
    CHECK(bench.task(R"("cmd":"one more")") == "429 too many tasks are running");
}
