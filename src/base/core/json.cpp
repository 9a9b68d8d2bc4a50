#include "base/core/json.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace sluice {
namespace {

namespace json = boost::json;

void write_pretty(const Json& value, std::size_t indent, std::string& out) {
    const std::string pad(indent + 2, ' ');
    if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
        out += "{\n";
        bool first = true;
        for (const auto& [key, member] : *object) {
            if (!first) out += ",\n";
            first = false;
            out += pad + json::serialize(json::string(key)) + ": ";
            write_pretty(member, indent + 2, out);
        }
        out += "\n" + std::string(indent, ' ') + "}";
    } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
        out += "[\n";
        bool first = true;
        for (const auto& member : *array) {
            if (!first) out += ",\n";
            first = false;
            out += pad;
            write_pretty(member, indent + 2, out);
        }
        out += "\n" + std::string(indent, ' ') + "]";
    } else {
        out += json::serialize(value);
    }
}

void write_string(std::string_view text, std::string& out) {
    const bool is_plain = std::ranges::none_of(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '"' || c == '\\'; });
    if (!is_plain) {
        out += json::serialize(json::string(text));
        return;
    }
    out += '"';
    out += text;
    out += '"';
}

void write_canonical(const Json& value, std::string& out) {
    if (const auto* object = value.if_object()) {
        std::vector<std::string_view> keys;
        keys.reserve(object->size());
        for (const auto& member : *object) keys.push_back(member.key());
        std::sort(keys.begin(), keys.end());
        out += '{';
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (i > 0) out += ',';
            write_string(keys[i], out);
            out += ':';
            write_canonical(object->at(keys[i]), out);
        }
        out += '}';
    } else if (const auto* array = value.if_array()) {
        out += '[';
        for (std::size_t i = 0; i < array->size(); ++i) {
            if (i > 0) out += ',';
            write_canonical((*array)[i], out);
        }
        out += ']';
    } else if (const auto* text = value.if_string()) {
        write_string(*text, out);
    } else if (const auto* number = value.if_double(); number != nullptr &&
                                                       std::nearbyint(*number) == *number &&
                                                       std::fabs(*number) < 9e15) {
        // 3 and 3.0 are one number to Kubernetes.
        out += fmt::format("{}", static_cast<std::int64_t>(*number));
    } else {
        out += json::serialize(value);
    }
}

// "1e999" is grammar, and no number that we could write again.
bool is_finite(const Json& value) {
    if (const auto* number = value.if_double()) return std::isfinite(*number);
    if (const auto* array = value.if_array()) return std::ranges::all_of(*array, is_finite);
    if (const auto* object = value.if_object()) {
        return std::ranges::all_of(*object,
                                   [](const auto& member) { return is_finite(member.value()); });
    }
    return true;
}

// RFC 6901: "/spec/containers/0", with ~1 for '/' and ~0 for '~'.
std::optional<std::vector<std::string>> pointer_parts(std::string_view pointer) {
    std::vector<std::string> parts;
    if (pointer.empty()) return parts;
    if (pointer.front() != '/') return std::nullopt;
    for (const auto part : split(pointer.substr(1), '/')) {
        std::string key;
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (part[i] == '~' && i + 1 < part.size() &&
                (part[i + 1] == '0' || part[i + 1] == '1')) {
                key += part[++i] == '1' ? '/' : '~';
            } else {
                key += part[i];
            }
        }
        parts.push_back(std::move(key));
    }
    return parts;
}

std::optional<std::size_t> index_of(std::string_view text, std::size_t size) {
    const auto index = parse_integer(text);
    if (!index || *index < 0 || static_cast<std::size_t>(*index) >= size ||
        (text.size() > 1 && text[0] == '0')) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(*index);
}

Json* walk(Json& root, const std::vector<std::string>& parts, std::size_t count) {
    Json* here = &root;
    for (std::size_t i = 0; i < count; ++i) {
        if (auto* object = here->if_object()) {
            here = object->if_contains(parts[i]);
        } else if (auto* array = here->if_array()) {
            const auto index = index_of(parts[i], array->size());
            here = index ? &(*array)[*index] : nullptr;
        } else {
            here = nullptr;
        }
        if (here == nullptr) return nullptr;
    }
    return here;
}

