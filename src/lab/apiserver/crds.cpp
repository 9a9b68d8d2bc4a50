#include "lab/apiserver/crds.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/names.hpp"
#include "lab/apiserver/schema.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

namespace sluice::lab {
namespace {

namespace wrong = field_error;

std::vector<std::string> texts_at(const Json& value, JsonPath path) {
    std::vector<std::string> texts;
    for (const auto& item : array_at(value, path)) {
        if (item.is_string()) texts.emplace_back(item.get_string());
    }
    return texts;
}

// Structural rules: every node says its type, or that it is of any.
void check_structure(const Json& schema,
                     const std::string& path,
                     std::string_view place,
                     FieldErrors& errors) {
    if (!schema.is_object()) return;
    const bool free_form =
        bool_at(schema, {"x-kubernetes-int-or-string"}).value_or(false) ||
        bool_at(schema, {"x-kubernetes-preserve-unknown-fields"}).value_or(false);
    const auto type = text_at(schema, {"type"});
    if (type.empty() && (!free_form || place == "at the root")) {
        errors.push_back(
            wrong::required(path + ".type", fmt::format("must not be empty {}", place)));
    }
    const auto pattern = text_at(schema, {"pattern"});
    if (!pattern.empty()) {
        re2::RE2::Options quiet;
        quiet.set_log_errors(false);
        const re2::RE2 parsed({pattern.data(), pattern.size()}, quiet);
        if (!parsed.ok()) {
            errors.push_back(wrong::invalid(
                path + ".pattern",
                Json(pattern),
                fmt::format("must be a valid regular expression, but isn't: {}", parsed.error())));
        }
    }
    for (const auto& [name, member] : object_at(schema, {"properties"})) {
        check_structure(member,
                        fmt::format("{}.properties[{}]", path, std::string_view(name)),
                        "for specified object fields",
                        errors);
    }
    if (const auto* others = find(schema, {"additionalProperties"})) {
        check_structure(
            *others, path + ".additionalProperties", "for specified object fields", errors);
    }
    if (const auto* items = find(schema, {"items"})) {
        check_structure(*items, path + ".items", "for specified array items", errors);
    } else if (type == "array") {
        errors.push_back(wrong::required(path + ".items", "must be specified"));
    }
}

void check_versions(const Json& crd, FieldErrors& errors) {
    const auto& versions = array_at(crd, {"spec", "versions"});
    if (versions.empty()) {
        errors.push_back(wrong::required("spec.versions", "must have at least one version"));
        return;
    }
    JsonArray names;
    std::int64_t storage = 0;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        const auto& version = versions[i];
        const auto path = fmt::format("spec.versions[{}]", i);
        names.emplace_back(text_at(version, {"name"}));
        storage += bool_at(version, {"storage"}).value_or(false) ? 1 : 0;
        if (text_at(version, {"name"}).empty()) {
            errors.push_back(wrong::required(path + ".name"));
        }
        const auto* schema = find(version, {"schema", "openAPIV3Schema"});
        if (schema == nullptr) {
            errors.push_back(
                wrong::required(path + ".schema.openAPIV3Schema", "schemas are required"));
            continue;
        }
        // With one version the server words it as the older form of the definition had it.
        check_structure(*schema,
                        versions.size() == 1 ? "spec.validation.openAPIV3Schema"
                                             : path + ".schema.openAPIV3Schema",
                        "at the root",
                        errors);
    }
    if (storage != 1) {
        errors.push_back(wrong::invalid("spec.versions",
                                        std::move(names),
                                        "must have exactly one version marked as storage version"));
    }
}

Json condition(std::string_view type,
               std::string_view status,
               std::string_view reason,
               std::string_view message,
               std::string_view now) {
    return JsonObject{{"type", type},
                      {"status", status},
                      {"lastTransitionTime", now},
                      {"reason", reason},
                      {"message", message}};
}

// The time of a condition moves only with its status.
void set_condition(Json& crd, Json wanted) {
    auto& list = crd.get_object()["status"];
    if (!list.is_object()) list.emplace_object();
    auto& conditions = list.get_object()["conditions"];
    if (!conditions.is_array()) conditions.emplace_array();
    for (auto& there : conditions.get_array()) {
        if (text_at(there, {"type"}) != text_at(wanted, {"type"})) continue;
        if (text_at(there, {"status"}) == text_at(wanted, {"status"})) {
            put(wanted, {"lastTransitionTime"}, Json(text_at(there, {"lastTransitionTime"})));
        }
        there = std::move(wanted);
        return;
    }
    conditions.get_array().push_back(std::move(wanted));
}

bool has_condition(const Json& crd, std::string_view type) {
    for (const auto& there : array_at(crd, {"status", "conditions"})) {
        if (text_at(there, {"type"}) == type) return text_at(there, {"status"}) == "True";
    }
    return false;
}

struct Clash {
    std::string reason;
    std::string message;
};

// The first name that another definition of the group has already.
std::optional<Clash> clash_of(const Json& crd, const std::vector<ObjectPtr>& taken) {
    for (const auto& other : taken) {
        if (text_at(*other, {"metadata", "name"}) == text_at(crd, {"metadata", "name"})) continue;
        if (text_at(*other, {"spec", "group"}) != text_at(crd, {"spec", "group"})) continue;
        const auto their_plural = text_at(*other, {"status", "acceptedNames", "plural"});
        const auto their_singular = text_at(*other, {"status", "acceptedNames", "singular"});
        auto their_names = texts_at(*other, {"status", "acceptedNames", "shortNames"});
        for (const auto name : {their_plural, their_singular}) {
            if (!name.empty()) their_names.emplace_back(name);
        }
        const auto uses = [&](std::string_view name) {
            return std::find(their_names.begin(), their_names.end(), name) != their_names.end();
        };
        const auto clash = [](std::string_view reason, std::string_view name) {
            return Clash{std::string(reason), fmt::format("\"{}\" is already in use", name)};
        };
        const auto plural = text_at(crd, {"spec", "names", "plural"});
        if (uses(plural)) return clash("PluralConflict", plural);
        const auto singular = text_at(crd, {"spec", "names", "singular"});
        if (uses(singular)) return clash("SingularConflict", singular);
        for (const auto& name : texts_at(crd, {"spec", "names", "shortNames"})) {
            if (uses(name)) return clash("ShortNamesConflict", name);
        }
        const auto kind = text_at(crd, {"spec", "names", "kind"});
        if (kind == text_at(*other, {"status", "acceptedNames", "kind"})) {
            return clash("KindConflict", kind);
        }
        const auto list_kind = text_at(crd, {"spec", "names", "listKind"});
        if (list_kind == text_at(*other, {"status", "acceptedNames", "listKind"})) {
            return clash("ListKindConflict", list_kind);
        }
    }
    return std::nullopt;
}

// Several versions often have one schema: it is read once and shared.
void share_or_read_schema(KindVersion& version,
                          const Json& schema,
                          const std::vector<KindVersion>& others) {
    const auto same = std::find_if(others.begin(), others.end(), [&](const auto& other) {
        return other.open_api != nullptr && *other.open_api == schema;
    });
    if (same != others.end()) {
        version.open_api = same->open_api;
        version.schema = same->schema;
    } else {
        version.open_api = std::make_shared<const Json>(schema);
        version.schema = std::make_shared<const Schema>(schema);
    }
}

KindVersion version_of(const Json& crd, const Json& spec, const std::vector<KindVersion>& others) {
    KindVersion version;
    version.group = text_at(crd, {"spec", "group"});
    version.name = text_at(spec, {"name"});
    version.served = bool_at(spec, {"served"}).value_or(false);
    version.storage = bool_at(spec, {"storage"}).value_or(false);
    version.status = find(spec, {"subresources", "status"}) != nullptr;
    if (find(spec, {"subresources", "scale"}) != nullptr) {
        const auto path = [&](std::string_view name) {
            return std::string(text_at(spec, {"subresources", "scale", name}));
        };
        version.scale = ScalePaths{
            path("specReplicasPath"), path("statusReplicasPath"), path("labelSelectorPath")};
    }
    if (const auto* schema = find(spec, {"schema", "openAPIV3Schema"})) {
        share_or_read_schema(version, *schema, others);
    }
    for (const auto& column : array_at(spec, {"additionalPrinterColumns"})) {
        version.columns.push_back({std::string(text_at(column, {"name"})),
                                   std::string(text_at(column, {"type"})),
                                   std::string(text_at(column, {"format"})),
                                   std::string(text_at(column, {"description"})),
                                   integer_at(column, {"priority"}).value_or(0),
                                   std::string(text_at(column, {"jsonPath"}))});
    }
    for (const auto& field : array_at(spec, {"selectableFields"})) {
        auto path = text_at(field, {"jsonPath"});
        if (path.starts_with('.')) path.remove_prefix(1);
        version.selectable_fields.emplace_back(path);
    }
    return version;
}

// Kubernetes prefers v2 to v1 to v1beta1 to v1alpha1; other names come after, by the alphabet.
struct VersionRank {
    int stage = 0;  // 3: v1, 2: v1beta1, 1: v1alpha1, 0: something else
    std::int64_t major = 0, minor = 0;
};

VersionRank rank_of(std::string_view name) {
    static const re2::RE2 form("v([1-9][0-9]{0,8})(?:(alpha|beta)([1-9][0-9]{0,8}))?");
    VersionRank rank;
    std::string stage;
    std::string minor;
    if (!re2::RE2::FullMatch({name.data(), name.size()}, form, &rank.major, &stage, &minor)) {
        return {};
    }
    rank.stage = stage.empty() ? 3 : stage == "beta" ? 2 : 1;
    rank.minor = parse_integer(minor).value_or(0);
    return rank;
}

bool is_preferred(const KindVersion& a, const KindVersion& b) {
    const auto left = rank_of(a.name);
    const auto right = rank_of(b.name);
    if (left.stage != right.stage) return left.stage > right.stage;
    if (left.major != right.major) return left.major > right.major;
    if (left.minor != right.minor) return left.minor > right.minor;
    return left.stage == 0 && a.name < b.name;
}

}  // namespace

