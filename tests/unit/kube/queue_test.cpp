#include "kube/queue.hpp"

#include "world.hpp"

using namespace sluice;
using namespace sluice::kube;
using namespace sluice::kube::test;

namespace {

struct Passes {
    explicit Passes(QueueOptions options = {})
        : queue(
              world.context.get_executor(),
              world.clock,
              world.log,
              [this](ObjectKey key) { return pass(std::move(key)); },
              options) {
        world.tasks.spawn("queue", queue.run());
    }
    ~Passes() {
        world.tasks.cancel();
        world.clock.settle();
    }

    Task<Result<std::optional<Time>>> pass(ObjectKey key) {
        begun.push_back(key.name + "@" + std::to_string((world.clock.now() - start) / 1ms));
        ++under_way[key.name];
        most = std::max(most, under_way[key.name]);
        if (takes.contains(key.name)) co_await world.clock.sleep_for(takes[key.name]);
        --under_way[key.name];
        if (fails.contains(key.name)) co_return fails.at(key.name);
        if (wakes.contains(key.name)) co_return world.clock.now() + wakes[key.name];
        co_return std::optional<Time>{};
    }

    // Whether each pause was at least the one given, and longer by a fifth at most.
    bool pauses_within(const std::vector<Duration>& wanted) const {
        const auto moment = [](const std::string& look) {
            return std::chrono::milliseconds{std::stoll(look.substr(look.find('@') + 1))};
        };
        if (begun.size() != wanted.size() + 1) return false;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const auto pause = moment(begun[i + 1]) - moment(begun[i]);
            // Moments are cut to whole milliseconds.
            if (pause + 1ms < wanted[i] || pause > wanted[i] + wanted[i] / 5 + 1ms) return false;
        }
        return true;
    }

    World world;
    Time start = world.clock.now();
    std::map<std::string, Duration> takes;
    std::map<std::string, Error> fails;
    std::map<std::string, Duration> wakes;
    std::map<std::string, int> under_way;
    int most = 0;
    std::vector<std::string> begun;
    WorkQueue queue;
};

const ObjectKey a{"prod", "a"};
const ObjectKey b{"prod", "b"};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a key that is added several times gets one pass") {
    Passes passes;
    passes.queue.add(a);
    passes.queue.add(b);
    passes.queue.add(a);
    CHECK(passes.queue.waiting() == 2);
    passes.world.clock.settle();
    CHECK(passes.begun == Names{"a@0", "b@0"});
    CHECK(passes.queue.waiting() == 0);
    CHECK(passes.queue.working() == 0);
}

TEST_CASE("a key that is added during its pass gets one more after it, and never two at a time") {
    Passes passes;
    passes.takes["a"] = 10ms;
    passes.queue.add(a);
    passes.world.clock.settle();
    passes.queue.add(a);
    passes.queue.add(a);
    passes.world.clock.run_for(1s);
    CHECK(passes.begun == Names{"a@0", "a@10"});
    CHECK(passes.most == 1);
}

TEST_CASE("what was added before a pass looked needs no further pass, what comes after does") {
    Passes passes;
    passes.takes["a"] = 10ms;
    passes.queue.add(a);
    passes.world.clock.settle();
    passes.queue.add(a);
    passes.queue.note_look(a);
    passes.world.clock.run_for(1s);
    CHECK(passes.begun == Names{"a@0"});

    passes.queue.add(a);
    passes.world.clock.settle();
    passes.queue.note_look(a);
    passes.queue.add(a);
    passes.world.clock.run_for(1s);
    CHECK(passes.begun == Names{"a@0", "a@1000", "a@1010"});
}

TEST_CASE("a slow key does not hold up the others") {
    Passes passes;
    passes.takes["a"] = 1h;
    passes.queue.add(a);
    passes.world.clock.settle();
    passes.queue.add(b);
    passes.world.clock.settle();
    CHECK(passes.begun == Names{"a@0", "b@0"});
}

TEST_CASE("no more passes are under way than there are workers") {
    Passes passes({.workers = 1});
    passes.takes["a"] = 10ms;
    passes.queue.add(a);
    passes.queue.add(b);
    passes.world.clock.settle();
    CHECK(passes.begun == Names{"a@0"});
    passes.world.clock.run_for(1s);
    CHECK(passes.begun == Names{"a@0", "b@10"});
}

TEST_CASE("a failing key comes again later each time, and a success forgets the failures") {
    Passes passes;
    passes.fails.emplace("a", Error{ErrorKind::conflict, "changed"});
    passes.queue.add(a);
    passes.world.clock.run_for(100ms);
    CHECK(passes.pauses_within({5ms, 10ms, 20ms, 40ms}));
    passes.fails.clear();
    passes.world.clock.run_for(100ms);
    CHECK(passes.pauses_within({5ms, 10ms, 20ms, 40ms, 80ms}));
    passes.fails.emplace("a", Error{ErrorKind::conflict, "changed"});
    passes.queue.add(a);
    passes.world.clock.run_for(7ms);
    CHECK(passes.begun.size() == 8);
}

TEST_CASE("the back-off has a ceiling, and a server that asks for more time gets it") {
    Passes passes({.backoff = 1s, .backoff_max = 4s});
    passes.fails.emplace("a", Error{ErrorKind::unavailable, "away"});
    passes.queue.add(a);
    passes.world.clock.run_for(20s);
    REQUIRE(passes.begun.size() >= 5);
    passes.begun.resize(5);
    CHECK(passes.pauses_within({1s, 2s, 4s, 4s}));
    passes.fails.at("a").retry_after = 30s;
    passes.world.clock.run_for(6s);
    passes.begun.clear();
    passes.world.clock.run_for(24s);
    CHECK(passes.begun.empty());
    passes.world.clock.run_for(13s);
    CHECK(passes.begun.size() == 1);
}

