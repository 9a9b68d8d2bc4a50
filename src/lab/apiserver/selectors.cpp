#include "lab/apiserver/selectors.hpp"

#include "base/core/text.hpp"
#include "kube/resource.hpp"
#include "lab/apiserver/kinds.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sluice::lab {
namespace {

bool contains(const std::vector<std::string>& values, std::string_view value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

bool holds(const LabelRequirement& requirement, const JsonObject& labels) {
    const auto* label = labels.if_contains(requirement.key);
    const bool there = label != nullptr && label->is_string();
    switch (requirement.test) {
        case LabelTest::in:
            return there && contains(requirement.values, label->get_string());
        case LabelTest::not_in:
            return !there || !contains(requirement.values, label->get_string());
        case LabelTest::exists:
            return there;
        case LabelTest::absent:
            return !there;
    }
    return false;
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
           c == '_' || c == '.' || c == '/';
}

// Reads one selector text from left to right.
class Reader {
   public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::expected<LabelSelector, std::string> selector() {
        LabelSelector selector;
        skip_blanks();
        if (done()) return selector;
        while (true) {
            auto requirement = this->requirement();
            if (!requirement)
                return std::unexpected("unable to parse requirement: " + requirement.error());
            selector.requirements.push_back(std::move(*requirement));
            skip_blanks();
            if (done()) return selector;
            if (!take(",")) return std::unexpected(unable("',' or 'end of string'"));
        }
    }

   private:
    bool done() const { return at_ == text_.size(); }

    void skip_blanks() {
        while (!done() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }

    bool take(std::string_view what) {
        skip_blanks();
        if (!text_.substr(at_).starts_with(what)) return false;
        at_ += what.size();
        return true;
    }

    std::string word() {
        skip_blanks();
        const auto from = at_;
        while (!done() && is_name_character(text_[at_])) ++at_;
        return std::string(text_.substr(from, at_ - from));
    }

    std::string unable(std::string_view expected) {
        return fmt::format("unable to parse requirement: {}", found(expected));
    }

    std::string found(std::string_view expected) {
        const auto rest = text_.substr(std::min(at_, text_.size()));
        return fmt::format("found '{}', expected: {}", rest, expected);
    }

    std::expected<LabelRequirement, std::string> requirement() {
        LabelRequirement requirement;
        if (take("!")) {
            requirement.key = word();
            requirement.test = LabelTest::absent;
            if (requirement.key.empty()) return std::unexpected(found("identifier"));
            return requirement;
        }
        requirement.key = word();
        if (requirement.key.empty())
            return std::unexpected(found("!, identifier, or 'end of string'"));
        skip_blanks();
        if (done() || text_[at_] == ',') return requirement;
        if (take("!=")) {
            requirement.test = LabelTest::not_in;
            requirement.values.push_back(word());
            return requirement;
        }
        if (take("==") || take("=")) {
            requirement.test = LabelTest::in;
            requirement.values.push_back(word());
            return requirement;
        }
        const auto verb = word();
        if (verb != "in" && verb != "notin") {
            at_ -= verb.size();
            return std::unexpected(found("in, notin, =, ==, !="));
        }
        requirement.test = verb == "in" ? LabelTest::in : LabelTest::not_in;
        if (!take("(")) return std::unexpected(found("'('"));
        do {
            requirement.values.push_back(word());
        } while (take(","));
        if (!take(")")) return std::unexpected(found("',' or ')'"));
        return requirement;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

// What a field selector may name, besides metadata.name and metadata.namespace.
bool is_selectable(const Kind& kind, std::string_view path) {
    if (path == "metadata.name" || path == "metadata.namespace") return true;
    if (kind.custom) {
        return std::any_of(kind.versions.begin(), kind.versions.end(), [&](const auto& version) {
            return contains(version.selectable_fields, path);
        });
    }
    static const std::map<std::string_view, std::vector<std::string>> by_kind{
        {"Pod",
         {"spec.nodeName",
          "status.phase",
          "spec.restartPolicy",
          "spec.serviceAccountName",
          "spec.schedulerName",
          "spec.hostNetwork",
          "status.podIP",
          "status.nominatedNodeName"}},
        {"Event",
         {"involvedObject.kind",
          "involvedObject.namespace",
          "involvedObject.name",
          "involvedObject.uid",
          "involvedObject.apiVersion",
          "involvedObject.resourceVersion",
          "involvedObject.fieldPath",
          "reason",
          "reportingComponent",
          "source",
          "type"}},
        {"Secret", {"type"}},
        {"Namespace", {"status.phase"}},
        {"ReplicaSet", {"status.replicas"}},
        {"Job", {"status.successful"}},
        {"Node", {"spec.unschedulable"}},
        {"Service", {"spec.clusterIP", "spec.type"}},
    };
    const auto paths = by_kind.find(kind.resource.kind);
    return paths != by_kind.end() && contains(paths->second, path);
}

std::string refusal(const Kind& kind, std::string_view path) {
    if (!kind.custom) return fmt::format("field label not supported: {}", path);
    std::string known = "\"metadata.name\", \"metadata.namespace\"";
    for (const auto& version : kind.versions) {
        for (const auto& field : version.selectable_fields) {
            if (known.find("\"" + field + "\"") == std::string::npos) {
                known += ", \"" + field + "\"";
            }
        }
    }
    return fmt::format("\"{}\" is not a known field selector: only {}", path, known);
}

// A missing field reads as an empty text, as Go's zero value does; numbers and bools as theirs.
std::string field_text(const Json& object, std::string_view path) {
    // An Event's source selects by its component.
    const std::string dotted = path == "source" ? "source.component" : std::string(path);
    const Json* here = &object;
    for (const auto part : split(dotted, '.')) {
        const auto* members = here->if_object();
        here = members == nullptr ? nullptr : members->if_contains(part);
        if (here == nullptr) break;
    }
    if (here == nullptr || here->is_null()) {
        if (path == "spec.unschedulable" || path == "spec.hostNetwork") return "false";
        if (path == "status.replicas" || path == "status.successful") return "0";
        return {};
    }
    return here->is_string() ? std::string(here->get_string()) : to_text(*here);
}

}  // namespace

bool LabelSelector::matches(const JsonObject& labels) const {
    return std::all_of(requirements.begin(), requirements.end(), [&](const auto& requirement) {
        return holds(requirement, labels);
    });
}

bool LabelSelector::selects(const Json& object) const {
    return empty() || matches(object_at(object, {"metadata", "labels"}));
}

std::expected<LabelSelector, std::string> parse_label_selector(std::string_view text) {
    return Reader(text).selector();
}

std::expected<LabelSelector, std::string> label_selector_of(const Json& selector) {
    auto result = label_selector_of_map(object_at(selector, {"matchLabels"}));
    for (const auto& expression : array_at(selector, {"matchExpressions"})) {
        LabelRequirement requirement;
        requirement.key = text_at(expression, {"key"});
        for (const auto& value : array_at(expression, {"values"})) {
            if (value.is_string()) requirement.values.emplace_back(value.get_string());
        }
        const auto verb = text_at(expression, {"operator"});
        if (verb == "In") {
            requirement.test = LabelTest::in;
        } else if (verb == "NotIn") {
            requirement.test = LabelTest::not_in;
        } else if (verb == "Exists") {
            requirement.test = LabelTest::exists;
        } else if (verb == "DoesNotExist") {
            requirement.test = LabelTest::absent;
        } else {
            return std::unexpected(
                fmt::format("\"{}\" is not a valid label selector operator", verb));
        }
        result.requirements.push_back(std::move(requirement));
    }
    return result;
}

LabelSelector label_selector_of_map(const JsonObject& labels) {
    LabelSelector selector;
    for (const auto& [key, value] : labels) {
        if (!value.is_string()) continue;
        selector.requirements.push_back(
            {std::string(key), LabelTest::in, {std::string(value.get_string())}});
    }
    std::sort(selector.requirements.begin(),
              selector.requirements.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    return selector;
}

std::string to_string(const LabelSelector& selector) {
    std::vector<std::string> parts;
    for (const auto& requirement : selector.requirements) {
        const bool single = requirement.values.size() == 1;
        const auto values = "(" + joined(requirement.values, ",") + ")";
        switch (requirement.test) {
            case LabelTest::in:
                parts.push_back(single ? requirement.key + "=" + requirement.values.front()
                                       : requirement.key + " in " + values);
                break;
            case LabelTest::not_in:
                parts.push_back(single ? requirement.key + "!=" + requirement.values.front()
                                       : requirement.key + " notin " + values);
                break;
            case LabelTest::exists:
                parts.push_back(requirement.key);
                break;
            case LabelTest::absent:
                parts.push_back("!" + requirement.key);
                break;
        }
    }
    return joined(parts, ",");
}

bool FieldSelector::selects(const Json& object) const {
    return std::all_of(requirements.begin(), requirements.end(), [&](const auto& requirement) {
        return (field_text(object, requirement.path) == requirement.value) == requirement.equal;
    });
}

std::expected<FieldSelector, std::string> parse_field_selector(std::string_view text,
                                                               const Kind& kind) {
    FieldSelector selector;
    if (trimmed(text).empty()) return selector;
    for (const auto part : split(text, ',')) {
        const auto term = trimmed(part);
        if (term.empty()) continue;
        FieldRequirement requirement;
        const auto equals = term.find('=');
        if (equals == std::string_view::npos) {
            return std::unexpected(
                fmt::format("invalid selector: '{}'; can't understand '{}'", text, term));
        }
        requirement.equal = equals == 0 || term[equals - 1] != '!';
        requirement.path = trimmed(term.substr(0, requirement.equal ? equals : equals - 1));
        auto value = term.substr(equals + 1);
        if (requirement.equal && value.starts_with('=')) value.remove_prefix(1);
        requirement.value = trimmed(value);
        if (!is_selectable(kind, requirement.path)) {
            return std::unexpected(refusal(kind, requirement.path));
        }
        selector.requirements.push_back(std::move(requirement));
    }
    return selector;
}

}  // namespace sluice::lab
