#include "lab/apiserver/watch_stream.hpp"

#include "lab/apiserver/statuses.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace {

constexpr auto bookmark_interval = std::chrono::seconds{60};
// A client that reads no further than this behind is cut off, as a real server does.
constexpr std::size_t behind_max = 50'000;
constexpr std::size_t chunk_max = 256 * 1024;

class WatchStream final : public net::BodyReader, public OpenStream {
   public:
    WatchStream(Executor executor,
                Cluster& cluster,
                std::shared_ptr<OpenStreams> streams,
                WatchQuestion question)
        : cluster_(cluster),
          streams_(std::move(streams)),
          question_(std::move(question)),
          changed_(std::move(executor)) {
        streams_->add(*this);
        const auto now = cluster_.clock().now();
        if (question_.timeout) deadline_ = now + *question_.timeout;
        if (question_.bookmarks) next_bookmark_ = now + bookmark_interval;
        if (question_.form != AnswerForm::table) return;
        const auto* kind = cluster_.kinds().find(question_.resource);
        const auto* version =
            kind == nullptr ? nullptr
                            : kind->version(question_.resource.group, question_.resource.version);
        if (version != nullptr) table_.emplace(*kind, *version);
    }

    ~WatchStream() override { streams_->remove(*this); }

    void end() override {
        ended_ = true;
        changed_.notify_all();
    }

    std::optional<Status> begin() {
        if (question_.revision == 0 || question_.send_initial_events) {
            ListOptions selection;
            selection.labels = question_.labels;
            selection.fields = question_.fields;
            auto listing = cluster_.select(question_.resource, question_.ns, selection);
            if (!listing) return listing.error();
            if (question_.revision > listing->revision) {
                return statuses::too_large_revision(question_.revision, listing->revision);
            }
            for (auto& object : listing->items) queue_.push_back({"ADDED", std::move(object)});
            question_.revision = listing->revision;
            sent_revision_ = listing->revision;
            if (question_.send_initial_events) queue_.push_back({"INITIAL", nullptr});
        }
        auto subscription = cluster_.watch_from(
            question_.resource, question_.revision, [this](const Change& change) { take(change); });
        if (!subscription) {
            if (subscription.error().code != 410) return subscription.error();
            queue_.push_back(
                {"ERROR", std::make_shared<const Json>(subscription.error().to_json())});
            ended_ = true;
            return std::nullopt;
        }
        subscription_ = std::move(*subscription);
        return std::nullopt;
    }

    Task<Result<std::string>> next() override {
        // Ends with the stream: by end(), by the deadline, or by whoever reads it going away.
        for (;;) {
            auto text = written();
            if (!text.empty()) co_return text;
            if (ended_) co_return std::string();
            const auto now = cluster_.clock().now();
            const bool is_over = deadline_ && now >= *deadline_;
            if (!is_over && (!next_bookmark_ || now < *next_bookmark_)) {
                co_await until_something_happens();
                continue;
            }
            // Changes up to this revision may still be on their way to us; they come first.
            const auto revision = cluster_.revision();
            co_await boost::asio::post(boost::asio::use_awaitable);
            if (!queue_.empty()) continue;
            if (is_over) ended_ = true;
            if (!next_bookmark_) continue;
            next_bookmark_ = now + bookmark_interval;
            // What the client knows already is not said again.
            if (sent_revision_ != revision) co_return bookmark(revision, {});
        }
    }

   private:
    struct Event {
        std::string_view type;  // INITIAL stands for the bookmark behind the initial events
        ObjectPtr object;
    };

    Task<> until_something_happens() {
        using boost::asio::experimental::awaitable_operators::operator||;
        auto wake = deadline_;
        if (next_bookmark_ && (!wake || *next_bookmark_ < *wake)) wake = next_bookmark_;
        if (wake) {
            co_await (changed_.wait() || cluster_.clock().sleep_until(*wake));
        } else {
            co_await changed_.wait();
        }
    }

