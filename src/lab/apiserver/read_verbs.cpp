#include "base/core/text.hpp"
#include "lab/apiserver/answers.hpp"
#include "lab/apiserver/resource_verbs.hpp"
#include "lab/apiserver/statuses.hpp"
#include "lab/apiserver/tables.hpp"
#include "lab/apiserver/watch_stream.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::lab {

namespace {

// The cells of a built-in kind are written from the form in which it is stored.
Resource resource_for(const ApiCall& call) {
    return call.form == AnswerForm::table ? call.kind.resource : call.resource;
}

IncludeObject include_of(const Query& query) {
    const auto text = query.text("includeObject");
    if (text == "None") return IncludeObject::none;
    return text == "Object" ? IncludeObject::object : IncludeObject::metadata;
}

std::string number_text(std::int64_t number) {
    return fmt::format("{}", number);
}

Status invalid_list_option(std::string field, std::string_view detail) {
    static const Resource list_options{"meta.k8s.io", "v1", "", "ListOptions", false};
    return statuses::invalid(list_options, "", {field_error::forbidden(std::move(field), detail)});
}

Answer<ListOptions> selection_of(const ApiCall& call) {
    ListOptions options;
    auto labels = parse_label_selector(call.query.text("labelSelector"));
    if (!labels) return std::unexpected(statuses::bad_request(labels.error()));
    auto fields = parse_field_selector(call.query.text("fieldSelector"), call.kind);
    if (!fields) return std::unexpected(statuses::bad_request(fields.error()));
    options.labels = std::move(*labels);
    options.fields = std::move(*fields);
    options.limit = std::max<std::int64_t>(0, call.query.number("limit").value_or(0));
    options.continue_token = std::string(call.query.text("continue"));
    return options;
}

// The resourceVersion that was asked for; 0 when none was.
Answer<std::int64_t> revision_of(const Query& query) {
    const auto text = query.text("resourceVersion");
    if (text.empty()) return 0;
    const auto number = query.number("resourceVersion");
    if (!number || *number < 0) {
        return std::unexpected(
            statuses::bad_request(fmt::format("invalid resource version \"{}\"", text)));
    }
    return *number;
}

// What A.3 says a list may ask for by resourceVersion.
std::optional<Status> refuse_revision(const ApiCall& call) {
    const auto& query = call.query;
    if (query.get("sendInitialEvents")) {
        return invalid_list_option("sendInitialEvents", "sendInitialEvents is forbidden for list");
    }
    const auto revision = revision_of(query);
    if (!revision) return revision.error();
    const bool is_given = !query.text("resourceVersion").empty();
    const auto match = query.text("resourceVersionMatch");
    if (!match.empty() && !is_given) {
        return statuses::bad_request(
            "resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if (!match.empty() && match != "NotOlderThan" && match != "Exact") {
        return statuses::bad_request(
            fmt::format("resourceVersionMatch \"{}\" is not supported", match));
    }
    if (is_given && !query.text("continue").empty() && *revision != 0) {
        return statuses::bad_request(
            "specifying resource version is not allowed when using continue");
    }
    const auto newest = call.cluster.revision();
    if (*revision > newest) return statuses::too_large_revision(*revision, newest);
    if (match == "Exact") {
        if (*revision == 0) {
            return statuses::bad_request(
                "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
        }
        // History is not kept.
        if (*revision != newest) {
            return statuses::expired("The resourceVersion for the provided list is too old.");
        }
    }
    return std::nullopt;
}

std::string_view last_seen(const Json& event) {
    for (const auto& path : {JsonPath{"series", "lastObservedTime"},
                             JsonPath{"lastTimestamp"},
                             JsonPath{"eventTime"},
                             JsonPath{"metadata", "creationTimestamp"}}) {
        if (const auto text = text_at(event, path); !text.empty()) return text;
    }
    return {};
}

// kubectl prints events as they come: the oldest first reads best.
void sort_events(std::vector<ObjectPtr>& events) {
    const auto place = [](const ObjectPtr& event) {
        return std::pair(parse_rfc3339(last_seen(*event)),
                         parse_integer(kube::resource_version_of(*event)));
    };
    std::sort(events.begin(), events.end(), [&](const ObjectPtr& a, const ObjectPtr& b) {
        return place(a) < place(b);
    });
}

JsonObject list_metadata(const Listing& listing) {
    JsonObject metadata{{"resourceVersion", number_text(listing.revision)}};
    if (listing.continue_token.empty()) return metadata;
    metadata["continue"] = listing.continue_token;
    metadata["remainingItemCount"] = listing.remaining;
    return metadata;
}

// Typed lists leave out what the list says for all items.
void add_item(std::string& text, const Json& item, bool is_typed) {
    const auto* object = item.if_object();
    if (!is_typed || object == nullptr) {
        text += to_text(item);
        return;
    }
    text += '{';
    bool is_first = true;
    for (const auto& member : *object) {
        if (member.key() == "kind" || member.key() == "apiVersion") continue;
        if (!is_first) text += ',';
        is_first = false;
        text += boost::json::serialize(member.key());
        text += ':';
        text += to_text(member.value());
    }
    text += '}';
}

net::Response list_answer(const ApiCall& call, const Listing& listing) {
    const bool is_partial = call.form == AnswerForm::partial_metadata;
    const JsonObject head{
        {"kind", is_partial ? "PartialObjectMetadataList" : call.kind.list_kind},
        {"apiVersion", is_partial ? "meta.k8s.io/v1" : call.resource.api_version()},
        {"metadata", list_metadata(listing)}};
    auto text = to_text(head);
    text.pop_back();
    text += ",\"items\":[";
    for (std::size_t i = 0; i < listing.items.size(); ++i) {
        if (i > 0) text += ',';
        if (is_partial) {
            text += to_text(partial_metadata_of(*listing.items[i]));
        } else {
            add_item(text, *listing.items[i], !call.kind.custom);
        }
    }
    text += "]}\n";
    return json_text_answer(200, std::move(text));
}

net::Response list_objects(const ApiCall& call) {
    if (auto refusal = refuse_revision(call)) return status_answer(*refusal);
    const auto selection = selection_of(call);
    if (!selection) return status_answer(selection.error());
    auto listing = call.cluster.select(resource_for(call), call.key.ns, *selection);
    if (!listing) return status_answer(listing.error());
    if (call.form != AnswerForm::table) return list_answer(call, *listing);

    if (call.kind.resource == kube::resources::events) sort_events(listing->items);
    const TableView table(call.kind, call.version);
    return json_answer(200,
                       table.table(listing->items,
                                   list_metadata(*listing),
                                   include_of(call.query),
                                   call.cluster.clock().now()));
}

// What B.8 says a watch may ask for.
std::optional<Status> refuse_watch(const Query& query) {
    const auto match = query.text("resourceVersionMatch");
    if (query.get("sendInitialEvents")) {
        if (match == "NotOlderThan") return std::nullopt;
        return invalid_list_option(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if (match.empty()) return std::nullopt;
    return invalid_list_option("resourceVersionMatch",
                               "resourceVersionMatch is forbidden for watch unless "
                               "sendInitialEvents is provided");
}

net::Response watch_objects(const ApiCall& call) {
    if (auto refusal = refuse_watch(call.query)) return status_answer(*refusal);
    auto selection = selection_of(call);
    if (!selection) return status_answer(selection.error());
    const auto revision = revision_of(call.query);
    if (!revision) return status_answer(revision.error());

    WatchQuestion question;
    question.resource = resource_for(call);
    question.ns = call.key.ns;
    question.labels = std::move(selection->labels);
    question.fields = std::move(selection->fields);
    if (!call.key.name.empty()) {
        question.fields.requirements.push_back({"metadata.name", true, call.key.name});
    }
    question.revision = *revision;
    question.send_initial_events = call.query.is_set("sendInitialEvents");
    question.bookmarks = call.query.is_set("allowWatchBookmarks");
    if (const auto seconds = call.query.number("timeoutSeconds"); seconds && *seconds > 0) {
        constexpr std::int64_t seconds_max = 24 * 3600;
        question.timeout = std::chrono::seconds{std::min(*seconds, seconds_max)};
    }
    question.form = call.form;
    question.include = include_of(call.query);
    auto stream = open_watch(call.executor, call.cluster, call.streams, std::move(question));
    if (!stream) return status_answer(stream.error());

    auto response = json_text_answer(200, "");
    response.stream = std::move(*stream);
    return response;
}

}  // namespace

net::Response object_answer(const ApiCall& call, int code, const ObjectPtr& object) {
    if (call.form == AnswerForm::table) {
        const TableView table(call.kind, call.version);
        return json_answer(
            code,
            table.table({object},
                        JsonObject{{"resourceVersion", kube::resource_version_of(*object)}},
                        include_of(call.query),
                        call.cluster.clock().now()));
    }
    if (call.form == AnswerForm::partial_metadata) {
        return json_answer(code, partial_metadata_of(*object));
    }
    return json_answer(code, *object);
}

net::Response get_object(const ApiCall& call) {
    if (call.query.is_set("watch")) return watch_objects(call);
    const auto object = call.cluster.get(resource_for(call), call.key);
    if (!object) return status_answer(object.error());
    return object_answer(call, 200, *object);
}

net::Response get_scale(const ApiCall& call) {
    const auto scale = call.cluster.scale_of(call.resource, call.key);
    if (!scale) return status_answer(scale.error());
    return json_answer(200, **scale);
}

net::Response read_collection(const ApiCall& call) {
    return call.query.is_set("watch") ? watch_objects(call) : list_objects(call);
}

}  // namespace sluice::lab
