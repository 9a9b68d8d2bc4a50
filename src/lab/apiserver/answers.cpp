#include "lab/apiserver/answers.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

net::Response json_text_answer(int status, std::string body) {
    net::Response response;
    response.status = status;
    response.headers.set("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

net::Response json_answer(int status, const Json& body) {
    return json_text_answer(status, to_text(body) + "\n");
}

net::Response text_answer(int status, std::string body) {
    net::Response response;
    response.status = status;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(body);
    return response;
}

net::Response status_answer(const Status& status) {
    auto response = json_answer(status.code, status.to_json());
    if (const auto seconds = integer_at(status.details, {"retryAfterSeconds"})) {
        response.headers.set("Retry-After", fmt::format("{}", *seconds));
    }
    return response;
}

net::Response no_such_path() {
    return text_answer(404, "404 page not found\n");
}

void add_warnings(net::Response& response, const std::vector<std::string>& warnings) {
    for (const auto& warning : warnings) {
        std::string quoted;
        for (const char c : warning) {
            if (c == '"' || c == '\\') quoted += '\\';
            // A header is one line.
            quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        }
        response.headers.add("Warning", fmt::format("299 - \"{}\"", quoted));
    }
}

}  // namespace sluice::lab
