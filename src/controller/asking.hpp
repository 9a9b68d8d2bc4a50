// Asks the questions of a batch: hooks one after the other, metrics side by side, the answers in
// the order of the list.
#pragma once

#include "base/async/task.hpp"
#include "delivery/canary/evidence.hpp"
#include "metrics/prometheus.hpp"
#include "notify/webhook.hpp"

#include <map>
#include <string>
#include <vector>

namespace sluice::controller {

class Asking {
   public:
    // Both outlive this.
    Asking(metrics::Prometheus& prometheus, notify::Webhooks& webhooks)
        : prometheus_(prometheus), webhooks_(webhooks) {}

    // The answers up to the one that ends the batch. Never fails: what cannot be asked is an answer
    // too.
    Task<std::map<std::string, canary::Answer>> gather(canary::Batch batch);
    Task<canary::Answer> ask(canary::Question question);

   private:
    Task<> ask_into(canary::Question question, canary::Answer* slot);
    Task<canary::Answer> answer(canary::ProbeProviders probe);
    Task<canary::Answer> answer(canary::CallHook call);
    Task<canary::Answer> answer(canary::Measure measure);

    metrics::Prometheus& prometheus_;
    notify::Webhooks& webhooks_;
};

// Runs them all to their end; cancelled together.
Task<> side_by_side(std::vector<Task<>> tasks);

}  // namespace sluice::controller
