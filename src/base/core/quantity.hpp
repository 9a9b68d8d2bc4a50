// Kubernetes resource quantities: "100m", "64Mi", "1.5", "2e3".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// The one text that Kubernetes keeps of all that mean the same: no fraction, the largest suffix
// that loses nothing, and of the family that was written ("2000m" is "2", "0.5" is "500m", "1024Mi"
// is "1Gi", "1500M" stays). What is finer than a billionth is rounded up; what is too large becomes
// the largest. Nothing when malformed.
std::optional<std::string> canonical_quantity(std::string_view text);

}  // namespace sluice
