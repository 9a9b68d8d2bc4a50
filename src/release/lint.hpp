// What `sluice lint` and the dashboard find: what is wrong with a Canary that its CRD's schema lets
// pass, and with the mesh's objects around it, under the codes of `istioctl analyze`
// (mesh-and-dashboard.md 6.1).
#pragma once

#include "base/core/duration.hpp"
#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <compare>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::release {

enum class Level { error, warning, info };
std::string_view to_string(Level level);

struct Finding {
    Level level = Level::error;
    std::string code;    // "IST0101", "SLU0003"; empty for a Canary's own mistakes
    std::string object;  // "Canary test/podinfo"
    std::string field;   // "spec.analysis.metrics[0].interval"; may be empty
    std::string text;
    std::string suggestion;  // the edit that ends it; empty where the text says it already
    std::string file;        // where it was read from, if from a file
    std::size_t line = 0;

    bool operator==(const Finding&) const = default;
};

struct LintSettings {
    Duration scrape_interval = std::chrono::seconds(15);
    Duration min_interval = std::chrono::seconds(10);  // what the controller raises shorter ones to
};

// The objects that are looked at and those around them: of files, or of the cluster.
struct Around {
    std::vector<Json> objects;
    // What is not among them does not exist, but for these kinds: of `elsewhere` only those of
    // namespace `home` were read, of `unread` perhaps none.
    bool whole = false;
    std::string home = {};
    std::set<std::string> elsewhere = {};
    std::set<std::string> unread = {};

    // Whether all objects of the kind are among them: in every namespace, or in this one.
    bool knows(const std::string& kind) const;
    bool knows(const std::string& kind, std::string_view ns) const;
};

// Looks at objects one by one. `around` must outlive it, and what is looked at is part of it.
class Linter {
   public:
    explicit Linter(const Around& around, LintSettings settings = {});
    ~Linter();

    // Whether anything is said about such an object.
    static bool has_a_say(const Json& object);
    // What annotation galley.istio.io/analyze-suppress names is left out.
    std::vector<Finding> look(const Json& object) const;

   private:
    LintSettings settings_;
    std::unique_ptr<const struct Scene> scene_;
};

// "canary.yaml:12: error: Canary test/podinfo spec.x: … [IST0101]".
std::string line_of(const Finding& finding);

}  // namespace sluice::release
