// Addresses that people write, with a user and a password in them: "http://me:secret@host/path".
#pragma once

#include <string>
#include <string_view>

namespace sluice {

struct Address {
    std::string bare;           // without the user: this one is shown, logged and parsed
    std::string authorization;  // what the user stands for as a header; empty when there is none
};
Address split_address(std::string_view text);

// As people may see an address that is a secret in itself: "https://hooks.slack.com/…".
std::string masked_address(std::string_view text);

}  // namespace sluice