bool add_at(Json& root, const std::vector<std::string>& parts, Json what) {
    if (parts.empty()) {
        root = std::move(what);
        return true;
    }
    Json* parent = walk(root, parts, parts.size() - 1);
    if (parent == nullptr) return false;
    if (auto* object = parent->if_object()) {
        (*object)[parts.back()] = std::move(what);
        return true;
    }
    auto* array = parent->if_array();
    if (array == nullptr) return false;
    if (parts.back() == "-") {
        array->push_back(std::move(what));
        return true;
    }
    const auto index = index_of(parts.back(), array->size() + 1);
    if (!index) return false;
    array->insert(array->begin() + static_cast<std::ptrdiff_t>(*index), std::move(what));
    return true;
}

bool remove_at(Json& root, const std::vector<std::string>& parts) {
    if (parts.empty()) return false;
    Json* parent = walk(root, parts, parts.size() - 1);
    if (parent == nullptr) return false;
    if (auto* object = parent->if_object()) return object->erase(parts.back()) > 0;
    auto* array = parent->if_array();
    if (array == nullptr) return false;
    const auto index = index_of(parts.back(), array->size());
    if (!index) return false;
    array->erase(array->begin() + static_cast<std::ptrdiff_t>(*index));
    return true;
}

// One operation of RFC 6902; false when it does not apply.
bool apply_operation(Json& root, const JsonObject& operation) {
    const auto text = [&](std::string_view key) -> std::optional<std::string> {
        const auto* value = operation.if_contains(key);
        if (value == nullptr || !value->is_string()) return std::nullopt;
        return std::string(value->get_string());
    };
    const auto verb = text("op");
    const auto path_text = text("path");
    if (!verb || !path_text) return false;
    const auto path = pointer_parts(*path_text);
    if (!path) return false;
    const auto* value = operation.if_contains("value");

    if (*verb == "remove") return remove_at(root, *path);
    if (*verb == "add") return value != nullptr && add_at(root, *path, *value);
    if (*verb == "replace") {
        Json* there = walk(root, *path, path->size());
        if (there == nullptr || value == nullptr) return false;
        *there = *value;
        return true;
    }
    if (*verb == "test") {
        const Json* there = walk(root, *path, path->size());
        return there != nullptr && value != nullptr &&
               canonical_text(*there) == canonical_text(*value);
    }
    if (*verb == "move" || *verb == "copy") {
        const auto from_text = text("from");
        const auto from = from_text ? pointer_parts(*from_text) : std::nullopt;
        if (!from) return false;
        const Json* there = walk(root, *from, from->size());
        if (there == nullptr) return false;
        Json moved = *there;
        if (*verb == "move" && !remove_at(root, *from)) return false;
        return add_at(root, *path, std::move(moved));
    }
    return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
    if (text.size() > limits.bytes) {
        return Error{
            ErrorKind::too_large,
            fmt::format("JSON of {} bytes is over the limit of {}", text.size(), limits.bytes)};
    }
    json::parse_options options;
    options.max_depth = limits.depth;
    // Where values stand until their object is closed; a longer one goes to the heap.
    std::array<unsigned char, 8192> place;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    json::stream_parser parser({}, options, place.data(), place.size());
    json::error_code error;
    const auto read = parser.write_some(text, error);
    if (!error && read < text.size()) {
        if (trimmed(text.substr(read)).empty()) {
            // Blanks after the value are fine.
        } else {
            error = json::error::extra_data;
        }
    }
    if (!error) parser.finish(error);
    if (error == json::error::too_deep) {
        return Error{ErrorKind::too_large,
                     fmt::format("JSON is nested deeper than {}", limits.depth)};
    }
    if (error)
        return Error{ErrorKind::bad_answer,
                     fmt::format("JSON is malformed at byte {}: {}", read, error.message())};
    auto value = parser.release();
    if (!is_finite(value)) {
        return Error{ErrorKind::bad_answer, "JSON is malformed: a number is out of range"};
    }
    return value;
}

std::string to_text(const Json& value) {
    return json::serialize(value);
}

std::string to_pretty_text(const Json& value) {
    std::string out;
    write_pretty(value, 0, out);
    return out;
}

std::string canonical_text(const Json& value) {
    std::string out;
    write_canonical(value, out);
    return out;
}

const Json* find(const Json& value, JsonPath path) {
    const Json* here = &value;
    for (const auto key : path) {
        const auto* object = here->if_object();
        if (object == nullptr) return nullptr;
        here = object->if_contains(key);
        if (here == nullptr) return nullptr;
    }
    return here;
}

