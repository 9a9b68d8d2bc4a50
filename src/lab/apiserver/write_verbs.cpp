#include "base/core/text.hpp"
#include "lab/apiserver/answers.hpp"
#include "lab/apiserver/media.hpp"
#include "lab/apiserver/resource_verbs.hpp"
#include "lab/apiserver/statuses.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace {

// By custom the part of the User-Agent in front of the first '/'.
std::string manager_of(const ApiCall& call) {
    if (const auto given = call.query.text("fieldManager"); !given.empty()) {
        return std::string(given);
    }
    const auto agent = call.request.headers.get("User-Agent").value_or(std::string_view{});
    return std::string(agent.substr(0, agent.find('/')));
}

// Who answers for the options of a write: they are read once, refused or used.
struct WriteQuestion {
    WriteOptions options;
    std::vector<std::string> warnings;
};

std::optional<Status> refuse_options(const ApiCall& call, std::string_view options_kind) {
    const Resource named{"meta.k8s.io", "v1", "", std::string(options_kind), false};
    FieldErrors errors;
    if (const auto dry_run = call.query.get("dryRun"); dry_run && *dry_run != "All") {
        errors.push_back(field_error::not_supported("dryRun", Json(*dry_run), {"\"All\""}));
    }
    const auto validation = call.query.text("fieldValidation");
    if (!validation.empty() && validation != "Strict" && validation != "Warn" &&
        validation != "Ignore") {
        errors.push_back(field_error::not_supported(
            "fieldValidation", Json(validation), {"\"Ignore\"", "\"Strict\"", "\"Warn\""}));
    }
    constexpr std::size_t manager_max = 128;
    if (call.query.text("fieldManager").size() > manager_max) {
        errors.push_back(
            field_error::too_long("fieldManager", static_cast<std::int64_t>(manager_max)));
    }
    if (errors.empty()) return std::nullopt;
    return statuses::invalid(named, "", errors);
}

Answer<Subresource> subresource_of(const ApiCall& call) {
    if (call.subresource.empty()) return Subresource::none;
    if (call.subresource == "status" && call.version.status) return Subresource::status;
    if (call.subresource == "scale" && call.version.scale) return Subresource::scale;
    if (call.subresource == "finalize" && call.kind.resource == kube::resources::namespaces) {
        return Subresource::finalize;
    }
    return std::unexpected(statuses::no_such_resource());
}

void read_options(const ApiCall& call, Subresource subresource, WriteQuestion& question) {
    const auto validation = call.query.text("fieldValidation");
    question.options.subresource = subresource;
    question.options.field_manager = manager_of(call);
    question.options.dry_run = call.query.has("dryRun", "All");
    question.options.strict_fields = validation == "Strict";
    question.options.warnings = &question.warnings;
}

// The namespace of the URL wins; a body that names another one is refused.
std::optional<Status> place_in_namespace(const ApiCall& call, Json& object) {
    if (!object.is_object() || !call.resource.namespaced) return std::nullopt;
    const auto named = text_at(object, {"metadata", "namespace"});
    if (!named.empty() && named != call.key.ns) {
        return statuses::bad_request(
            "the namespace of the provided object does not match the namespace sent on the "
            "request");
    }
    put(object, {"metadata", "namespace"}, Json(call.key.ns));
    return std::nullopt;
}

std::optional<Status> check_name(const ApiCall& call, Json& object) {
    if (!object.is_object()) return std::nullopt;
    const auto named = text_at(object, {"metadata", "name"});
    if (named.empty()) {
        put(object, {"metadata", "name"}, Json(call.key.name));
        return std::nullopt;
    }
    if (named == call.key.name) return std::nullopt;
    return statuses::bad_request(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                    named,
                    call.key.name));
}

net::Response written(const ApiCall& call,
                      int code,
                      const Answer<ObjectPtr>& object,
                      std::vector<std::string> warnings) {
    // Of unknown fields the caller may not want to hear; of what an admission says it does.
    if (call.query.text("fieldValidation") == "Ignore")
        std::erase_if(warnings,
                      [](const auto& text) { return text.starts_with("unknown field "); });
    auto response = !object                       ? status_answer(object.error())
                    : call.subresource == "scale" ? json_answer(code, **object)
                                                  : object_answer(call, code, *object);
    add_warnings(response, warnings);
    return response;
}