    bool selects(const Json& object) const {
        if (!question_.ns.empty() && text_at(object, {"metadata", "namespace"}) != question_.ns) {
            return false;
        }
        return question_.labels.selects(object) && question_.fields.selects(object);
    }

    void take(const Change& change) {
        if (ended_) return;
        const bool is_in = change.kind != ChangeKind::deleted && selects(*change.object);
        const bool was_in =
            change.kind != ChangeKind::added && change.before != nullptr && selects(*change.before);
        if (!is_in && !was_in) return;
        if (is_in) {
            queue_.push_back({was_in ? "MODIFIED" : "ADDED", change.object});
        } else if (change.kind == ChangeKind::deleted) {
            queue_.push_back({"DELETED", change.object});
        } else {
            // It left the selection: the last state that was in it, under the new revision.
            Json last = *change.before;
            put(last, {"metadata", "resourceVersion"}, Json(fmt::format("{}", change.revision)));
            queue_.push_back({"DELETED", std::make_shared<const Json>(std::move(last))});
        }
        if (queue_.size() > behind_max) {
            queue_.clear();
            ended_ = true;
        }
        changed_.notify_all();
    }

    // As many lines as fit into one piece; empty when there is nothing to say.
    std::string written() {
        std::string text;
        while (!queue_.empty() && text.size() < chunk_max) {
            auto event = std::move(queue_.front());
            queue_.pop_front();
            if (event.type == "INITIAL") {
                text += bookmark(question_.revision, {{"k8s.io/initial-events-end", "true"}});
                continue;
            }
            text += line(event.type,
                         event.type == "ERROR" ? to_text(*event.object) : shown(event.object));
        }
        return text;
    }

    static std::string line(std::string_view type, std::string_view object) {
        return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
    }

    std::string shown(const ObjectPtr& object) const {
        if (table_) {
            JsonObject metadata{{"resourceVersion", kube::resource_version_of(*object)}};
            return to_text(table_->table(
                {object}, std::move(metadata), question_.include, cluster_.clock().now()));
        }
        if (question_.form == AnswerForm::partial_metadata) {
            return to_text(partial_metadata_of(*object));
        }
        return to_text(*object);
    }

    std::string bookmark(std::int64_t revision, JsonObject annotations) {
        sent_revision_ = revision;
        JsonObject metadata{{"resourceVersion", fmt::format("{}", revision)}};
        if (!annotations.empty()) metadata["annotations"] = std::move(annotations);
        const bool is_partial = question_.form == AnswerForm::partial_metadata;
        const Json object = JsonObject{
            {"kind", is_partial ? "PartialObjectMetadata" : question_.resource.kind},
            {"apiVersion", is_partial ? "meta.k8s.io/v1" : question_.resource.api_version()},
            {"metadata", std::move(metadata)}};
        return line("BOOKMARK", shown(std::make_shared<const Json>(object)));
    }

    Cluster& cluster_;
    std::shared_ptr<OpenStreams> streams_;
    WatchQuestion question_;
    std::optional<TableView> table_;
    std::deque<Event> queue_;
    Signal changed_;
    std::optional<Time> deadline_;
    std::optional<Time> next_bookmark_;
    std::int64_t sent_revision_ = 0;
    bool ended_ = false;
    // Last: ends before what its callback uses.
    Subscription subscription_;
};

}  // namespace

Answer<std::unique_ptr<net::BodyReader>> open_watch(Executor executor,
                                                    Cluster& cluster,
                                                    std::shared_ptr<OpenStreams> streams,
                                                    WatchQuestion question) {
    auto stream = std::make_unique<WatchStream>(
        std::move(executor), cluster, std::move(streams), std::move(question));
    if (auto refusal = stream->begin()) return std::unexpected(std::move(*refusal));
    return stream;
}

}  // namespace sluice::lab
