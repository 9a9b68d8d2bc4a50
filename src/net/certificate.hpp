// What a certificate says of itself: until when, and for whom.
#pragma once

#include "base/core/result.hpp"
#include "base/core/time.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::net {

struct Certificate {
    Time not_after{};
    // DNS names and addresses, the first of them; the common name where there are none.
    std::vector<std::string> names;
};
// The first of a PEM text: a chain begins with the server's own. `invalid` where there is none.
// Whatever else the text holds is not read.
Result<Certificate> read_certificate(std::string_view pem);

}  // namespace sluice::net