// Everybody is the same user and may do everything.
JsonObject review_status(std::string_view kind) {
    const JsonArray all{"*"};
    if (kind == "SelfSubjectReview") {
        return {{"userInfo",
                 {{"username", "lab-user"},
                  {"groups", JsonArray{"system:masters", "system:authenticated"}}}}};
    }
    if (kind == "SelfSubjectRulesReview") {
        return {
            {"resourceRules",
             JsonArray{JsonObject{{"verbs", all}, {"apiGroups", all}, {"resources", all}}}},
            {"nonResourceRules", JsonArray{JsonObject{{"verbs", all}, {"nonResourceURLs", all}}}},
            {"incomplete", false}};
    }
    return {{"allowed", true}, {"reason", "the lab cluster enforces no RBAC"}};
}

// A review is answered and not kept.
net::Response answer_review(const ApiCall& call, Json review) {
    put(review, {"kind"}, Json(call.resource.kind));
    put(review, {"apiVersion"}, Json(call.resource.api_version()));
    if (find(review, {"metadata"}) == nullptr) put(review, {"metadata"}, JsonObject{});
    put(review, {"status"}, review_status(call.resource.kind));
    return json_answer(201, review);
}

net::Response apply_object(const ApiCall& call, Subresource subresource, Json body) {
    WriteQuestion question;
    read_options(call, subresource, question);
    ApplyOptions options;
    // Here the User-Agent does not stand in: a manager must be named.
    options.manager = std::string(call.query.text("fieldManager"));
    options.force = call.query.is_set("force");
    options.subresource = subresource;
    options.dry_run = question.options.dry_run;
    options.strict_fields = question.options.strict_fields;
    options.warnings = question.options.warnings;
    const auto applied = call.cluster.apply(call.resource, call.key, std::move(body), options);
    if (!applied) {
        return written(call, 200, std::unexpected(applied.error()), question.warnings);
    }
    return written(call, applied->created ? 201 : 200, applied->object, question.warnings);
}

Json success(const ApiCall& call, const ObjectKey& key, std::string_view uid) {
    JsonObject details{{"name", key.name}};
    if (!call.resource.group.empty()) details["group"] = call.resource.group;
    details["kind"] = call.resource.plural;
    if (!uid.empty()) details["uid"] = uid;
    return JsonObject{{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"metadata", JsonObject{}},
                      {"status", "Success"},
                      {"details", std::move(details)}};
}

}  // namespace

net::Response create_object(const ApiCall& call) {
    if (auto refusal = refuse_options(call, "CreateOptions")) return status_answer(*refusal);
    auto body = decode_body(call.request);
    if (!body) return status_answer(body.error());
    if (!call.kind.stored) return answer_review(call, std::move(*body));
    if (auto refusal = place_in_namespace(call, *body)) return status_answer(*refusal);
    WriteQuestion question;
    read_options(call, Subresource::none, question);
    const auto object = call.cluster.create(call.resource, std::move(*body), question.options);
    return written(call, 201, object, question.warnings);
}

net::Response replace_object(const ApiCall& call) {
    if (auto refusal = refuse_options(call, "UpdateOptions")) return status_answer(*refusal);
    const auto subresource = subresource_of(call);
    if (!subresource) return status_answer(subresource.error());
    auto body = decode_body(call.request);
    if (!body) return status_answer(body.error());
    if (auto refusal = check_name(call, *body)) return status_answer(*refusal);
    if (auto refusal = place_in_namespace(call, *body)) return status_answer(*refusal);
    WriteQuestion question;
    read_options(call, *subresource, question);
    const auto object = call.cluster.update(call.resource, std::move(*body), question.options);
    return written(call, 200, object, question.warnings);
}

