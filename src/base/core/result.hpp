// Errors as values. What the world refuses travels as a Result; our own mistakes end the process
// (SLUICE_ASSERT).
#pragma once

#include "base/core/time.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// How the world said no. Callers decide by the kind; people read the message.
enum class ErrorKind {
    not_found,       // the object or path does not exist (404)
    already_exists,  // created meanwhile by somebody else (409)
    conflict,        // changed since it was read, or a precondition failed (409)
    gone,            // too old a resourceVersion or continue token (410)
    invalid,         // the other side understood us and refused what we said (400, 422)
    denied,          // not allowed (403)
    unauthorized,    // not recognised (401)
    too_many,        // asked to slow down (429)
    unsupported,     // media type, method or feature not served (405, 406, 415, 501)
    unavailable,     // the other side answered that it cannot now (5xx)
    unreachable,     // no connection, or it broke
    timed_out,       // a deadline of ours passed, or theirs (504)
    bad_answer,      // an answer that cannot be understood
    too_large,       // over a limit on size or depth
    cancelled,       // we stopped waiting
    unsettled,       // a pass that does not come to rest
};

std::string_view to_string(ErrorKind kind);

struct Error {
    ErrorKind kind;
    std::string message;
    // What the other side asked us to wait before another try (Retry-After).
    std::optional<Duration> retry_after = std::nullopt;

    // The same error seen from further out: "reading VirtualService prod/web: timed out after 5s".
    [[nodiscard]] Error with(std::string_view doing) const;

    bool operator==(const Error&) const = default;
};

// A value or the reason why there is none. Unlike std::expected it warns when it is dropped.
template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
   public:
    using std::expected<T, Error>::expected;
    // NOLINTNEXTLINE(google-explicit-constructor): `return Error{…}` is how a function says no.
    Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
   public:
    using std::expected<void, Error>::expected;
    // NOLINTNEXTLINE(google-explicit-constructor): `return Error{…}` is how a function says no.
    Result(Error error) : std::expected<void, Error>(std::unexpect, std::move(error)) {}
};

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}

}  // namespace sluice

// A broken invariant of our own: say it and die, in release builds too. The cluster is read again
// after the restart.
#define SLUICE_ASSERT(condition)        \
    ((condition) ? static_cast<void>(0) \
                 : ::sluice::detail::assertion_failed(#condition, __FILE__, __LINE__))
