// What every kind of metrics server is: something that is asked for one number.
#pragma once

#include "base/async/task.hpp"
#include "base/core/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

enum class Outcome {
    value,
    no_values,  // no series, or a value that is not a finite number
    failed,     // could not be asked, or the answer cannot be read
};

struct Reading {
    Outcome outcome = Outcome::failed;
    double value = 0;
    std::string text;  // of no_values and failed: what happened, in the peer's words

    bool operator==(const Reading&) const = default;
};

// A Secret's keys and their decoded values. Never shown.
using Credentials = std::map<std::string, std::string, std::less<>>;

// One metrics server and how it is reached: the provider of a MetricTemplate, its Secret read.
struct ProviderSpec {
    std::string type = "prometheus";
    std::string address = {};
    std::map<std::string, std::vector<std::string>> headers = {};
    std::string region = {};
    bool insecure_skip_verify = false;
    std::optional<Credentials> secret = {};  // nothing where there is no secretRef

    auto operator<=>(const ProviderSpec&) const = default;
};

class Provider {
   public:
    Provider() = default;
    Provider(const Provider&) = delete;
    Provider& operator=(const Provider&) = delete;
    virtual ~Provider() = default;

    // Whether this server can be asked at all, as far as its spec tells: its address, its keys.
    virtual Result<void> check(const ProviderSpec& spec) const = 0;
    // Never takes longer than the provider's limit. The interval is the metric's, as written.
    virtual Task<Reading> query(ProviderSpec spec, std::string query, std::string interval) = 0;
    // Whether the server answers. The text is the peer's.
    virtual Task<Result<void>> probe(ProviderSpec spec) = 0;
};

}  // namespace sluice::metrics
