#include "lab/workloads/container_logs.hpp"

#include "base/async/signal.hpp"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <deque>

namespace sluice::lab {
namespace {

constexpr std::size_t lines_max = 10'000;
constexpr std::size_t bytes_max = 4 * 1024 * 1024;
// A reader hands out no more at once.
constexpr std::size_t chunk_bytes = 64 * 1024;

Status bad_request(std::string message) {
    return {400, "BadRequest", std::move(message)};
}

std::string nanos(Time time) {
    const auto part = time.time_since_epoch() % std::chrono::seconds{1};
    auto text = rfc3339(time);
    text.pop_back();
    return fmt::format("{}.{:09}Z", text, part.count());
}

// The container that is meant, or why none is.
Answer<std::string> chosen(const Json& pod, const std::string& wanted) {
    std::vector<std::string> names;
    for (const std::string_view list : {"containers", "initContainers"}) {
        for (const auto& container : array_at(pod, {"spec", list})) {
            names.emplace_back(text_at(container, {"name"}));
        }
        if (wanted.empty() && names.size() == 1) return names.front();
        if (wanted.empty() && list == "containers") {
            return std::unexpected(bad_request(
                fmt::format("a container name must be specified for pod {}, choose one of: [{}]",
                            kube::key_of(pod).name,
                            fmt::join(names, " "))));
        }
        for (const auto& name : names) {
            if (name == wanted) return name;
        }
    }
    return std::unexpected(bad_request(
        fmt::format("container {} is not valid for pod {}", wanted, kube::key_of(pod).name)));
}

std::string_view waiting_reason(const Json& pod, const std::string& container) {
    for (const auto& status : array_at(pod, {"status", "containerStatuses"})) {
        if (text_at(status, {"name"}) == container) {
            return text_at(status, {"state", "waiting", "reason"});
        }
    }
    return "ContainerCreating";
}

}  // namespace

struct ContainerLogs::Log {
    explicit Log(const Executor& executor) : more(executor) {}

    struct Line {
        Time at;
        std::string text;
    };
    std::deque<Line> lines;
    std::uint64_t dropped = 0;  // lines that are no longer there
    std::size_t bytes = 0;
    bool ended = false;
    Signal more;
};

class ContainerLogs::Reader final : public net::BodyReader {
   public:
    Reader(std::shared_ptr<Log> log, LogQuery query, std::uint64_t first)
        : log_(std::move(log)), query_(std::move(query)), next_(first) {}

    Task<Result<std::string>> next() override {
        while (true) {
            auto text = take();
            if (!text.empty()) co_return text;
            if (finished_ || log_->ended || !query_.follow) co_return std::string{};
            // Ended by the container's end, or by whoever reads going away.
            co_await log_->more.wait();
        }
    }

   private:
    std::string take() {
        std::string text;
        next_ = std::max(next_, log_->dropped);
        while (!finished_ && text.size() < chunk_bytes &&
               next_ - log_->dropped < log_->lines.size()) {
            const auto& line = log_->lines[next_ - log_->dropped];
            ++next_;
            if (query_.since && line.at < *query_.since) continue;
            if (query_.timestamps) text += nanos(line.at) + ' ';
            text += line.text;
            text += '\n';
            if (query_.limit_bytes &&
                taken_ + text.size() >= static_cast<std::size_t>(*query_.limit_bytes)) {
                text.resize(static_cast<std::size_t>(*query_.limit_bytes) - taken_);
                finished_ = true;
            }
        }
        taken_ += text.size();
        return text;
    }

    std::shared_ptr<Log> log_;
    LogQuery query_;
    std::uint64_t next_;
    std::size_t taken_ = 0;
    bool finished_ = false;
};

ContainerLogs::ContainerLogs(Executor executor, Cluster& cluster)
    : executor_(std::move(executor)), cluster_(cluster), state_(std::make_shared<State>()) {}

ContainerLogs::~ContainerLogs() {
    for (auto& [key, container] : state_->containers) {
        if (container.current == nullptr) continue;
        container.current->ended = true;
        container.current->more.notify_all();
    }
}

std::function<void(std::string)> ContainerLogs::begin(const ContainerId& id) {
    auto& container = state_->containers[{id.pod_uid, id.name}];
    if (container.current != nullptr) {
        container.current->ended = true;
        container.current->more.notify_all();
        container.previous = std::move(container.current);
    }
    container.instance = id.instance;
    container.current = std::make_shared<Log>(executor_);
    return [executor = executor_, weak = std::weak_ptr(state_), id, &clock = cluster_.clock()](
               std::string line) {
        boost::asio::post(executor, [weak, id, &clock, line = std::move(line)]() mutable {
            if (const auto state = weak.lock()) {
                append_to(*state, id, std::move(line), clock.now());
            }
        });
    };
}

void ContainerLogs::append(const ContainerId& id, std::string line) {
    append_to(*state_, id, std::move(line), cluster_.clock().now());
}

void ContainerLogs::append_to(State& state, const ContainerId& id, std::string line, Time now) {
    const auto found = state.containers.find({id.pod_uid, id.name});
    if (found == state.containers.end() || found->second.instance != id.instance) return;
    auto& log = *found->second.current;
    log.bytes += line.size();
    log.lines.push_back({now, std::move(line)});
    while (log.lines.size() > lines_max || log.bytes > bytes_max) {
        log.bytes -= log.lines.front().text.size();
        log.lines.pop_front();
        ++log.dropped;
    }
    log.more.notify_all();
}

void ContainerLogs::end(const ContainerId& id) {
    const auto found = state_->containers.find({id.pod_uid, id.name});
    if (found == state_->containers.end() || found->second.instance != id.instance) return;
    found->second.current->ended = true;
    found->second.current->more.notify_all();
}

void ContainerLogs::forget(const std::string& pod_uid) {
    auto& containers = state_->containers;
    for (auto at = containers.lower_bound({pod_uid, ""});
         at != containers.end() && at->first.first == pod_uid;) {
        if (at->second.current != nullptr) {
            at->second.current->ended = true;
            at->second.current->more.notify_all();
        }
        at = containers.erase(at);
    }
}

Answer<std::unique_ptr<net::BodyReader>> ContainerLogs::open(const ObjectKey& pod,
                                                             const LogQuery& query) {
    const auto object = cluster_.get(kube::resources::pods, pod);
    if (!object) return std::unexpected(object.error());
    const auto name = chosen(**object, query.container);
    if (!name) return std::unexpected(name.error());

    const auto found = state_->containers.find({std::string(kube::uid_of(**object)), *name});
    std::shared_ptr<Log> log;
    if (found != state_->containers.end()) {
        log = query.previous ? found->second.previous : found->second.current;
    }
    if (log == nullptr && query.previous) {
        return std::unexpected(bad_request(fmt::format(
            "previous terminated container \"{}\" in pod \"{}\" not found", *name, pod.name)));
    }
    if (log == nullptr) {
        const auto reason = waiting_reason(**object, *name);
        const bool unpullable = reason == "ErrImagePull" || reason == "ImagePullBackOff" ||
                                reason == "InvalidImageName";
        return std::unexpected(
            bad_request(fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}",
                                    *name,
                                    pod.name,
                                    unpullable ? "trying and failing to pull image" : reason)));
    }
    auto first = log->dropped;
    if (query.tail_lines) {
        const auto tail = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *query.tail_lines));
        if (tail < log->lines.size()) first += log->lines.size() - tail;
    }
    return std::make_unique<Reader>(std::move(log), query, first);
}

}  // namespace sluice::lab
