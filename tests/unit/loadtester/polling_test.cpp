// Concord and nGrinder: started, asked about, and given up in time.
#include "unit/loadtester/bench.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::loadtester;
using namespace std::chrono_literals;

namespace {

struct KeyFile {
    KeyFile()
        : path((std::filesystem::temp_directory_path() /
                ("sluice-key-" + std::to_string(::getpid())))
                   .string()) {
        std::ofstream(path) << "key-1\n";
    }
    ~KeyFile() { std::filesystem::remove(path); }
    KeyFile(const KeyFile&) = delete;
    KeyFile& operator=(const KeyFile&) = delete;

    std::string path;
};

std::string concord(const std::string& key, const std::string& more = "") {
    return R"("type":"concord","server":"http://concord.test/","org":"o","project":"p","repo":"r",)"
           R"("entrypoint":"e","endpoint":"http://a","apiKeyPath":")" +
           key + "\"" + more;
}

const std::string ngrinder =
    R"("type":"ngrinder","server":"http://ngrinder.test","clone":"7","username":"me","passwd":"c2VjcmV0")";

}  // namespace

TEST_CASE("a Concord process is started with its form, and asked about until it has ended") {
    const KeyFile key;
    Bench bench;
    bench.http.answer(200, R"({"instanceId":"i-1"})");
    bench.http.answer(200, R"({"status":"RUNNING"})");
    bench.http.answer(200, R"({"status":"FINISHED"})");
    CHECK(bench.task(concord(key.path, R"(,"arguments.speed":"9")")) == "200");
    const auto& asked = bench.http.asked();
    REQUIRE(asked.size() == 3);
    CHECK(asked[0].method == "POST");
    CHECK(asked[0].target == "/api/v1/process");
    CHECK(asked[0].headers.get("Authorization") == "key-1");
    CHECK(asked[0].headers.get("Content-Type")->starts_with("multipart/form-data; boundary="));
    for (const auto* part : {"name=\"entryPoint\"\r\n\r\ne\r\n",
                             "name=\"arguments.endpoint\"\r\n\r\nhttp://a\r\n",
                             "name=\"arguments.speed\"\r\n\r\n9\r\n"}) {
        CHECK(asked[0].body.find(part) != std::string::npos);
    }
    CHECK(asked[1].method == "GET");
    CHECK(asked[1].target == "/api/v1/process/i-1");
}

TEST_CASE("a Concord process that fails or takes too long fails the hook") {
    const KeyFile key;
    Bench bench;
    bench.http.answer(200, R"({"instanceId":"i-1"})");
    bench.http.answer(200, R"({"status":"FAILED"})");
    CHECK(bench.task(concord(key.path)) == "500 concord instanceID: i-1 failed");
    bench.http.answer(200, R"({"instanceId":"i-2"})");
    for (int i = 0; i < 100; ++i) bench.http.answer(200, R"({"status":"RUNNING"})");
    CHECK(bench.task(concord(key.path)) == "500 concord process timed out, after 30 seconds");
}

TEST_CASE("an order for Concord that is none is refused in the peer's words") {
    Bench bench;
    CHECK(bench.task(concord("/no/key")) == "500 `apiKeyPath` file doesn't exist /no/key");
    CHECK(bench.task(concord("k", R"(,"pollInterval":"5s")")) ==
          "400 unable to convert `pollInterval` to int");
    CHECK(bench.task(concord("k", R"(,"arguments.endpoint":"x")")) ==
          "400 You cannot override Endpoint through arguments. You must override Endpoint "
          "directly");
    CHECK(bench.http.asked().empty());
}

TEST_CASE("an nGrinder test is cloned, started and watched beside the hooks") {
    Bench bench;
    bench.http.answer(200, R"({"id":42})");
    bench.http.answer(200, R"({"status":{"name":"TESTING"}})");
    bench.http.answer(200, R"({"status":"FINISHED"})");
    CHECK(bench.task(ngrinder) == "202");
    bench.clock.run_for(1min);
    const auto& asked = bench.http.asked();
    REQUIRE(asked.size() == 3);
    CHECK(asked[0].method == "POST");
    CHECK(asked[0].target == "/perftest/api/7/clone_and_start");
    CHECK(asked[0].headers.get("Authorization") == "Basic bWU6c2VjcmV0");
    CHECK(asked[1].target == "/perftest/api/42/status");
    CHECK(bench.said("command finished ngrinder 7"));
}

TEST_CASE("an nGrinder test that never ends is stopped at the limit") {
    Bench bench({.timeout = 10s});
    bench.http.answer(200, R"({"id":42})");
    for (int i = 0; i < 10; ++i) bench.http.answer(200, R"({"status":"TESTING"})");
    CHECK(bench.task(ngrinder) == "202");
    bench.clock.run_for(1min);
    CHECK(bench.http.asked().back().method == "PUT");
    CHECK(bench.http.asked().back().target == "/perftest/api/42?action=stop");
    CHECK(bench.tester->running().empty());
}

TEST_CASE("an order for nGrinder that is none is refused in the peer's words") {
    Bench bench;
    CHECK(
        bench.task(R"("type":"ngrinder","server":"a","clone":"7","username":"me","passwd":"eA==")")
            .starts_with("400 invalid url: a: "));
    CHECK(
        bench.task(
            R"("type":"ngrinder","server":"http://a","clone":"x","username":"m","passwd":"eA==")") ==
        "400 metadata clone must be integer: x");
}
