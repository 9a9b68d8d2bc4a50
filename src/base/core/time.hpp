// Points in time and their texts. The type only: nobody here asks what time it is
// (base/async/clock.hpp does).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Kubernetes' metav1.Time: "2026-01-25T19:54:42Z", whole seconds (rounded down), UTC.
std::string rfc3339(Time time);
// With milliseconds, as log lines have it: "2026-01-25T19:54:42.528Z".
std::string rfc3339_millis(Time time);
// Kubernetes' metav1.MicroTime: "2026-01-25T19:54:42.528123Z".
std::string rfc3339_micros(Time time);
// Any RFC 3339 text, with or without a fraction and with any offset; nothing when it is not one.
std::optional<Time> parse_rfc3339(std::string_view text);

}  // namespace sluice
