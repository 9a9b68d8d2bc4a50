#include "lab/workloads/load_tester_app.hpp"

#include "base/async/log.hpp"
#include "loadtester/generator.hpp"
#include "loadtester/load_tester.hpp"
#include "net/client.hpp"
#include "net/via_proxy.hpp"

#include <iterator>
#include <memory>
#include <utility>

namespace sluice::lab {
namespace {

// Where a pod with a sidecar finds its way out (lab/mesh/mesh.hpp).
constexpr const char* egress_variable = "SLUICE_EGRESS";

std::optional<net::Origin> way_out(const AppContext& context,
                                   const std::function<std::optional<net::Origin>()>& proxy) {
    const auto egress = context.env.find(egress_variable);
    if (egress != context.env.end()) {
        if (const auto url = net::parse_url(egress->second)) return url->origin;
    }
    return proxy();
}

// Tasks that run when the container ends keep this until they have unwound.
struct Inside : std::enable_shared_from_this<Inside> {
    Inside(AppContext told,
           Executor executor,
           Clock& clock_of_lab,
           const std::optional<net::Origin>& proxy)
        : context(std::move(told)),
          clock(clock_of_lab),
          log(clock, {}, [this](std::string_view line) { context.log(std::string(line)); }),
          sockets(executor, clock),
          names(sockets, proxy.value_or(net::Origin{})),
          generator(
              executor, clock, proxy ? static_cast<net::HttpClient&>(names) : sockets, holder()),
          tester(executor, clock, log, generator, sockets, {}, options()) {}

    std::function<std::shared_ptr<const void>()> holder() {
        return [this] { return shared_from_this(); };
    }
    loadtester::Options options() {
        return {.programs = {std::begin(loadtester::generated), std::end(loadtester::generated)},
                .hold = holder()};
    }

    AppContext context;
    Clock& clock;
    Logger log;
    net::SocketClient sockets;
    net::ViaProxyClient names;
    loadtester::Generator generator;
    loadtester::LoadTester tester;
};

class LoadTesterApp final : public App {
   public:
    explicit LoadTesterApp(std::shared_ptr<Inside> inside) : inside_(std::move(inside)) {}
    ~LoadTesterApp() override { inside_->tester.cancel(); }

    std::vector<std::uint16_t> default_ports() const override { return {8080}; }

    Task<net::Response> handle(net::Request request) override {
        const auto inside = inside_;
        const auto strike = inside->context.faults->next(request, inside->clock.now());
        if (auto struck = co_await suffer(inside->context.faults, strike, &inside->clock)) {
            co_return *std::move(struck);
        }
        co_return co_await inside->tester.handle(std::move(request));
    }

   private:
    std::shared_ptr<Inside> inside_;
};

}  // namespace

AppRegistry::Make load_tester_maker(Executor traffic,
                                    std::function<std::optional<net::Origin>()> proxy) {
    return [traffic = std::move(traffic), proxy = std::move(proxy)](
               AppContext context, Clock& clock) -> std::unique_ptr<App> {
        const auto way = way_out(context, proxy);
        if (!context.log) context.log = [](const std::string&) {};
        auto inside = std::make_shared<Inside>(std::move(context), traffic, clock, way);
        inside->log.info("Starting load tester: the lab's own, for hey, wrk and curl");
        return std::make_unique<LoadTesterApp>(std::move(inside));
    };
}

}  // namespace sluice::lab
