#include "notify/retry.hpp"

#include "base/core/text.hpp"

#include <algorithm>

namespace sluice::notify {
namespace {

using std::chrono::seconds;

constexpr Duration wait_max = seconds{30};

}  // namespace

bool is_success(int status) {
    return status >= 200 && status < 300;
}

bool is_worth_another_try(int status) {
    return status == 429 || (status >= 500 && status != 501);
}

bool is_worth_another_try(ErrorKind kind) {
    return kind == ErrorKind::unreachable || kind == ErrorKind::timed_out;
}

Duration wait_before(int attempt, const net::Response* answer) {
    if (answer != nullptr && (answer->status == 429 || answer->status == 503)) {
        const auto asked = answer->headers.get("Retry-After");
        const auto whole = asked ? parse_integer(trimmed(*asked)) : std::nullopt;
        if (whole && *whole >= 0)
            return std::min<Duration>(seconds{std::min<std::int64_t>(*whole, 30)}, wait_max);
    }
    return std::min<Duration>(seconds{1LL << std::min(attempt - 1, 5)}, wait_max);
}

}  // namespace sluice::notify
