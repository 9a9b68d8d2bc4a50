#include "lab/apiserver/statuses.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {

Json Status::to_json() const {
    JsonObject status{{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"metadata", JsonObject{}},
                      {"status", "Failure"},
                      {"message", message}};
    if (!reason.empty()) status["reason"] = reason;
    if (!details.is_null()) status["details"] = details;
    status["code"] = code;
    return status;
}

namespace field_error {

FieldError required(std::string field, std::string_view detail) {
    return {"FieldValueRequired",
            std::move(field),
            detail.empty() ? "Required value" : fmt::format("Required value: {}", detail)};
}

FieldError invalid(std::string field, const Json& value, std::string_view detail) {
    return {"FieldValueInvalid",
            std::move(field),
            fmt::format("Invalid value: {}: {}", to_text(value), detail)};
}

FieldError not_supported(std::string field,
                         const Json& value,
                         const std::vector<std::string>& supported) {
    return {"FieldValueNotSupported",
            std::move(field),
            fmt::format("Unsupported value: {}: supported values: {}",
                        to_text(value),
                        joined(supported, ", "))};
}

FieldError forbidden(std::string field, std::string_view detail) {
    return {"FieldValueForbidden", std::move(field), fmt::format("Forbidden: {}", detail)};
}

FieldError duplicate(std::string field, const Json& value) {
    return {"FieldValueDuplicate",
            std::move(field),
            fmt::format("Duplicate value: {}", to_text(value))};
}

FieldError type_invalid(std::string field, const Json& value, std::string_view detail) {
    return {"FieldValueTypeInvalid",
            std::move(field),
            fmt::format("Invalid value: {}: {}", to_text(value), detail)};
}

FieldError too_long(std::string field, std::int64_t bytes_max) {
    return {"FieldValueTooLong",
            std::move(field),
            fmt::format("Too long: may not be more than {} bytes", bytes_max)};
}

FieldError too_many(std::string field, std::int64_t count, std::int64_t count_max) {
    return {"FieldValueTooMany",
            std::move(field),
            fmt::format("Too many: {}: must have at most {} items", count, count_max)};
}

}  // namespace field_error

namespace statuses {
namespace {

// details as they stand in every refusal about one object; `kind` is a plural or a Kind.
JsonObject details_of(const Resource& resource, std::string_view name, std::string_view kind) {
    JsonObject details;
    if (!name.empty()) details["name"] = name;
    if (!resource.group.empty()) details["group"] = resource.group;
    details["kind"] = kind;
    return details;
}

}  // namespace

Status bad_request(std::string message) {
    return {400, "BadRequest", std::move(message)};
}

Status forbidden(const Resource& resource, std::string_view name, std::string_view why) {
    return {403,
            "Forbidden",
            name.empty()
                ? fmt::format("{} is forbidden: {}", resource.qualified(), why)
                : fmt::format("{} \"{}\" is forbidden: {}", resource.qualified(), name, why),
            details_of(resource, name, resource.plural)};
}

Status not_found(const Resource& resource, std::string_view name) {
    return {404,
            "NotFound",
            fmt::format("{} \"{}\" not found", resource.qualified(), name),
            details_of(resource, name, resource.plural)};
}

Status no_such_resource() {
    return {404, "NotFound", "the server could not find the requested resource", JsonObject{}};
}

Status method_not_allowed(const Resource& resource, std::string_view verb) {
    return {
        405,
        "MethodNotAllowed",
        fmt::format("{} is not supported on resources of kind \"{}\"", verb, resource.qualified()),
        details_of(resource, {}, resource.plural)};
}

Status already_exists(const Resource& resource, std::string_view name) {
    return {409,
            "AlreadyExists",
            fmt::format("{} \"{}\" already exists", resource.qualified(), name),
            details_of(resource, name, resource.plural)};
}

Status conflict(const Resource& resource, std::string_view name) {
    return conflict(resource,
                    name,
                    "the object has been modified; please apply your changes to the latest version "
                    "and try again");
}

Status conflict(const Resource& resource, std::string_view name, std::string_view why) {
    return {409,
            "Conflict",
            fmt::format(
                "Operation cannot be fulfilled on {} \"{}\": {}", resource.qualified(), name, why),
            details_of(resource, name, resource.plural)};
}

Status invalid(const Resource& resource, std::string_view name, const FieldErrors& errors) {
    JsonArray causes;
    std::vector<std::string> texts;
    for (const auto& error : errors) {
        auto text = fmt::format("{}: {}", error.field, error.body);
        if (std::find(texts.begin(), texts.end(), text) != texts.end()) continue;
        texts.push_back(std::move(text));
        causes.push_back(
            JsonObject{{"reason", error.reason}, {"message", error.body}, {"field", error.field}});
    }
    const auto subject =
        resource.group.empty() ? resource.kind : resource.kind + "." + resource.group;
    auto message = fmt::format("{} \"{}\" is invalid", subject, name);
    if (texts.size() == 1) message += ": " + texts.front();
    if (texts.size() > 1) message += ": [" + joined(texts, ", ") + "]";

    auto details = details_of(resource, name, resource.kind);
    if (!causes.empty()) details["causes"] = std::move(causes);
    return {422, "Invalid", std::move(message), std::move(details)};
}

Status expired(std::string message) {
    return {410, "Expired", std::move(message)};
}

Status unsupported_media_type(std::string_view accepted) {
    return {
        415,
        "UnsupportedMediaType",
        fmt::format(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted)};
}

Status internal_error(std::string_view why) {
    return {500, "InternalError", fmt::format("Internal error occurred: {}", why)};
}

Status too_large_revision(std::int64_t asked, std::int64_t current) {
    return {504,
            "Timeout",
            fmt::format("Too large resource version: {}, current: {}", asked, current),
            JsonObject{{"causes",
                        JsonArray{JsonObject{{"reason", "ResourceVersionTooLarge"},
                                             {"message", "Too large resource version"}}}},
                       {"retryAfterSeconds", 1}}};
}

}  // namespace statuses
}  // namespace sluice::lab
