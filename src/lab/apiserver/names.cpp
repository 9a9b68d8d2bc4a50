#include "lab/apiserver/names.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr std::string_view subdomain_text =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view label_text =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view dns1035_text =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view label_value_text =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::string_view label_name_text =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c);
}
bool is_alphanumeric(char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

// [a-z0-9]([-a-z0-9]*[a-z0-9])?
bool is_label(std::string_view text) {
    return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
           std::all_of(
               text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
    const auto parts = split(text, '.');
    return std::all_of(parts.begin(), parts.end(), is_label);
}

// ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]
bool is_qualified_part(std::string_view text) {
    return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
           });
}

std::string longer_than(std::size_t count) {
    return fmt::format("must be no more than {} characters", count);
}

}  // namespace

NameRule name_rule_of(const Kind& kind) {
    const auto& name = kind.resource.kind;
    if (kind.custom) return NameRule::subdomain;
    if (name == "Namespace") return NameRule::label;
    if (name == "Service") return NameRule::dns1035_label;
    if (kind.resource.group == "rbac.authorization.k8s.io") return NameRule::path_segment;
    return NameRule::subdomain;
}

std::optional<std::string> wrong_with_name(std::string_view name, NameRule rule) {
    switch (rule) {
        case NameRule::subdomain:
            if (name.size() > 253) return longer_than(253);
            if (!is_subdomain(name)) return std::string(subdomain_text);
            return std::nullopt;
        case NameRule::label:
            if (name.size() > 63) return longer_than(63);
            if (!is_label(name)) return std::string(label_text);
            return std::nullopt;
        case NameRule::dns1035_label:
            if (name.size() > 63) return longer_than(63);
            if (!is_label(name) || is_digit(name.front())) return std::string(dns1035_text);
            return std::nullopt;
        case NameRule::path_segment:
            if (name == "." || name == "..") return fmt::format("may not be '{}'", name);
            if (name.find('/') != std::string_view::npos) return "may not contain '/'";
            if (name.find('%') != std::string_view::npos) return "may not contain '%'";
            return std::nullopt;
    }
    return std::nullopt;
}

std::optional<std::string> wrong_with_label_key(std::string_view key) {
    const auto slash = key.find('/');
    auto name = key;
    if (slash != std::string_view::npos) {
        const auto prefix = key.substr(0, slash);
        name = key.substr(slash + 1);
        if (name.find('/') != std::string_view::npos) {
            return fmt::format(
                "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and "
                "must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  "
                "or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?"
                "[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
                "'example.com/MyName')");
        }
        if (prefix.empty()) return "prefix part must be non-empty";
        if (const auto wrong = wrong_with_name(prefix, NameRule::subdomain)) {
            return "prefix part " + *wrong;
        }
    }
    if (name.empty()) return "name part must be non-empty";
    if (name.size() > 63) return "name part " + longer_than(63);
    if (!is_qualified_part(name)) return std::string(label_name_text);
    return std::nullopt;
}

std::optional<std::string> wrong_with_label_value(std::string_view value) {
    if (value.size() > 63) return longer_than(63);
    if (!value.empty() && !is_qualified_part(value)) return std::string(label_value_text);
    return std::nullopt;
}

void check_labels(const Json* labels, std::string_view field, FieldErrors& errors) {
    if (labels == nullptr || !labels->is_object()) return;
    for (const auto& [key, value] : labels->get_object()) {
        if (const auto wrong = wrong_with_label_key(key)) {
            errors.push_back(field_error::invalid(std::string(field), Json(key), *wrong));
        }
        if (!value.is_string()) continue;
        if (const auto wrong = wrong_with_label_value(value.get_string())) {
            errors.push_back(field_error::invalid(std::string(field), value, *wrong));
        }
    }
}

namespace {

void check_annotations(const Json& object, FieldErrors& errors) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : object_at(object, {"metadata", "annotations"})) {
        if (const auto wrong = wrong_with_label_key(lower_case(key))) {
            errors.push_back(field_error::invalid("metadata.annotations", Json(key), *wrong));
        }
        bytes += key.size() + (value.is_string() ? value.get_string().size() : 0);
    }
    constexpr std::size_t bytes_max = std::size_t{256} * 1024;
    if (bytes > bytes_max) {
        errors.push_back(field_error::too_long("metadata.annotations", bytes_max));
    }
}

void check_owners(const Json& object, FieldErrors& errors) {
    const auto& owners = array_at(object, {"metadata", "ownerReferences"});
    const Json* controller = nullptr;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        const auto& owner = owners[i];
        const auto field = [&](std::string_view name) {
            return fmt::format("metadata.ownerReferences[{}].{}", i, name);
        };
        for (const std::string_view name : {"apiVersion", "kind", "name", "uid"}) {
            if (!text_at(owner, {name}).empty()) continue;
            errors.push_back(field_error::invalid(
                field(name),
                "",
                name == "apiVersion" ? "version must not be empty" : "must not be empty"));
        }
        if (!bool_at(owner, {"controller"}).value_or(false)) continue;
        if (controller == nullptr) {
            controller = &owner;
            continue;
        }
        errors.push_back(field_error::invalid(
            "metadata.ownerReferences",
            Json(owners),
            fmt::format("Only one reference can have Controller set to true. Found \"true\" in "
                        "references for {}/{} and {}/{}",
                        text_at(*controller, {"kind"}),
                        text_at(*controller, {"name"}),
                        text_at(owner, {"kind"}),
                        text_at(owner, {"name"}))));
    }
}

}  // namespace

FieldErrors wrong_with_metadata(const Kind& kind, const Json& object) {
    FieldErrors errors;
    const auto name = text_at(object, {"metadata", "name"});
    if (name.empty()) {
        errors.push_back(
            field_error::required("metadata.name", "name or generateName is required"));
    } else if (const auto wrong = wrong_with_name(name, name_rule_of(kind))) {
        errors.push_back(field_error::invalid("metadata.name", Json(name), *wrong));
    }
    check_labels(find(object, {"metadata", "labels"}), "metadata.labels", errors);
    check_annotations(object, errors);
    check_owners(object, errors);
    for (const auto& finalizer : array_at(object, {"metadata", "finalizers"})) {
        if (!finalizer.is_string()) continue;
        if (const auto wrong = wrong_with_label_key(finalizer.get_string())) {
            errors.push_back(field_error::invalid("metadata.finalizers", finalizer, *wrong));
        }
    }
    return errors;
}

}  // namespace sluice::lab
