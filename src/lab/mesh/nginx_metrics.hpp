// What the controller of ingress-nginx tells of the requests that it handed on: by Ingress, Service
// and answer, and whether a canary took them. Flagger's built-in NGINX checks ask for these.
#pragma once

#include "lab/mesh/istio_metrics.hpp"
#include "lab/mesh/route.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::mesh {

struct IngressRecord {
    const std::shared_ptr<const IngressNames>& names;
    std::string_view canary;  // empty: the Ingress' own Service
    std::string_view method;
    int status = 0;
    double request_seconds = 0;   // the whole request
    double response_seconds = 0;  // the last try
};

// Of one thread.
class NginxMetrics {
   public:
    explicit NginxMetrics(std::size_t label_sets_max = 20'000) : label_sets_max_(label_sets_max) {}

    void add(const IngressRecord& record);
    // As IstioMetrics': a label set that is new shows 0 the first time that Prometheus asks.
    std::string exposition(IstioMetrics::Reading reading);

   private:
    static constexpr std::array<double, 11> bounds{
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

    struct Histogram {
        std::array<std::uint64_t, bounds.size() + 1> counts{};
        double sum = 0;
        void add(double seconds);
    };
    struct Series {
        std::uint64_t requests = 0;
        Histogram request, response;
        bool announced = false;
    };
    using SeriesOf = std::pair<const std::string, Series>;
    static void append(std::string& text,
                       std::string_view name,
                       const std::string& labels,
                       const Histogram& histogram);

    std::size_t label_sets_max_;
    std::map<std::string, Series, std::less<>> series_;  // by their labels
};

}  // namespace sluice::mesh
