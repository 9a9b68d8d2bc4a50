#include "lab/apiserver/media.hpp"

#include "kube/yaml.hpp"
#include "lab/apiserver/api_request.hpp"
#include "lab/apiserver/protobuf.hpp"
#include "lab/apiserver/statuses.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace {

// What a real server takes at most.
constexpr std::size_t body_max = 3'145'728;

constexpr std::string_view accepted =
    "application/json, application/yaml, application/vnd.kubernetes.protobuf";

Status too_large() {
    return Status{413,
                  "RequestEntityTooLarge",
                  fmt::format("Request entity too large: limit is {}", body_max)};
}

Answer<Json> from_json(std::string_view body) {
    auto value = parse_json(body);
    if (!value) {
        return std::unexpected(
            statuses::bad_request("the object provided is unrecognized: " + value.error().message));
    }
    return std::move(*value);
}

Answer<Json> from_yaml(std::string_view body) {
    // kubectl writes JSON under the YAML media types; reading it as such is exact and quick.
    if (body.starts_with('{')) {
        if (auto value = parse_json(body)) return std::move(*value);
    }
    auto documents = kube::parse_yaml_documents(body);
    if (!documents) {
        return std::unexpected(
            statuses::bad_request("error parsing YAML: " + documents.error().message));
    }
    if (documents->size() != 1) {
        return std::unexpected(statuses::bad_request(
            fmt::format("error parsing YAML: one document expected, found {}", documents->size())));
    }
    return std::move(documents->front());
}

}  // namespace

Answer<Json> decode_body(const net::Request& request) {
    if (request.body.size() > body_max) return std::unexpected(too_large());
    const auto type = media_type(request);
    if (type == "application/vnd.kubernetes.protobuf") return decode_protobuf(request.body);
    if (type == "application/yaml" || type == "application/x-yaml" || type == "text/yaml" ||
        type == "application/apply-patch+yaml") {
        return from_yaml(request.body);
    }
    if (type.empty() || type.ends_with("/json") || type.ends_with("+json")) {
        return from_json(request.body);
    }
    return std::unexpected(statuses::unsupported_media_type(accepted));
}

Answer<Json> decode_optional_body(const net::Request& request) {
    if (request.body.empty()) return Json(JsonObject{});
    return decode_body(request);
}

}  // namespace sluice::lab
