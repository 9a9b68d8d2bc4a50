// Whole requests to the lab's API server. Input: lines of "METHOD target [content-type]", each with
// its body up to an empty line.
#include "base/core/text.hpp"
#include "fuzz/fuzz.hpp"
#include "lab/apiserver/api_server.hpp"

namespace sluice::fuzz {
namespace {

constexpr int requests_max = 4;

Task<> ask(lab::ApiServer& server, net::Request request) {
    const bool is_head = request.method == "HEAD";
    auto response = co_await server.handle(std::move(request));
    must(response.status >= 200 && response.status < 600, "an answer has a status");
    must(response.status != 500, "hostile input is no error of ours");
    if (response.status >= 400 && !is_head) must(!response.body.empty(), "a refusal says why");
}

}  // namespace

void try_input(std::string_view input) {
    Playground ground;
    SeededRandom random(1);
    lab::Cluster cluster(ground.clock, random);
    cluster.deliver_by(
        [&ground](std::function<void()> call) { boost::asio::post(ground.context, call); });
    lab::ApiServer server(ground.context.get_executor(), cluster, nullptr);
    for (int count = 0; count < requests_max && !input.empty(); ++count) {
        const auto end = input.find("\n\n");
        const auto [head, body] = first_line_of(input.substr(0, end));
        input = end == std::string_view::npos ? std::string_view{} : input.substr(end + 2);
        const auto words = split(head, ' ');
        net::Request request;
        request.method = std::string(words[0]);
        if (words.size() > 1) request.target = std::string(words[1]);
        if (words.size() > 2) request.headers.add("Content-Type", words[2]);
        request.body = std::string(body);
        ground.play(ask(server, std::move(request)));
    }
    server.end_streams();
    ground.clock.settle();
}

}  // namespace sluice::fuzz
