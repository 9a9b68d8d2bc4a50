// From the body of a request to the form in which an object is stored: is it of the right kind, are
// its fields known, what is missing.
#include "base/core/text.hpp"
#include "lab/apiserver/builtin_fields.hpp"
#include "lab/apiserver/cluster_state.hpp"
#include "lab/apiserver/conversion.hpp"
#include "lab/apiserver/crds.hpp"
#include "lab/apiserver/defaults.hpp"
#include "lab/apiserver/schema.hpp"
#include "lab/apiserver/schema_node.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

Status cannot_be_handled(const Target& target, std::string_view why) {
    return statuses::bad_request(fmt::format("{} in version \"{}\" cannot be handled as a {}: {}",
                                             target.resource.kind,
                                             target.resource.version,
                                             target.resource.kind,
                                             why));
}

// Go's names for JSON's types, as its decoder says them.
std::string_view go_name_of_found(std::string_view found) {
    if (found == "integer") return "number";
    return found == "boolean" ? "bool" : found;
}

std::string_view go_name_of_wanted(std::string_view wanted) {
    if (wanted == "boolean") return "bool";
    if (wanted == "object") return "map[string]interface {}";
    if (wanted == "array") return "[]interface {}";
    if (wanted == "integer,string") return "intstr.IntOrString";
    return wanted;
}

// "spec.containers[0].name" without the index, as Go tells where it is.
std::string without_indexes(std::string_view path) {
    std::string text;
    bool inside = false;
    for (const char c : path) {
        if (c == '[') inside = true;
        if (!inside) text += c;
        if (c == ']') inside = false;
    }
    return text;
}

Status wrong_type(const Target& target, const WrongType& wrong) {
    return cannot_be_handled(
        target,
        fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}",
                    go_name_of_found(wrong.found),
                    target.resource.kind,
                    without_indexes(wrong.path),
                    go_name_of_wanted(wrong.wanted)));
}

// Go's decoder stops at what is no digit of base64; of a text that ends in mid-group it names the
// group's beginning.
std::size_t end_of_base64(std::string_view text) {
    constexpr std::string_view digit =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::size_t digits = 0;
    std::size_t group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' || text[i] == '\r') continue;
        const auto filler = text[i] == '=' && digits % 4 >= 2;
        if (!filler && digit.find(text[i]) == std::string_view::npos) return i;
        if (digits++ % 4 == 0) group = i;
    }
    return group;
}

// Of fields that hold bytes.
std::optional<std::string> wrong_bytes(const Json& object, std::string_view map) {
    for (const auto& [key, value] : object_at(object, {map})) {
        const auto* text = value.if_string();
        if (text == nullptr || from_base64(*text)) continue;
        return fmt::format("illegal base64 data at input byte {}", end_of_base64(*text));
    }
    return std::nullopt;
}

// Of a custom object only the metadata is typed; the rest is judged later, by its schema.
const Schema& metadata_schema() {
    static const Schema schema([]() -> SchemaNode::Ptr {
        auto root = std::make_shared<SchemaNode>();
        root->type = JsonType::object;
        root->keeps_unknown = true;
        root->members.emplace_back("metadata",
                                   SchemaNode::Ptr(SchemaNode::Ptr(), &object_metadata()));
        return root;
    }());
    return schema;
}

}  // namespace

std::optional<Status> Cluster::State::check_fields(const Target& target,
                                                   Json& object,
                                                   const WriteOptions& options) {
    const auto* schema = target.version->schema.get();
    const auto& typed = target.kind->custom || schema == nullptr ? metadata_schema() : *schema;
    if (const auto wrong = typed.wrong_types(object); !wrong.empty()) {
        return wrong_type(target, wrong.front());
    }
    if (schema == nullptr) return std::nullopt;
    std::vector<std::string> unknown;
    for (const auto& path : schema->unknown_fields(object)) {
        unknown.push_back(fmt::format("unknown field \"{}\"", path));
    }
    if (unknown.empty()) return std::nullopt;
    if (options.strict_fields) {
        return cannot_be_handled(target, "strict decoding error: " + joined(unknown, ", "));
    }
    if (options.warnings != nullptr) {
        options.warnings->insert(options.warnings->end(), unknown.begin(), unknown.end());
    }
    schema->prune(object);
    return std::nullopt;
}

std::optional<Status> Cluster::State::decode(const Target& target,
                                             Json& object,
                                             const WriteOptions& options) {
    if (!object.is_object()) return cannot_be_handled(target, "the body is not an object");
    const auto expected = target.resource.api_version();
    const auto kind = text_at(object, {"kind"}, target.resource.kind);
    const auto api_version = text_at(object, {"apiVersion"}, expected);
    if (kind != target.resource.kind) {
        return cannot_be_handled(target, fmt::format("the object is a {}", kind));
    }
    if (api_version != expected) {
        return statuses::bad_request(fmt::format(
            "the API version in the data ({}) does not match the expected API version ({})",
            api_version,
            expected));
    }
    put(object, {"kind"}, Json(target.resource.kind));
    auto& metadata = object.get_object()["metadata"];
    if (metadata.is_null()) metadata.emplace_object();
    if (target.kind->custom) {
        drop_nulls_of_metadata(object);
    } else {
        drop_nulls(object);
    }
    if (auto refusal = check_fields(target, object, options)) return refusal;

    const bool typed = !target.kind->custom && target.version->schema != nullptr;
    if (typed && !write_quantities_canonically(target.version->schema->root(), object)) {
        return cannot_be_handled(target,
                                 "quantities must match the regular expression "
                                 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    }
    const bool is_secret = target.resource.kind == "Secret";
    if (is_secret || target.resource.kind == "ConfigMap") {
        const auto why = wrong_bytes(object, is_secret ? "data" : "binaryData");
        if (typed && why) return cannot_be_handled(target, *why);
    }
    object = into_storage(*target.kind, *target.version, std::move(object));
    if (!target.kind->custom) {
        fill_in_defaults(target.resource.kind, object);
    } else if (target.version->schema) {
        target.version->schema->fill_in_defaults(object);
    }
    if (target.resource.kind == "CustomResourceDefinition") fill_in_crd_defaults(object);
    return std::nullopt;
}

}  // namespace sluice::lab
