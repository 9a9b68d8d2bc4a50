// The dashboard: its page, its JSON API (web/openapi.yaml) and its live stream. It reads the
// cluster only while somebody looks.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/log.hpp"
#include "base/async/random.hpp"
#include "base/core/embedded.hpp"
#include "kube/client.hpp"
#include "net/http.hpp"
#include "web/settings.hpp"

#include <memory>
#include <span>

namespace sluice::notify {
class SentLog;
}

namespace sluice::web {

class LabSource;
class TapSource;

// The world as the dashboard is handed it. All outlive it.
struct Outside {
    Executor executor;
    Clock& clock;
    Random& random;
    net::HttpClient& api;   // to the API server
    net::HttpClient& http;  // to Prometheus, and to a lab's gateways
    Logger& log;
    TapSource* tap = nullptr;  // who sees single requests; null: nobody does
    LabSource* lab = nullptr;  // null: this is no lab
    // What the controller of this process sends; null: another process runs the releases.
    notify::SentLog* sent = nullptr;
};

class Dashboard final : public net::Handler {
   public:
    // `connection`: as whom it reads, and writes where no person's token came along.
    Dashboard(const Outside& outside, kube::Connection connection, Settings settings);
    // With another page than the one that was built in.
    Dashboard(const Outside& outside,
              kube::Connection connection,
              Settings settings,
              std::span<const EmbeddedFile> page);
    // At once; who needs its tasks to have ended stops it first.
    ~Dashboard() override;

    Task<net::Response> handle(net::Request request) override;
    // Ends streams and watches.
    Task<> stop();

    // For its own metrics, and for tests.
    struct Figures {
        std::size_t streams = 0;
        std::size_t cached_bytes = 0;  // 0 while nobody looks
        std::uint64_t prometheus_asked = 0;
        std::uint64_t releases_built = 0;
        std::uint64_t objects_read = 0;  // out of the caches' texts, since the first look
        std::uint64_t topologies_drawn = 0;
    };
    Figures figures() const;

   private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::web
