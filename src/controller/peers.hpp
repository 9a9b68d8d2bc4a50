// Looks for another controller of Canaries in the cluster: two of them would undo each other's work
// (canary.md 5.3).
#pragma once

#include "base/async/clock.hpp"
#include "kube/client.hpp"

#include <map>
#include <optional>
#include <string>

namespace sluice::controller {

// Who we are, so that we don't stand by for ourselves.
struct Self {
    std::string ns;
    std::string pod;  // "flagger-5d4f8c-x2x9k"
};

class Peers {
   public:
    // Both outlive this.
    Peers(Clock& clock, kube::Client& client, Self self);

    // "Deployment flagger.smm-system is running", "Lease flagger-leader-election.kube-system is
    // held by …"; nothing when there is none. What we may not read is not there; a server that
    // cannot answer says nothing about who runs, so that is an Error.
    Task<Result<std::optional<std::string>>> find_running();

   private:
    Task<Result<std::optional<std::string>>> held_lease(std::string ns);
    Task<Result<std::optional<std::string>>> running_deployment();

    struct SeenLease {
        std::string record;
        Time since;
    };

    Clock& clock_;
    kube::Client& client_;
    Self self_;
    std::map<std::string, SeenLease> leases_;
};

}  // namespace sluice::controller
