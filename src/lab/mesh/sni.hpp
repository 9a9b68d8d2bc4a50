// The name that a TLS client asks for, out of the first bytes that it sends.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::mesh {

struct ClientHello {
    // More bytes are needed to tell.
    bool is_partial = false;
    // In lower case; nothing when it is no TLS or names nobody.
    std::optional<std::string> name = std::nullopt;
};
ClientHello read_client_hello(std::string_view bytes);

}  // namespace sluice::mesh
