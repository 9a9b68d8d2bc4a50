// The load tester as an app of the lab: its traffic goes as that of any pod does, by the pod's
// sidecar where it has one.
#pragma once

#include "lab/workloads/app.hpp"

#include <functional>
#include <optional>

namespace sluice::lab {

// `proxy` says, on the traffic thread, by which way names of the lab are reached without a sidecar.
AppRegistry::Make load_tester_maker(Executor traffic,
                                    std::function<std::optional<net::Origin>()> proxy);

}  // namespace sluice::lab