void fill_in_crd_defaults(Json& crd) {
    const std::string kind(text_at(crd, {"spec", "names", "kind"}));
    if (!kind.empty()) {
        if (text_at(crd, {"spec", "names", "listKind"}).empty()) {
            put(crd, {"spec", "names", "listKind"}, Json(kind + "List"));
        }
        if (text_at(crd, {"spec", "names", "singular"}).empty()) {
            put(crd, {"spec", "names", "singular"}, Json(lower_case(kind)));
        }
    }
    if (find(crd, {"spec", "conversion"}) == nullptr) {
        put(crd, {"spec", "conversion", "strategy"}, "None");
    }
}

FieldErrors wrong_with_crd(const Json& crd) {
    FieldErrors errors;
    const auto group = text_at(crd, {"spec", "group"});
    const auto plural = text_at(crd, {"spec", "names", "plural"});
    const auto name = text_at(crd, {"metadata", "name"});
    if (name != fmt::format("{}.{}", plural, group)) {
        errors.push_back(wrong::invalid(
            "metadata.name", Json(name), "must be spec.names.plural+\".\"+spec.group"));
    }
    if (group.empty()) {
        errors.push_back(wrong::required("spec.group"));
    } else if (const auto bad = wrong_with_name(group, NameRule::subdomain)) {
        errors.push_back(wrong::invalid("spec.group", Json(group), *bad));
    } else if (group.find('.') == std::string_view::npos) {
        errors.push_back(
            wrong::invalid("spec.group", Json(group), "should be a domain with at least one dot"));
    }
    const auto scope = text_at(crd, {"spec", "scope"});
    if (scope.empty()) {
        errors.push_back(wrong::required("spec.scope"));
    } else if (scope != "Namespaced" && scope != "Cluster") {
        errors.push_back(
            wrong::not_supported("spec.scope", Json(scope), {"\"Cluster\"", "\"Namespaced\""}));
    }
    if (plural.empty()) errors.push_back(wrong::required("spec.names.plural"));
    if (text_at(crd, {"spec", "names", "kind"}).empty()) {
        errors.push_back(wrong::required("spec.names.kind"));
    }
    if (text_at(crd, {"spec", "conversion", "strategy"}) != "None") {
        errors.push_back(
            wrong::not_supported("spec.conversion.strategy",
                                 Json(text_at(crd, {"spec", "conversion", "strategy"})),
                                 {"\"None\""}));
    }
    check_versions(crd, errors);
    return errors;
}

