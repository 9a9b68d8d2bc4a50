#include "base/core/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace sluice {

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::not_found:
            return "not found";
        case ErrorKind::already_exists:
            return "already exists";
        case ErrorKind::conflict:
            return "conflict";
        case ErrorKind::gone:
            return "gone";
        case ErrorKind::invalid:
            return "invalid";
        case ErrorKind::denied:
            return "denied";
        case ErrorKind::unauthorized:
            return "unauthorized";
        case ErrorKind::too_many:
            return "too many requests";
        case ErrorKind::unsupported:
            return "unsupported";
        case ErrorKind::unavailable:
            return "unavailable";
        case ErrorKind::unreachable:
            return "unreachable";
        case ErrorKind::timed_out:
            return "timed out";
        case ErrorKind::bad_answer:
            return "bad answer";
        case ErrorKind::too_large:
            return "too large";
        case ErrorKind::cancelled:
            return "cancelled";
        case ErrorKind::unsettled:
            return "unsettled";
    }
    return "unknown";
}

Error Error::with(std::string_view doing) const {
    return Error{kind, std::string(doing) + ": " + message, retry_after};
}

namespace detail {
void assertion_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "sluice: broken invariant %s at %s:%d\n", condition, file, line);
    std::abort();
}
}  // namespace detail

}  // namespace sluice
