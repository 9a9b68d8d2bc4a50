// Durations in Go's syntax, which the manifests of both peers use, and in Go's text, which their
// messages show.
#pragma once

#include "base/core/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// Go's time.ParseDuration: "1m30s", "500ms", "-1.5h", "0". Nothing for anything else, or past
// 64-bit nanoseconds.
std::optional<Duration> parse_duration(std::string_view text);

// Go's Duration.String: "1.515s", "500ms", "1m0s", "1h0m0s", "0s".
std::string go_text(Duration duration);

// Kubernetes' HumanDuration, the AGE column: "12s", "4m30s", "3h", "2d4h", "<invalid>" before zero
// (kubernetes.md B.5).
std::string human_text(Duration duration);

}  // namespace sluice
