#include "lab/workloads/template_hash.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sluice::lab {
namespace {

bool is_empty(const Json& value) {
    if (value.is_null()) return true;
    if (const auto* object = value.if_object()) return object->empty();
    if (const auto* array = value.if_array()) return array->empty();
    return false;
}

Json normalised(const Json& value) {
    if (const auto* object = value.if_object()) {
        JsonObject kept;
        for (const auto& field : *object) {
            auto inner = normalised(field.value());
            if (!is_empty(inner)) kept[field.key()] = std::move(inner);
        }
        return kept;
    }
    if (const auto* array = value.if_array()) {
        // An element counts even when it is empty: emptyDir: {} in a list of volumes.
        JsonArray kept;
        for (const auto& element : *array) kept.push_back(normalised(element));
        return kept;
    }
    return value;
}

std::uint32_t fnv1a(std::uint32_t hash, std::string_view bytes) {
    for (const unsigned char byte : bytes) {
        hash ^= byte;
        hash *= 16777619U;
    }
    return hash;
}

std::string safe_encoded(std::string_view text) {
    static constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::string encoded;
    for (const unsigned char c : text) encoded += alphabet[c % alphabet.size()];
    return encoded;
}

}  // namespace

std::string template_text(const Json& pod_template) {
    Json plain = pod_template;
    drop(plain, {"metadata", "labels", "pod-template-hash"});
    return canonical_text(normalised(plain));
}

std::string template_hash(const Json& pod_template, std::optional<std::int64_t> collisions) {
    auto hash = fnv1a(2166136261U, template_text(pod_template));
    if (collisions) {
        std::string tail(8, '\0');
        const auto count = static_cast<std::uint32_t>(*collisions);
        for (std::size_t byte = 0; byte < 4; ++byte) {
            tail[byte] = static_cast<char>((count >> (8 * byte)) & 0xFFU);
        }
        hash = fnv1a(hash, tail);
    }
    return safe_encoded(std::to_string(hash));
}

}  // namespace sluice::lab
