// Who may ask: the Host against DNS rebinding, the Origin against other sites, the token off
// loopback, and what a write needs beside them.
#pragma once

#include "net/http.hpp"
#include "web/answer.hpp"
#include "web/settings.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::web {

// "localhost:4680", "127.0.0.1", "[::1]:80", or one of the settings' hosts.
bool is_own_host(std::string_view host, const Settings& settings);
// Takes the same time for every text of one length.
bool is_same_secret(std::string_view given, std::string_view secret);
// The text after "Bearer "; empty when none came.
std::string bearer_of(const net::Request& request);

// Who asks. A token that is not the dashboard's own is a person's: the cluster says whether it is
// known.
enum class Caller { nobody, process, person };
Caller caller_of(const net::Request& request, const Settings& settings);

// Of every request, the page's files included.
std::optional<Refusal> objection_to_host(const net::Request& request, const Settings& settings);
// Of every request about data: no other site's page asks in a person's browser.
std::optional<Refusal> objection_to_origin(const net::Request& request);
// Of a write, by whoever may ask.
std::optional<Refusal> objection_to_write(const net::Request& request,
                                          const Settings& settings,
                                          std::string_view csrf);
// Why nothing may be written; empty when it may.
std::string why_read_only(const Settings& settings);

}  // namespace sluice::web
