// The Prometheus that the dashboard asks. However many look, each question is asked once and
// answered to all; an answer is good for a while, and questions and answers are bounded in number,
// time and bytes.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/signal.hpp"
#include "base/async/task_group.hpp"
#include "base/core/json.hpp"
#include "net/http.hpp"
#include "web/samples.hpp"

#include <boost/json/value.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::web {

struct PrometheusHealth {
    std::string url;  // as people may see it; empty when none was named
    bool ok = false;
    std::string error = {};          // the last one, while it is not ok
    std::optional<Time> since = {};  // of the present state; nothing before anything was asked
    std::optional<std::string> version = {};
    std::optional<double> scrape_interval = {};  // seconds
    std::optional<double> lookback = {};         // seconds
    std::string retention = {};                  // as it is set: "6h"; empty: not known
    std::string last_error = {};                 // also when it is ok again
};

// An answer, or why there is none. Shared by all who asked.
template <typename T>
struct Measured {
    Result<T> what = Error{ErrorKind::cancelled, "not asked yet"};
    Time at{};  // when it was asked
};

class Prometheus : public std::enable_shared_from_this<Prometheus> {
   public:
    // All outlive this. Its questions keep it alive until they are answered. An empty address:
    // nothing is ever answered.
    Prometheus(Executor executor, Clock& clock, net::HttpClient& http, std::string address);
    ~Prometheus();
    Prometheus(const Prometheus&) = delete;
    Prometheus& operator=(const Prometheus&) = delete;

    // Of now, or of that moment (seconds since 1970). Asks when what is known under `name` is older
    // than `fresh`; who comes while it is being asked waits for the same answer. The query of one
    // name may change with time.
    Task<std::shared_ptr<const Measured<Samples>>> ask(std::string name,
                                                       std::string query,
                                                       Duration fresh,
                                                       std::optional<std::int64_t> at = {});
    // Over a grid, ends included. The name is that of query and grid, so nothing grows old.
    struct Grid {
        std::int64_t from = 0;  // seconds since 1970
        std::int64_t to = 0;
        std::int64_t step = 1;
        auto operator<=>(const Grid&) const = default;
    };
    Task<std::shared_ptr<const Measured<Lines>>> ask_over(std::string query,
                                                          Grid grid,
                                                          Duration fresh);

    // What `make` makes of these answers; kept under the name until one of them is another.
    template <typename Table, typename Make, typename... Answers>
    std::shared_ptr<const Table> made_of(const std::string& name,
                                         const Make& make,
                                         const std::shared_ptr<Answers>&... answers) {
        if (!is_made_of(name, {answers...})) {
            auto table = std::make_shared<const Table>(make());
            keep_made(name, {answers...}, std::move(table));
        }
        return std::static_pointer_cast<const Table>(made_.at(name).what);
    }

    const PrometheusHealth& health() const { return health_; }
    // Version and scrape interval, when they are not known and it answers.
    void learn();
    std::uint64_t asked() const { return asked_; }
    // What its answers take.
    std::size_t bytes() const;
    // No answer is kept on; who waits for one still gets it.
    void forget();
    // Ends what is on its way.
    Task<> stop();
    void cancel() { tasks_.cancel(); }

   private:
    template <typename T>
    struct Slot;
    template <typename T>
    struct Asking;
    template <typename T>
    using Slots = std::map<std::string, std::shared_ptr<Slot<T>>, std::less<>>;
    struct Question {
        std::string name;
        std::string path;
        Duration fresh{};
        bool is_past = false;
    };

    template <typename T>
    Task<std::shared_ptr<const Measured<T>>> through(Slots<T>& slots, Question question);
    template <typename T>
    Task<> fetch(Asking<T> asking, std::string path);
    Task<Result<net::Response>> get(std::string path);
    Task<> learn_now();
    static Task<> kept_alive(std::shared_ptr<Prometheus> self, Task<> task);
    void note(const Result<net::Response>& answer);
    void forget_old();

    struct Made {
        std::vector<std::weak_ptr<const void>> of;  // it keeps none of them alive
        std::shared_ptr<const void> what;
        std::uint64_t use = 0;  // the number of the last one
    };
    using Answered = std::vector<std::shared_ptr<const void>>;
    bool is_made_of(const std::string& name, const Answered& answers);
    void keep_made(const std::string& name,
                   const Answered& answers,
                   std::shared_ptr<const void> what);

    Executor executor_;
    Clock& clock_;
    net::HttpClient& http_;
    net::Url server_;
    std::string authorization_;
    PrometheusHealth health_;
    Slots<Samples> samples_;
    Slots<Lines> lines_;
    std::map<std::string, Made> made_;
    std::size_t running_ = 0;
    Signal one_ended_;
    std::uint64_t asked_ = 0;
    std::uint64_t uses_ = 0;
    std::optional<Time> learned_;
    TaskGroup tasks_;
};

}  // namespace sluice::web