net::Response patch_object(const ApiCall& call) {
    if (auto refusal = refuse_options(call, "PatchOptions")) return status_answer(*refusal);
    const auto subresource = subresource_of(call);
    if (!subresource) return status_answer(subresource.error());
    const auto type = media_type(call.request);
    const auto kind = type == "application/merge-patch+json"  ? std::optional(PatchKind::merge)
                      : type == "application/json-patch+json" ? std::optional(PatchKind::json)
                      : type == "application/strategic-merge-patch+json"
                          ? std::optional(PatchKind::strategic)
                          : std::nullopt;
    if (!kind && type != "application/apply-patch+yaml") {
        return status_answer(statuses::unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, "
            "application/strategic-merge-patch+json, application/apply-patch+yaml"));
    }
    auto body = decode_body(call.request);
    if (!body) return status_answer(body.error());
    if (!kind) return apply_object(call, *subresource, std::move(*body));
    WriteQuestion question;
    read_options(call, *subresource, question);
    const auto object = call.cluster.patch(call.resource, call.key, *kind, *body, question.options);
    return written(call, 200, object, question.warnings);
}

Answer<DeleteOptions> delete_options_of(const Json& body, const Query& query) {
    DeleteOptions options;
    options.grace_seconds = integer_at(body, {"gracePeriodSeconds"});
    if (const auto grace = query.number("gracePeriodSeconds")) options.grace_seconds = grace;
    std::string propagation(text_at(body, {"propagationPolicy"}));
    if (const auto given = query.text("propagationPolicy"); !given.empty()) propagation = given;
    if (propagation.empty() && bool_at(body, {"orphanDependents"}).value_or(false)) {
        propagation = "Orphan";
    }
    if (!propagation.empty()) {
        if (propagation != "Background" && propagation != "Foreground" && propagation != "Orphan") {
            static const Resource named{"meta.k8s.io", "v1", "", "DeleteOptions", false};
            return std::unexpected(statuses::invalid(
                named,
                "",
                {field_error::not_supported("propagationPolicy",
                                            Json(propagation),
                                            {"\"Foreground\"", "\"Background\"", "\"Orphan\""})}));
        }
        options.propagation = std::move(propagation);
    }
    options.uid = std::string(text_at(body, {"preconditions", "uid"}));
    options.resource_version = std::string(text_at(body, {"preconditions", "resourceVersion"}));
    options.dry_run = query.has("dryRun", "All");
    for (const auto& item : array_at(body, {"dryRun"})) {
        if (item.is_string() && item.get_string() == "All") options.dry_run = true;
    }
    return options;
}

net::Response delete_object(const ApiCall& call) {
    const auto body = decode_optional_body(call.request);
    if (!body) return status_answer(body.error());
    const auto options = delete_options_of(*body, call.query);
    if (!options) return status_answer(options.error());
    const auto removed = call.cluster.remove(call.resource, call.key, *options);
    if (!removed) return status_answer(removed.error());
    // Finalizers and grace periods keep it: the client sees the object and waits until it is gone.
    const bool is_marked = !text_at(**removed, {"metadata", "deletionTimestamp"}).empty();
    const auto now = call.cluster.find(call.resource, call.key);
    if (is_marked &&
        (options->dry_run || (now != nullptr && kube::uid_of(*now) == kube::uid_of(**removed)))) {
        return object_answer(call, 200, *removed);
    }
    return json_answer(200, success(call, call.key, kube::uid_of(**removed)));
}

net::Response delete_collection(const ApiCall& call) {
    const auto body = decode_optional_body(call.request);
    if (!body) return status_answer(body.error());
    const auto options = delete_options_of(*body, call.query);
    if (!options) return status_answer(options.error());
    ListOptions selection;
    auto labels = parse_label_selector(call.query.text("labelSelector"));
    if (!labels) return status_answer(statuses::bad_request(labels.error()));
    auto fields = parse_field_selector(call.query.text("fieldSelector"), call.kind);
    if (!fields) return status_answer(statuses::bad_request(fields.error()));
    selection.labels = std::move(*labels);
    selection.fields = std::move(*fields);
    const auto removed = call.cluster.remove_all(call.resource, call.key.ns, selection, *options);
    if (!removed) return status_answer(removed.error());
    return json_answer(200, success(call, {}, {}));
}

}  // namespace sluice::lab