TEST_CASE("keys that fail together come again apart, and as before in each run") {
    const auto second_looks = [] {
        Passes passes({.backoff = 10s, .backoff_max = 10s});
        for (const auto* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
            passes.fails.emplace(name, Error{ErrorKind::unavailable, "away"});
            passes.queue.add({"prod", name});
        }
        passes.world.clock.run_for(1s);
        passes.begun.clear();
        passes.world.clock.run_for(11s);
        return passes.begun;
    };
    const auto looks = second_looks();
    CHECK(looks.size() == 8);
    std::set<std::string> moments;
    for (const auto& look : looks) moments.insert(look.substr(look.find('@')));
    CHECK(moments.size() >= 7);
    CHECK(looks == second_looks());
}

TEST_CASE("of several wakes the earliest counts, and an added key is not woken again for it") {
    Passes passes;
    passes.queue.wake_at(a, passes.start + 5s);
    passes.queue.wake_at(a, passes.start + 3s);
    passes.queue.wake_at(a, passes.start + 9s);
    CHECK(passes.queue.next_wake() == passes.start + 3s);
    passes.world.clock.run_for(20s);
    CHECK(passes.begun == Names{"a@3000"});
    passes.queue.wake_at(a, passes.start + 30s);
    passes.queue.add(a);
    passes.world.clock.run_for(1min);
    CHECK(passes.begun == Names{"a@3000", "a@20000"});
}

TEST_CASE("a pass says when to come again") {
    Passes passes;
    passes.wakes["a"] = 10s;
    passes.queue.add(a);
    passes.world.clock.run_for(25s);
    CHECK(passes.begun == Names{"a@0", "a@10000", "a@20000"});
}

TEST_CASE("a forgotten key is not looked at again") {
    Passes passes;
    passes.fails.emplace("a", Error{ErrorKind::conflict, "changed"});
    passes.queue.add(a);
    passes.world.clock.settle();
    passes.queue.forget(a);
    passes.queue.add(b);
    passes.queue.forget(b);
    passes.world.clock.run_for(1min);
    CHECK(passes.begun == Names{"a@0"});
}

TEST_CASE("a queue that is cancelled ends its passes") {
    Passes passes;
    passes.takes["a"] = 1h;
    passes.queue.add(a);
    passes.world.clock.settle();
    passes.world.tasks.cancel();
    passes.world.clock.settle();
    CHECK(passes.world.tasks.size() == 0);
    CHECK(passes.world.clock.next_wake() == std::nullopt);
}

namespace {

// Goes when nobody holds it, whatever waits; a pass that is cancelled ends by an Error.
struct BriefOwner : std::enable_shared_from_this<BriefOwner> {
    explicit BriefOwner(World& of)
        : world(of),
          queue(
              world.context.get_executor(),
              world.clock,
              world.log,
              [this](ObjectKey) { return pass(); },
              {},
              [this] { return shared_from_this(); }) {}

    Task<Result<std::optional<Time>>> pass() {
        try {
            co_await world.clock.sleep_for(1h);
        } catch (const boost::system::system_error&) {
            co_return Error{ErrorKind::cancelled, "cancelled"};
        }
        co_return std::optional<Time>{};
    }

    static Task<> run(std::shared_ptr<BriefOwner> self) { co_await self->queue.run(); }

    World& world;
    WorkQueue queue;
};

}  // namespace

TEST_CASE("a queue whose owner goes in the middle of a pass lives until the pass has ended") {
    World world;
    auto owner = std::make_shared<BriefOwner>(world);
    const std::weak_ptr<BriefOwner> seen = owner;
    world.tasks.spawn("queue", BriefOwner::run(owner));
    owner->queue.add(a);
    world.clock.settle();
    owner.reset();
    CHECK_FALSE(seen.expired());
    world.tasks.cancel();
    world.clock.settle();
    CHECK(seen.expired());
}

namespace {

// Passes that ask somebody who never answers until their object is added again.
struct AskingPasses {
    AskingPasses()
        : queue(world.context.get_executor(),
                world.clock,
                world.log,
                [this](ObjectKey key) { return pass(std::move(key)); },
                {.workers = 1, .aside_max = 2}) {
        world.tasks.spawn("queue", queue.run());
    }
    ~AskingPasses() {
        world.tasks.cancel();
        world.clock.settle();
    }

    Task<Result<std::optional<Time>>> pass(ObjectKey key) {
        begun.push_back(key.name);
        queue.note_look(key);
        const WorkQueue::Aside aside(queue);
        co_await queue.added(key);
        queue.note_look(key);
        ended.push_back(key.name);
        co_return std::optional<Time>{};
    }

    World world;
    Names begun, ended;
    WorkQueue queue;
};

}  // namespace

TEST_CASE("a pass that waits for an answer leaves its place to another one, up to a bound") {
    AskingPasses passes;
    for (const auto* name : {"a", "b", "c", "d", "e"}) passes.queue.add({"prod", name});
    passes.world.clock.run_for(1s);
    // Two stand aside, the third holds the only place.
    CHECK(passes.begun == Names{"a", "b", "c"});
    CHECK(passes.ended.empty());
}

TEST_CASE("a pass that waits for an answer is told when its object was added, and no other") {
    AskingPasses passes;
    passes.queue.add(a);
    passes.queue.add(b);
    passes.world.clock.run_for(1s);
    passes.queue.add(b);
    passes.world.clock.run_for(1s);
    CHECK(passes.begun == Names{"a", "b"});
    CHECK(passes.ended == Names{"b"});
}
