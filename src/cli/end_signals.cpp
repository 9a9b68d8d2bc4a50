#include "cli/end_signals.hpp"

#include <csignal>

namespace sluice::cli {

void add_end_signals(boost::asio::signal_set& signals) {
    signals.add(SIGINT);
    signals.add(SIGTERM);
    struct sigaction hang_up{};
    if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler == SIG_IGN) return;
    signals.add(SIGHUP);
}

}  // namespace sluice::cli