void settle_crd_status(Json& crd, const std::vector<ObjectPtr>& taken, std::string_view now) {
    const auto clash = clash_of(crd, taken);
    if (clash) {
        set_condition(crd, condition("NamesAccepted", "False", clash->reason, clash->message, now));
        if (!is_established(crd)) {
            set_condition(
                crd,
                condition(
                    "Established", "False", "NotAccepted", "not all names are accepted", now));
            put(crd, {"status", "acceptedNames"}, JsonObject{{"kind", ""}, {"plural", ""}});
        }
    } else {
        set_condition(crd,
                      condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now));
        set_condition(crd,
                      condition("Established",
                                "True",
                                "InitialNamesAccepted",
                                "the initial names have been accepted",
                                now));
        if (const auto* names = find(crd, {"spec", "names"})) {
            put(crd, {"status", "acceptedNames"}, Json(*names));
        }
    }
    // Versions that objects may have been stored in are only ever added.
    JsonArray stored = array_at(crd, {"status", "storedVersions"});
    for (const auto& version : array_at(crd, {"spec", "versions"})) {
        if (!bool_at(version, {"storage"}).value_or(false)) continue;
        const Json name(text_at(version, {"name"}));
        if (std::find(stored.begin(), stored.end(), name) == stored.end()) stored.push_back(name);
    }
    put(crd, {"status", "storedVersions"}, std::move(stored));
}

