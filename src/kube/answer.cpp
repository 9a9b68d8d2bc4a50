// How an API server says no (kubernetes.md A.5), as Errors.
#include "base/core/excerpt.hpp"
#include "base/core/text.hpp"
#include "kube/client.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::kube {
namespace {

std::optional<ErrorKind> kind_of_reason(std::string_view reason) {
    static const std::map<std::string_view, ErrorKind> kinds{
        {"NotFound", ErrorKind::not_found},
        {"AlreadyExists", ErrorKind::already_exists},
        {"Conflict", ErrorKind::conflict},
        {"Expired", ErrorKind::gone},
        {"Gone", ErrorKind::gone},
        {"Invalid", ErrorKind::invalid},
        {"BadRequest", ErrorKind::invalid},
        {"Forbidden", ErrorKind::denied},
        {"Unauthorized", ErrorKind::unauthorized},
        {"TooManyRequests", ErrorKind::too_many},
        {"MethodNotAllowed", ErrorKind::unsupported},
        {"NotAcceptable", ErrorKind::unsupported},
        {"UnsupportedMediaType", ErrorKind::unsupported},
        {"RequestEntityTooLarge", ErrorKind::too_large},
        {"Timeout", ErrorKind::timed_out},
        {"ServerTimeout", ErrorKind::unavailable},
        {"InternalError", ErrorKind::unavailable},
        {"ServiceUnavailable", ErrorKind::unavailable},
    };
    const auto found = kinds.find(reason);
    if (found == kinds.end()) return std::nullopt;
    return found->second;
}

ErrorKind kind_of_code(std::int64_t code) {
    switch (code) {
        case 401:
            return ErrorKind::unauthorized;
        case 403:
            return ErrorKind::denied;
        case 404:
            return ErrorKind::not_found;
        case 405:
        case 406:
        case 415:
        case 501:
            return ErrorKind::unsupported;
        case 409:
            return ErrorKind::conflict;
        case 410:
            return ErrorKind::gone;
        case 413:
            return ErrorKind::too_large;
        case 429:
            return ErrorKind::too_many;
        case 504:
            return ErrorKind::timed_out;
        default:
            return code >= 500   ? ErrorKind::unavailable
                   : code >= 400 ? ErrorKind::invalid
                                 : ErrorKind::bad_answer;
    }
}

std::string text_of_code(int code, std::string_view body) {
    switch (code) {
        case 400:
            return "the server rejected our request for an unknown reason";
        case 401:
            return "the server has asked for the client to provide credentials";
        case 403:
            return "the server does not allow access to the requested resource";
        case 404:
            return "the server could not find the requested resource";
        case 405:
            return "the server does not allow this method on the requested resource";
        case 406:
            return "the server was unable to respond with a content type that the client supports";
        case 409:
            return "the server reported a conflict";
        case 413:
            return "Request entity too large";
        case 415:
            return "the body of the request was in an unknown format";
        case 422:
            return "the server rejected our request due to an error in our request";
        case 429:
            return "the server has received too many requests and has asked us to try again later";
        case 503:
            return "the server is currently unable to handle the request";
        case 504:
            return "the server was unable to return a response in the time allotted, but may still "
                   "be processing "
                   "the request";
        default:
            break;
    }
    // A body can be a whole page of a proxy in between; its beginning is what people need.
    const auto shown = excerpt(trimmed(body), 256);
    if (code >= 500)
        return fmt::format(
            "an error on the server (\"{}\") has prevented the request from succeeding", shown);
    return fmt::format(
        "the server responded with the status code {} but did not return more information", code);
}

}  // namespace

Error error_of_status(const Json& status) {
    const auto code = integer_at(status, {"code"}).value_or(0);
    const auto reason = text_at(status, {"reason"});
    Error error{kind_of_reason(reason).value_or(kind_of_code(code)),
                std::string(text_at(status, {"message"}))};
    if (error.message.empty())
        error.message =
            reason.empty() ? text_of_code(static_cast<int>(code), "") : std::string(reason);
    const auto seconds = integer_at(status, {"details", "retryAfterSeconds"});
    if (seconds && *seconds > 0 && *seconds < 100'000)
        error.retry_after = std::chrono::seconds{*seconds};
    return error;
}

Error error_of_answer(int status, std::string_view body, std::string_view request) {
    if (trimmed(body).starts_with('{')) {
        const auto parsed = parse_json(body);
        if (parsed && text_at(*parsed, {"kind"}) == "Status") {
            auto error = error_of_status(*parsed);
            if (!integer_at(*parsed, {"code"}) && !kind_of_reason(text_at(*parsed, {"reason"})))
                error.kind = kind_of_code(status);
            return error;
        }
    }
    auto text = text_of_code(status, body);
    if (!request.empty()) text += fmt::format(" ({})", request);
    return {kind_of_code(status), std::move(text)};
}

}  // namespace sluice::kube
