// The signals by which people and systems end what runs in the foreground.
#pragma once

#include <boost/asio/signal_set.hpp>

namespace sluice::cli {

// SIGINT, SIGTERM, and SIGHUP (the terminal was closed), which nohup has ignored and which then
// stays so.
void add_end_signals(boost::asio::signal_set& signals);

}  // namespace sluice::cli
