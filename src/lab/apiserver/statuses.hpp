// The refusals of a Kubernetes API server, worded as it words them (kubernetes.md A.5, B.9).
#pragma once

#include "lab/apiserver/cluster.hpp"

namespace sluice::lab {

// One thing that is wrong with an object; `body` is the message of its cause, such as
// `Required value` or `Invalid value: -1: must be greater than or equal to 0`.
struct FieldError {
    std::string reason;  // FieldValueRequired …
    std::string field;
    std::string body;

    bool operator==(const FieldError&) const = default;
};
using FieldErrors = std::vector<FieldError>;

namespace field_error {
FieldError required(std::string field, std::string_view detail = {});
// `value` is shown as JSON.
FieldError invalid(std::string field, const Json& value, std::string_view detail);
FieldError not_supported(std::string field,
                         const Json& value,
                         const std::vector<std::string>& supported);
FieldError forbidden(std::string field, std::string_view detail);
FieldError duplicate(std::string field, const Json& value);
FieldError type_invalid(std::string field, const Json& value, std::string_view detail);
FieldError too_long(std::string field, std::int64_t bytes_max);
FieldError too_many(std::string field, std::int64_t count, std::int64_t count_max);
}  // namespace field_error

namespace statuses {
Status bad_request(std::string message);
Status forbidden(const Resource& resource, std::string_view name, std::string_view why);
Status not_found(const Resource& resource, std::string_view name);
// The path itself is not served.
Status no_such_resource();
Status method_not_allowed(const Resource& resource, std::string_view verb);
Status already_exists(const Resource& resource, std::string_view name);
// The object was changed since it was read.
Status conflict(const Resource& resource, std::string_view name);
Status conflict(const Resource& resource, std::string_view name, std::string_view why);
Status invalid(const Resource& resource, std::string_view name, const FieldErrors& errors);
Status expired(std::string message);
Status unsupported_media_type(std::string_view accepted);
Status internal_error(std::string_view why);
// The resourceVersion asked for lies in the future.
Status too_large_revision(std::int64_t asked, std::int64_t current);
}  // namespace statuses

}  // namespace sluice::lab
