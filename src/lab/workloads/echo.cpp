// Runs every image that nobody knows: answers each request with what it was asked.
#include "base/core/json.hpp"
#include "lab/workloads/app.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

class Echo final : public App {
   public:
    Echo(AppContext context, Clock& clock) : context_(std::move(context)), clock_(clock) {
        if (context_.log) {
            context_.log(fmt::format("{} stands in for {}", "the lab's echo app", context_.image));
        }
    }

    std::vector<std::uint16_t> default_ports() const override { return {8080}; }
    bool serves_any_port() const override { return true; }

    Task<net::Response> handle(net::Request request) override {
        const auto strike = context_.faults->next(request, clock_.now());
        if (auto struck = co_await suffer(context_.faults, strike, &clock_)) {
            co_return *std::move(struck);
        }
        JsonObject headers;
        for (const auto& [name, value] : request.headers) headers[name] = value;
        const Json answer = {{"hostname", context_.hostname},
                             {"image", context_.image},
                             {"version", context_.tag},
                             {"method", request.method},
                             {"path", request.target},
                             {"headers", std::move(headers)},
                             {"body", request.body}};
        net::Response response;
        response.headers.set("Content-Type", "application/json; charset=utf-8");
        response.body = to_text(answer) + "\n";
        co_return response;
    }

   private:
    AppContext context_;
    Clock& clock_;
};

}  // namespace

std::unique_ptr<App> make_echo(AppContext context, Clock& clock) {
    return std::make_unique<Echo>(std::move(context), clock);
}

}  // namespace sluice::lab
