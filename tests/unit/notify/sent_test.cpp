// What was sent: kept in order, bounded, without what may be secret.
#include "notify/sent.hpp"

#include "base/async/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace sluice;
using namespace sluice::notify;
using namespace std::chrono_literals;

namespace {

struct Kept {
    boost::asio::io_context context;
    VirtualClock clock{context, Time{}};
    SentLog log{clock};
};

}  // namespace

TEST_CASE("of each release the last fifty that were sent are kept, newest first") {
    Kept kept;
    for (int i = 0; i < 60; ++i) {
        kept.log.note({"test", "web"}, {.at = Time{} + i * 1s, .name = fmt::format("{}", i)});
    }
    kept.log.note({"test", "other"}, {.name = "x"});
    const auto all = kept.log.of({"test", "web"});
    REQUIRE(all.size() == SentLog::kept);
    CHECK(all.front().name == "59");
    CHECK(all.back().name == "10");
    // What began before them and ended later stands where it began.
    kept.log.note({"test", "web"}, {.at = Time{} + 57500ms, .name = "slow"});
    CHECK(kept.log.of({"test", "web"})[2].name == "slow");
    kept.log.forget({"test", "web"});
    CHECK(kept.log.of({"test", "web"}).empty());
    CHECK(kept.log.of({"test", "other"}).size() == 1);
}

TEST_CASE("of very many releases those are forgotten that were told of least recently") {
    Kept kept;
    for (std::size_t i = 0; i <= SentLog::releases_max; ++i) {
        kept.clock.run_for(1s);
        kept.log.note({"test", fmt::format("{}", i)}, {.name = "x"});
    }
    CHECK(kept.log.of({"test", "0"}).empty());
    CHECK(kept.log.of({"test", "1"}).size() == 1);
}

TEST_CASE("a sending says how long it took and why it failed, without its address' query") {
    Kept kept;
    Sending good(&kept.log, {"test", "web"}, SentKind::webhook, "load");
    kept.clock.run_for(30ms);
    good.end({});
    CHECK(kept.log.of({"test", "web"})[0] ==
          Sent{.at = Time{}, .kind = SentKind::webhook, .name = "load", .took = 30ms});

    Sending bad(&kept.log, {"test", "web"}, SentKind::webhook, "load");
    bad.end(Error{ErrorKind::unreachable,
                  "POST http://h.test/x?token=secret giving up after 1 attempt(s): refused"},
            "http://me:word@h.test/x?token=secret");
    CHECK(kept.log.of({"test", "web"})[0].error ==
          "POST http://h.test/x?… giving up after 1 attempt(s): refused");

    Sending quiet(&kept.log, {"test", "web"}, SentKind::alert, "chat");
    quiet.end(Error{ErrorKind::denied, ""});
    CHECK(kept.log.of({"test", "web"})[0].error == "it was not taken");

    // Where nobody keeps a log.
    Sending(nullptr, {"test", "web"}, SentKind::alert, "chat").end({});
}
