#include "support/contract.hpp"

#include "base/core/text.hpp"
#include "kube/yaml.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace sluice::support {
namespace {

constexpr std::size_t faults_max = 20;

bool is_of_type(std::string_view type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_int64() || value.is_uint64();
    if (type == "number") return value.is_number();
    return false;
}

std::string_view type_of(const Json& value) {
    for (const auto* type : {"object", "array", "string", "boolean", "null", "integer", "number"}) {
        if (is_of_type(type, value)) return type;
    }
    return "nothing";
}

std::vector<std::string> types_of(const Json& schema) {
    std::vector<std::string> types;
    const auto* type = find(schema, {"type"});
    if (type == nullptr) return types;
    if (type->is_string()) types.emplace_back(std::string_view(type->get_string()));
    for (const auto& one : array_at(schema, {"type"})) {
        types.emplace_back(std::string_view(one.as_string()));
    }
    return types;
}

}  // namespace

Contract::Contract(const std::string& file) {
    std::ifstream in(file);
    REQUIRE(in);
    std::stringstream text;
    text << in.rdbuf();
    const auto documents = kube::parse_yaml_documents(text.str());
    REQUIRE(documents);
    REQUIRE(documents->size() == 1);
    document_ = documents->front();
}

const Json& Contract::resolved(const Json& schema) const {
    const auto* at = &schema;
    for (auto ref = text_at(*at, {"$ref"}); !ref.empty(); ref = text_at(*at, {"$ref"})) {
        at = &document_;
        for (const auto part : split(ref.substr(2), '/')) at = &at->at(part);
    }
    return *at;
}

// The path that has most of its parts literally.
const Json* Contract::path_item(std::string_view path) const {
    path = path.substr(0, path.find('?'));
    const auto parts = split(path, '/');
    const Json* best = nullptr;
    std::ptrdiff_t best_literal = -1;
    for (const auto& [name, item] : document_.at("paths").as_object()) {
        const auto wanted = split(std::string_view(name), '/');
        if (wanted.size() != parts.size()) continue;
        std::ptrdiff_t literal = 0;
        bool fits = true;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const bool is_variable = wanted[i].starts_with('{');
            if (!is_variable && wanted[i] == parts[i]) ++literal;
            if (!is_variable && wanted[i] != parts[i]) fits = false;
        }
        if (!fits || literal <= best_literal) continue;
        best = &item;
        best_literal = literal;
    }
    return best;
}

std::vector<std::string> Contract::faults(std::string_view method,
                                          std::string_view path,
                                          int status,
                                          const Json& body) const {
    const auto* item = path_item(path);
    if (item == nullptr) return {fmt::format("{}: no such path", path)};
    const auto* verb = find(*item, {lower_case(method)});
    if (verb == nullptr) return {fmt::format("{} {}: no such operation", method, path)};
    const auto* response = find(*verb, {"responses", std::to_string(status)});
    if (response == nullptr) return {fmt::format("{} {}: no answer {}", method, path, status)};
    const auto* schema = find(resolved(*response), {"content", "application/json", "schema"});
    if (schema == nullptr) return {};
    std::vector<std::string> faults;
    check(*schema, body, "", faults);
    return faults;
}

std::vector<std::string> Contract::faults_of(std::string_view schema, const Json& value) const {
    std::vector<std::string> faults;
    check(document_.at("components").at("schemas").at(schema), value, "", faults);
    return faults;
}

void Contract::check(const Json& from,
                     const Json& value,
                     const std::string& where,
                     std::vector<std::string>& faults) const {
    if (faults.size() >= faults_max) return;
    const auto& schema = resolved(from);
    const auto complain = [&](const std::string& what) {
        faults.push_back(fmt::format("{}: {}", where.empty() ? "(body)" : where, what));
    };
    if (const auto* options = find(schema, {"oneOf"})) {
        std::vector<std::string> last;
        for (const auto& option : options->as_array()) {
            std::vector<std::string> here;
            check(option, value, where, here);
            if (here.empty()) return;
            // What comes nearest is what was meant.
            if (type_of(value) != "null" && text_at(resolved(option), {"type"}) != "null") {
                last = std::move(here);
            }
        }
        if (last.empty()) complain("fits none of its schemas");
        faults.insert(faults.end(), last.begin(), last.end());
        return;
    }
    if (const auto* only = find(schema, {"const"}); only != nullptr && *only != value) {
        complain(fmt::format("{}, not {}", to_text(value), to_text(*only)));
    }
    const auto types = types_of(schema);
    if (!types.empty() && std::ranges::none_of(types, [&](const std::string& type) {
            return is_of_type(type, value);
        })) {
        return complain(fmt::format("{}, not {}", type_of(value), joined(types, " or ")));
    }
    const auto& known = array_at(schema, {"enum"});
    if (!known.empty() && std::ranges::find(known, value) == known.end()) {
        complain(fmt::format("{} is none of {}", to_text(value), to_text(Json(known))));
    }
    if (value.is_number()) {
        const auto number = value.to_number<double>();
        const auto least = number_at(schema, {"minimum"});
        const auto most = number_at(schema, {"maximum"});
        if ((least && number < *least) || (most && number > *most)) {
            complain(fmt::format("{} is out of its bounds", number));
        }
    }
    if (value.is_string()) {
        const auto most = integer_at(schema, {"maxLength"});
        if (most && value.get_string().size() > static_cast<std::size_t>(*most)) {
            complain("longer than its bound");
        }
    }
    if (value.is_array()) {
        const auto most = integer_at(schema, {"maxItems"});
        const auto& items = value.get_array();
        if (most && items.size() > static_cast<std::size_t>(*most)) complain("too many items");
        const auto* each = find(schema, {"items"});
        if (each == nullptr || !each->is_object()) return;
        for (std::size_t i = 0; i < items.size(); ++i) {
            check(*each, items[i], fmt::format("{}[{}]", where, i), faults);
        }
    }
    if (!value.is_object()) return;
    const auto& object = value.get_object();
    for (const auto& name : array_at(schema, {"required"})) {
        if (!object.contains(name.as_string())) {
            complain(fmt::format("{} is missing", std::string_view(name.as_string())));
        }
    }
    const auto& properties = object_at(schema, {"properties"});
    const auto* others = find(schema, {"additionalProperties"});
    for (const auto& [name, field] : object) {
        const auto inner =
            where.empty() ? std::string(name) : fmt::format("{}.{}", where, std::string_view(name));
        if (const auto* property = properties.if_contains(name)) {
            check(*property, field, inner, faults);
        } else if (others != nullptr && others->is_object()) {
            check(*others, field, inner, faults);
        } else if (!properties.empty()) {
            // Clients ignore it, and the contract should know it.
            faults.push_back(inner + ": not in the contract");
        }
    }
}

}  // namespace sluice::support
