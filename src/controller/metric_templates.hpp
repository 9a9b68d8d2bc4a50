// MetricTemplates as they stand when a question is asked: from the cache, their Secret from the API
// server.
#pragma once

#include "api/canary.hpp"
#include "base/async/clock.hpp"
#include "base/async/task.hpp"
#include "kube/cache.hpp"
#include "kube/client.hpp"
#include "metrics/providers.hpp"

#include <string>

namespace sluice::controller {

struct CheckTemplate {
    metrics::ProviderSpec server;
    std::string query;  // not rendered yet
};

class TemplateSource {
   public:
    TemplateSource() = default;
    TemplateSource(const TemplateSource&) = delete;
    TemplateSource& operator=(const TemplateSource&) = delete;
    virtual ~TemplateSource() = default;

    // A template whose server can be asked. The error's message is the peer's without its first
    // word: "template NAME.NAMESPACE secret SECRET error: …".
    virtual Task<Result<CheckTemplate>> read(api::Reference reference) = 0;
};

class MetricTemplates final : public TemplateSource {
   public:
    // All outlive this.
    MetricTemplates(Clock& clock,
                    kube::Client& client,
                    const kube::Cache& templates,
                    const metrics::Providers& providers)
        : clock_(clock), client_(client), templates_(templates), providers_(providers) {}

    // A Secret that was rotated counts from the next question on: it is kept nowhere.
    Task<Result<CheckTemplate>> read(api::Reference reference) override;

   private:
    Clock& clock_;
    kube::Client& client_;
    const kube::Cache& templates_;
    const metrics::Providers& providers_;
};

}  // namespace sluice::controller
