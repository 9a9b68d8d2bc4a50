// An alert as a value, and who gets it: what every kind of receiver makes its message from
// (routing-metrics-hooks.md 4).
#pragma once

#include "api/canary.hpp"
#include "net/http.hpp"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::notify {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Notice {
    api::Severity severity = api::Severity::info;
    std::string message;
    std::string canary;  // "podinfo.test"
    Fields fields;       // in the order in which they are shown
};

// The address is a secret, as is the token: neither stands in any error's text.
struct Receiver {
    std::string type;  // "slack"
    std::string address;
    std::string channel;
    std::string username;
    std::string token;
    std::string proxy;
};

inline constexpr std::string_view default_channel = "general";
inline constexpr std::string_view default_username = "flagger";

// The message is posted to `url`; `what` names it in the error's text: "Slack hook".
struct Destination {
    std::string url;
    std::string what;
};
// invalid: "invalid Slack hook URL https://…", or the proxy's address is wrong.
Result<net::Request> post_of(const Receiver& receiver,
                             const Destination& destination,
                             const Json& payload);

}  // namespace sluice::notify
