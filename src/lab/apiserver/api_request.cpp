#include "lab/apiserver/api_request.hpp"

#include "base/core/text.hpp"

namespace sluice::lab {

Query::Query(std::string_view text) {
    if (text.empty()) return;
    for (const auto part : split(text, '&')) {
        if (part.empty()) continue;
        const auto equals = part.find('=');
        const auto name = part.substr(0, equals);
        const auto value =
            equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
        fields_.emplace_back(percent_decoded(name, {.plus_is_blank = true}),
                             percent_decoded(value, {.plus_is_blank = true}));
    }
}

std::optional<std::string_view> Query::get(std::string_view name) const {
    for (const auto& [key, value] : fields_) {
        if (key == name) return value;
    }
    return std::nullopt;
}

std::string_view Query::text(std::string_view name) const {
    return get(name).value_or(std::string_view{});
}

bool Query::is_set(std::string_view name) const {
    const auto value = get(name);
    return value && *value != "false" && *value != "0";
}

std::optional<std::int64_t> Query::number(std::string_view name) const {
    const auto value = get(name);
    return value ? parse_integer(*value) : std::nullopt;
}

bool Query::has(std::string_view name, std::string_view value) const {
    for (const auto& [key, is] : fields_) {
        if (key == name && is == value) return true;
    }
    return false;
}

ApiTarget api_target_of(const net::Request& request) {
    std::string_view text = request.target;
    ApiTarget target;
    if (const auto mark = text.find('?'); mark != std::string_view::npos) {
        target.query = Query(text.substr(mark + 1));
        text = text.substr(0, mark);
    }
    for (const auto segment : split(text, '/')) {
        if (!segment.empty()) target.segments.push_back(percent_decoded(segment));
    }
    return target;
}

std::optional<ResourcePath> resource_path_of(const std::vector<std::string>& segments) {
    ResourcePath path;
    std::size_t at = 0;
    if (segments.size() > 2 && segments[0] == "api") {
        path.version = segments[1];
        at = 2;
    } else if (segments.size() > 3 && segments[0] == "apis") {
        path.group = segments[1];
        path.version = segments[2];
        at = 3;
    } else {
        return std::nullopt;
    }
    const auto left = segments.size() - at;
    // namespaces/<name>, …/status and …/finalize are the Namespace itself.
    const bool is_in_namespace =
        segments[at] == "namespaces" && left >= 3 &&
        !(left == 3 && (segments[at + 2] == "status" || segments[at + 2] == "finalize"));
    if (is_in_namespace) {
        path.ns = segments[at + 1];
        at += 2;
    }
    path.plural = segments[at++];
    if (at < segments.size()) path.name = segments[at++];
    for (; at < segments.size(); ++at) {
        if (!path.subresource.empty()) path.subresource += '/';
        path.subresource += segments[at];
    }
    return path;
}

namespace {

std::string_view parameter_of(std::string_view range, std::string_view name) {
    for (const auto part : split(range, ';')) {
        const auto equals = part.find('=');
        if (equals == std::string_view::npos) continue;
        if (trimmed(part.substr(0, equals)) == name) return trimmed(part.substr(equals + 1));
    }
    return {};
}

std::optional<AnswerForm> form_of_range(std::string_view range) {
    const auto type = lower_case(trimmed(range.substr(0, range.find(';'))));
    if (type != "application/json" && type != "application/*" && type != "*/*") {
        return std::nullopt;
    }
    const auto as = parameter_of(range, "as");
    if (as.empty()) return AnswerForm::object;
    const auto group = parameter_of(range, "g");
    const auto version = parameter_of(range, "v");
    if (group == "meta.k8s.io" && version == "v1") {
        if (as == "Table") return AnswerForm::table;
        if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList") {
            return AnswerForm::partial_metadata;
        }
    }
    if (group == "apidiscovery.k8s.io" && version == "v2" && as == "APIGroupDiscoveryList") {
        return AnswerForm::group_discovery;
    }
    return std::nullopt;
}

}  // namespace

AnswerForm form_asked(const net::Request& request) {
    for (const auto value : request.headers.all("Accept")) {
        for (const auto range : split(value, ',')) {
            if (const auto form = form_of_range(range)) return *form;
        }
    }
    // Whatever else was asked for: JSON is what there is, and every client can read it.
    return AnswerForm::object;
}

std::string media_type(const net::Request& request) {
    const auto value = request.headers.get("Content-Type").value_or(std::string_view{});
    return lower_case(trimmed(value.substr(0, value.find(';'))));
}

}  // namespace sluice::lab
