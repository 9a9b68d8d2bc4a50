// The scale subresource: three numbers of an object in a form of their own.
#include "base/core/text.hpp"
#include "lab/apiserver/cluster_state.hpp"

#include <boost/json.hpp>

namespace sluice::lab {
namespace {

// ".spec.replicas" names one member after the other.

const Json* at_dotted(const Json& object, std::string_view path) {
    const Json* here = &object;
    for (const auto part : split(path, '.')) {
        if (part.empty()) continue;
        const auto* members = here->if_object();
        here = members == nullptr ? nullptr : members->if_contains(part);
        if (here == nullptr) return nullptr;
    }
    return here;
}

void put_dotted(Json& object, std::string_view path, Json value) {
    Json* here = &object;
    for (const auto part : split(path, '.')) {
        if (part.empty()) continue;
        if (!here->is_object()) here->emplace_object();
        here = &here->get_object()[part];
    }
    *here = std::move(value);
}

std::int64_t number_at_dotted(const Json& object, std::string_view path) {
    const auto* there = path.empty() ? nullptr : at_dotted(object, path);
    return there == nullptr ? 0 : integer_at(*there, {}).value_or(0);
}

std::string selector_at_dotted(const Json& object, std::string_view path) {
    const auto* there = path.empty() ? nullptr : at_dotted(object, path);
    if (there == nullptr) return {};
    if (there->is_string()) return std::string(there->get_string());
    const auto selector = label_selector_of(*there);
    return selector ? to_string(*selector) : std::string{};
}

}  // namespace

Json scale_from(const Target& target, const Json& object) {
    const auto& paths = *target.version->scale;
    JsonObject metadata;
    for (const std::string_view field :
         {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
        if (const auto* value = find(object, {"metadata", field})) metadata[field] = *value;
    }
    JsonObject status{{"replicas", number_at_dotted(object, paths.status_replicas)}};
    const auto selector = selector_at_dotted(object, paths.label_selector);
    if (!selector.empty()) status["selector"] = selector;
    return JsonObject{
        {"kind", "Scale"},
        {"apiVersion", "autoscaling/v1"},
        {"metadata", std::move(metadata)},
        {"spec", JsonObject{{"replicas", number_at_dotted(object, paths.spec_replicas)}}},
        {"status", std::move(status)}};
}

Answer<Json> with_scale(const Target& target, Json object, const Json& scale) {
    if (!target.version->scale) return std::unexpected(statuses::no_such_resource());
    // Go leaves a zero out.
    const auto replicas = integer_at(scale, {"spec", "replicas"}).value_or(0);
    if (replicas < 0) {
        static const Resource scales{"autoscaling", "v1", "scales", "Scale"};
        return std::unexpected(statuses::invalid(
            scales,
            text_at(object, {"metadata", "name"}),
            {field_error::invalid(
                "spec.replicas", Json(replicas), "must be greater than or equal to 0")}));
    }
    put_dotted(object, target.version->scale->spec_replicas, replicas);
    return object;
}

}  // namespace sluice::lab
