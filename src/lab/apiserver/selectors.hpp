// Label and field selectors: the texts of `kubectl get -l` and `--field-selector`, and the
// selectors inside objects.
#pragma once

#include "base/core/json.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

struct Kind;

enum class LabelTest { in, not_in, exists, absent };

struct LabelRequirement {
    std::string key;
    LabelTest test = LabelTest::exists;
    std::vector<std::string> values = {};

    bool operator==(const LabelRequirement&) const = default;
};

// All requirements hold; an empty selector selects everything.
struct LabelSelector {
    std::vector<LabelRequirement> requirements = {};

    bool matches(const JsonObject& labels) const;
    // By metadata.labels.
    bool selects(const Json& object) const;
    bool empty() const { return requirements.empty(); }
};

// "app in (web,x),!y,tier!=db"; the error is the text of a 400.
std::expected<LabelSelector, std::string> parse_label_selector(std::string_view text);
// {"matchLabels":…, "matchExpressions":…}; the error names what is wrong.
std::expected<LabelSelector, std::string> label_selector_of(const Json& selector);
// A plain map of labels, as in a Service's spec.selector.
LabelSelector label_selector_of_map(const JsonObject& labels);
// "app=web,tier in (a,b)": as status.selector of a Scale has it.
std::string to_string(const LabelSelector& selector);

struct FieldRequirement {
    std::string path;  // "status.phase"
    bool equal = true;
    std::string value;

    bool operator==(const FieldRequirement&) const = default;
};

struct FieldSelector {
    std::vector<FieldRequirement> requirements = {};

    bool selects(const Json& object) const;
    bool empty() const { return requirements.empty(); }
};

// "metadata.name=web,status.phase!=Running"; refuses fields by which this kind cannot be selected.
// The error is the text of a 400.
std::expected<FieldSelector, std::string> parse_field_selector(std::string_view text,
                                                               const Kind& kind);

}  // namespace sluice::lab