Json* find(Json& value, JsonPath path) {
    return const_cast<Json*>(find(std::as_const(value), path));
}

std::string_view text_at(const Json& value, JsonPath path, std::string_view otherwise) {
    const auto* there = find(value, path);
    return there != nullptr && there->is_string() ? std::string_view(there->get_string())
                                                  : otherwise;
}

std::optional<std::int64_t> integer_at(const Json& value, JsonPath path) {
    const auto* there = find(value, path);
    if (there == nullptr) return std::nullopt;
    if (const auto* signed_number = there->if_int64()) return *signed_number;
    if (const auto* unsigned_number = there->if_uint64()) {
        if (*unsigned_number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
        return static_cast<std::int64_t>(*unsigned_number);
    }
    const auto* real = there->if_double();
    if (real == nullptr || std::nearbyint(*real) != *real || std::fabs(*real) > 9e15)
        return std::nullopt;
    return static_cast<std::int64_t>(*real);
}

std::optional<double> number_at(const Json& value, JsonPath path) {
    const auto* there = find(value, path);
    if (there == nullptr || !there->is_number()) return std::nullopt;
    return there->to_number<double>();
}

std::optional<bool> bool_at(const Json& value, JsonPath path) {
    const auto* there = find(value, path);
    if (there == nullptr || !there->is_bool()) return std::nullopt;
    return there->get_bool();
}

const JsonObject& object_at(const Json& value, JsonPath path) {
    static const JsonObject none;
    const auto* there = find(value, path);
    return there != nullptr && there->is_object() ? there->get_object() : none;
}

const JsonArray& array_at(const Json& value, JsonPath path) {
    static const JsonArray none;
    const auto* there = find(value, path);
    return there != nullptr && there->is_array() ? there->get_array() : none;
}

void put(Json& value, JsonPath path, Json what) {
    Json* here = &value;
    for (const auto key : path) {
        if (!here->is_object()) here->emplace_object();
        here = &here->get_object()[key];
    }
    *here = std::move(what);
}

bool drop(Json& value, JsonPath path) {
    if (path.size() == 0) return false;
    Json* here = &value;
    const auto* last = path.end() - 1;
    for (const auto* key = path.begin(); key != last; ++key) {
        auto* object = here->if_object();
        here = object == nullptr ? nullptr : object->if_contains(*key);
        if (here == nullptr) return false;
    }
    auto* object = here->if_object();
    return object != nullptr && object->erase(*last) > 0;
}

Json merge_patch_between(const Json& from, const Json& to) {
    if (!from.is_object() || !to.is_object()) return to;
    JsonObject patch;
    const auto& before = from.get_object();
    const auto& after = to.get_object();
    for (const auto& [key, value] : before) {
        if (!after.contains(key) && !value.is_null()) patch[key] = nullptr;
    }
    for (const auto& [key, value] : after) {
        if (value.is_null()) continue;
        const auto* old = before.if_contains(key);
        if (old != nullptr && old->is_object() && value.is_object()) {
            auto inner = merge_patch_between(*old, value);
            if (!inner.get_object().empty()) patch[key] = std::move(inner);
        } else if (old == nullptr ||
                   (*old != value && canonical_text(*old) != canonical_text(value))) {
            patch[key] = value;
        }
    }
    return patch;
}

void apply_merge_patch(Json& target, const Json& patch) {
    if (!patch.is_object()) {
        target = patch;
        return;
    }
    if (!target.is_object()) target.emplace_object();
    auto& object = target.get_object();
    for (const auto& [key, value] : patch.get_object()) {
        if (value.is_null()) {
            object.erase(key);
        } else {
            apply_merge_patch(object[key], value);
        }
    }
}

Result<void> apply_json_patch(Json& target, const Json& patch) {
    const auto* operations = patch.if_array();
    if (operations == nullptr)
        return Error{ErrorKind::invalid, "a JSON patch is an array of operations"};
    Json edited = target;
    for (const auto& operation : *operations) {
        if (!operation.is_object() || !apply_operation(edited, operation.get_object())) {
            return Error{
                ErrorKind::invalid,
                fmt::format("JSON patch operation does not apply: {}", to_text(operation))};
        }
    }
    target = std::move(edited);
    return {};
}

}  // namespace sluice
