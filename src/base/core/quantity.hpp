// Kubernetes resource quantities: "100m", "64Mi", "1.5", "2e3".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

// The value in thousandths ("100m" is 100, "1" is 1000), rounded up as Kubernetes does; nothing
// when malformed or too large.
std::optional<std::int64_t> parse_quantity_milli(std::string_view text);

}  // namespace sluice