void mark_crd_terminating(Json& crd, std::string_view now) {
    set_condition(crd,
                  condition("Terminating",
                            "True",
                            "InstanceDeletionInProgress",
                            "CustomResource deletion is in progress",
                            now));
}

bool is_established(const Json& crd) {
    return has_condition(crd, "Established");
}

bool is_terminating(const Json& crd) {
    return has_condition(crd, "Terminating");
}

Kind kind_of_crd(const Json& crd) {
    Kind kind;
    kind.custom = true;
    kind.generations = true;
    kind.verbs = split_list("create,delete,deletecollection,get,list,patch,update,watch");
    kind.singular = text_at(crd, {"spec", "names", "singular"});
    kind.list_kind = text_at(crd, {"spec", "names", "listKind"});
    kind.short_names = texts_at(crd, {"spec", "names", "shortNames"});
    kind.categories = texts_at(crd, {"spec", "names", "categories"});
    for (const auto& spec : array_at(crd, {"spec", "versions"})) {
        kind.versions.push_back(version_of(crd, spec, kind.versions));
    }
    std::sort(kind.versions.begin(), kind.versions.end(), is_preferred);
    kind.resource = {std::string(text_at(crd, {"spec", "group"})),
                     kind.storage().name,
                     std::string(text_at(crd, {"spec", "names", "plural"})),
                     std::string(text_at(crd, {"spec", "names", "kind"})),
                     text_at(crd, {"spec", "scope"}) == "Namespaced"};
    return kind;
}

}  // namespace sluice::lab
