// Asks the questions of a batch: hooks one after the other, metrics side by side, the answers in
// the order of the list.
#pragma once

#include "base/async/clock.hpp"
#include "base/async/task.hpp"
#include "controller/metric_templates.hpp"
#include "delivery/canary/evidence.hpp"
#include "kube/client.hpp"
#include "metrics/providers.hpp"
#include "notify/sent.hpp"
#include "notify/webhook.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::controller {

class Asking {
   public:
    // Where pods are looked at.
    struct Cluster {
        kube::Client& client;
        Clock& clock;
    };
    // All outlive this.
    Asking(const metrics::Providers& providers,
           TemplateSource& templates,
           notify::Webhooks& webhooks,
           notify::SentLog* sent = nullptr,
           std::optional<Cluster> cluster = {})
        : providers_(providers),
          templates_(templates),
          webhooks_(webhooks),
          sent_(sent),
          cluster_(cluster) {}

    // The answers up to the one that ends the batch. Never fails: what cannot be asked is an answer
    // too. Equal questions to one server are asked once.
    Task<std::map<std::string, canary::Answer>> gather(canary::Batch batch);

   private:
    struct Query {
        metrics::ProviderSpec server;
        std::string text;
        std::string interval = {};  // where the server is told

        auto operator<=>(const Query&) const = default;
    };
    // What a check asks, or why it cannot.
    struct Prepared {
        std::optional<canary::Answer> refused = {};
        Query query = {};
        double factor = 1;
        // How many requests there were, where that decides whether the value says anything.
        std::optional<Query> count = {};
    };
    // What is known already within one batch.
    struct Known {
        std::map<api::Reference, Result<CheckTemplate>> templates;
        std::map<Query, metrics::Reading> readings;
    };

    Task<> ask_into(canary::Question question, canary::Answer* slot);
    Task<canary::Answer> answer(canary::ProbeProviders probe);
    Task<canary::Answer> answer(canary::CallHook call);
    Task<canary::Answer> answer(canary::LookAtPods look);
    Task<> probe_into(std::string server,
                      std::optional<api::Reference> provider,
                      canary::Answer* slot);
    Task<std::string> trouble_with_server(std::string server);
    Task<std::string> trouble_with_template(api::Reference reference);

    Task<> measure(std::vector<canary::Measure> checks,
                   std::vector<canary::Answer*> slots,
                   Known* known);
    Task<> read_templates(std::vector<canary::Measure> checks, Known* known);
    Task<> read_template_into(api::Reference reference, std::optional<Result<CheckTemplate>>* slot);
    Task<> read(std::vector<Query> queries, Known* known);
    Task<> read_into(Query query, metrics::Reading* slot);
    static Prepared prepare(const canary::Measure& check, const Known& known);
    static canary::Answer answer_of(const canary::Measure& check,
                                    const Prepared& prepared,
                                    const Known& known);

    const metrics::Providers& providers_;
    TemplateSource& templates_;
    notify::Webhooks& webhooks_;
    notify::SentLog* sent_;
    std::optional<Cluster> cluster_;
};

// Runs them all to their end; cancelled together.
Task<> side_by_side(std::vector<Task<>> tasks);

}  // namespace sluice::controller
