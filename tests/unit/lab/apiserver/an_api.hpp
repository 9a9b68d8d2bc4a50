// The API of a cluster for tests, asked in process.
#pragma once

#include "a_cluster.hpp"
#include "lab/apiserver/api_server.hpp"
#include "net/in_process.hpp"

#include <string>
#include <vector>

namespace sluice::lab {

struct AnApi : ACluster {
    ApiServer server{context.get_executor(), cluster, nullptr};
    net::InProcessClient client{clock, server};

    static constexpr std::string_view table_media =
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;"
        "g=meta.k8s.io,application/json";

    net::Response ask(std::string_view method,
                      std::string_view target,
                      std::string body = {},
                      net::Headers headers = {}) {
        net::Request request;
        request.method = method;
        request.origin.host = "127.0.0.1";
        request.target = target;
        request.headers = std::move(headers);
        request.body = std::move(body);
        std::optional<Result<net::Response>> answer;
        boost::asio::co_spawn(
            context, client.send(std::move(request)), [&](std::exception_ptr, auto result) {
                answer.emplace(std::move(result));
            });
        settle();
        REQUIRE(answer.has_value());
        REQUIRE(answer->has_value());
        return std::move(**answer);
    }
    net::Response get(std::string_view target) { return ask("GET", target); }
    Json get_json(std::string_view target) { return json(get(target).body); }
    Json get_table(std::string_view target) {
        return json(ask("GET", target, {}, {{"Accept", std::string(table_media)}}).body);
    }
    net::Response post(std::string_view target, std::string body) {
        return ask("POST", target, std::move(body), {{"Content-Type", "application/json"}});
    }
    net::Response patch(std::string_view target, std::string_view kind, std::string body) {
        return ask("PATCH",
                   target,
                   std::move(body),
                   {{"Content-Type", fmt::format("application/{}", kind)},
                    {"User-Agent", "tester/1 (x)"}});
    }

    // A watch that is open.
    std::unique_ptr<net::BodyReader> watch(std::string_view target, net::Headers headers = {}) {
        net::Request request;
        request.origin.host = "127.0.0.1";
        request.target = target;
        request.headers = std::move(headers);
        std::optional<Result<net::Response>> answer;
        boost::asio::co_spawn(
            context, client.open(std::move(request)), [&](std::exception_ptr, auto result) {
                answer.emplace(std::move(result));
            });
        settle();
        REQUIRE(answer.has_value());
        REQUIRE(answer->has_value());
        CHECK((*answer)->status == 200);
        REQUIRE((*answer)->stream != nullptr);
        return std::move((*answer)->stream);
    }
};

// Reads a stream's lines as they come; what is asked for and not yet there stays asked.
class Lines {
   public:
    Lines(AnApi& api, std::unique_ptr<net::BodyReader> stream)
        : api_(api), state_(std::make_shared<State>()) {
        state_->stream = std::move(stream);
    }
    ~Lines() {
        // A read that still waits ends with the stream.
        api_.server.end_streams();
        api_.settle();
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    // What has come since the last call, one JSON value per line.
    std::vector<Json> now() {
        if (!state_->reading) read(api_.context, state_);
        api_.settle();
        std::vector<Json> lines;
        for (auto end = state_->text.find('\n'); end != std::string::npos;
             end = state_->text.find('\n')) {
            lines.push_back(json(state_->text.substr(0, end)));
            state_->text.erase(0, end + 1);
        }
        return lines;
    }
    // "ADDED web", one per event.
    std::vector<std::string> events_now() {
        std::vector<std::string> texts;
        for (const auto& line : now()) {
            texts.push_back(fmt::format(
                "{} {}", text_at(line, {"type"}), text_at(line, {"object", "metadata", "name"})));
        }
        return texts;
    }
    bool ended() const { return state_->ended; }

   private:
    struct State {
        std::unique_ptr<net::BodyReader> stream;
        std::string text;
        bool reading = false;
        bool ended = false;
    };

    static void read(boost::asio::io_context& context, std::shared_ptr<State> state) {
        if (state->ended) return;
        state->reading = true;
        boost::asio::co_spawn(
            context, state->stream->next(), [&context, state](std::exception_ptr, auto piece) {
                state->reading = false;
                if (!piece || piece->empty()) {
                    state->ended = true;
                    return;
                }
                state->text += *piece;
                read(context, state);
            });
    }

    AnApi& api_;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::lab
