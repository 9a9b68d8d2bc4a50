#include "web/subject.hpp"

#include "base/core/text.hpp"
#include "web/figures.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace sluice::web {
namespace {

// An id, taken apart: "a/test/podinfo@v1".
struct End {
    char kind = 0;  // w, s, a or n; 0: none of them
    std::string ns, name, revision;
};

End end_of(std::string_view id) {
    const auto parts = split(id, '/');
    const bool has_name = parts.size() == 3 && !parts[1].empty() && !parts[2].empty();
    if (parts.size() == 2 && parts[0] == "n" && !parts[1].empty()) {
        return {.kind = 'n', .ns = std::string(parts[1])};
    }
    if (!has_name || (parts[0] != "w" && parts[0] != "s" && parts[0] != "a")) return {};
    End end{.kind = parts[0].front(), .ns = std::string(parts[1]), .name = std::string(parts[2])};
    const auto at = end.kind == 'a' ? end.name.find('@') : std::string::npos;
    if (at == std::string::npos) return end;
    end.revision = end.name.substr(at + 1);
    end.name.resize(at);
    return end;
}

struct Ends {
    std::string_view source, target, protocol;
};

// "e/w/test/a>w/test/b/http".
std::optional<Ends> ends_of(std::string_view id) {
    if (!id.starts_with("e/")) return std::nullopt;
    const auto arrow = id.find('>');
    const auto protocol = id.rfind('/');
    if (arrow == std::string_view::npos || protocol <= arrow) return std::nullopt;
    return Ends{.source = id.substr(2, arrow - 2),
                .target = id.substr(arrow + 1, protocol - arrow - 1),
                .protocol = id.substr(protocol + 1)};
}

Error none(std::string why) {
    return {ErrorKind::not_found, std::move(why)};
}

// A label of one side: `source_workload="podinfo"`.
std::string is(std::string_view side, std::string_view label, std::string_view value) {
    return fmt::format(R"({}_{}="{}")", side, label, promql_text(value));
}

// A workload, an app or a namespace; a Service is none of both sides.
std::string of_side(std::string_view side, const End& end) {
    auto selector = is(side, "workload_namespace", end.ns);
    if (end.kind == 'w') selector += "," + is(side, "workload", end.name);
    if (end.kind == 'a') selector += "," + is(side, "canonical_service", end.name);
    if (!end.revision.empty()) selector += "," + is(side, "canonical_revision", end.revision);
    return selector;
}

// Names of Kubernetes hold no sign of a pattern but the dot.
std::string alternatives(const std::vector<std::string>& names) {
    std::string pattern;
    for (const auto& name : names) {
        if (!pattern.empty()) pattern += '|';
        for (const char c : name) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
    }
    return promql_text(pattern);
}

std::vector<std::string> behind(const End& service, const Fronts& fronts) {
    std::vector<std::string> names;
    const auto id = service_id(service.ns, service.name);
    for (const auto& [workload, front] : fronts.of) {
        if (front == id) names.push_back(workload.substr(workload.rfind('/') + 1));
    }
    return names;
}

}  // namespace

Subject of_workloads(const std::string& ns, const std::vector<std::string>& workloads) {
    return {.selector =
                fmt::format(R"(destination_workload_namespace="{}",destination_workload=~"{}")",
                            promql_text(ns),
                            alternatives(workloads))};
}

Result<Subject> subject_of_node(std::string_view id) {
    const auto end = end_of(id);
    switch (end.kind) {
        case 'w':
            return of_workloads(end.ns, {end.name});
        case 's':
            return Subject{.selector = is("destination", "service_namespace", end.ns) + "," +
                                       is("destination", "service_name", end.name),
                           .by = "destination_service_name"};
        case 'a':
            return Subject{.selector = of_side("destination", end),
                           .by = "destination_canonical_service"};
        case 'n':
            return Subject{.selector = of_side("destination", end),
                           .by = "destination_workload_namespace"};
        default:
            break;
    }
    if (id.starts_with("x/")) {
        return none(fmt::format("no proxy of the mesh reports what arrives at {}", id.substr(2)));
    }
    if (id == "unknown") return none("nothing arrives at a source that is not known");
    return none(fmt::format("no node {} is measured", id.substr(0, 100)));
}

Result<Subject> subject_of_gateways(std::string_view id, const Fronts& fronts) {
    const auto end = end_of(id);
    if (end.kind == 'w' || end.kind == 'a') {
        return Subject{.selector = of_side("source", end),
                       .by = end.kind == 'w' ? "source_workload" : "source_canonical_service",
                       .reporter = "source"};
    }
    const auto senders = end.kind == 's' ? behind(end, fronts) : std::vector<std::string>{};
    if (senders.empty()) return subject_of_node(id);
    return Subject{.selector = is("source", "workload_namespace", end.ns) +
                               fmt::format(R"(,source_workload=~"{}")", alternatives(senders)),
                   .by = "source_workload_namespace",
                   .reporter = "source"};
}

Result<Subject> subject_of_edge(std::string_view id, const Fronts& fronts) {
    const auto ends = ends_of(id);
    if (!ends) return none(fmt::format("no edge {} is measured", id.substr(0, 100)));
    if (ends->protocol == "tcp") return none("over TCP bytes are counted, and no requests");
    auto subject = subject_of_node(ends->target);
    if (!subject) return subject.error();
    const auto source = end_of(ends->source);
    const auto target = end_of(ends->target);
    switch (source.kind) {
        case 'w':
        case 'a':
        case 'n':
            subject->selector += "," + of_side("source", source);
            return subject;
        case 's':
            break;
        default:
            if (ends->source != "unknown") {
                return none(fmt::format("no edge {} is measured", id.substr(0, 100)));
            }
            subject->selector += "," + is("source", "workload", "unknown");
            return subject;
    }
    // Where Services stand between workloads, one is on the way to those that it selects.
    const auto service = service_id(source.ns, source.name);
    if (target.kind == 'w' && fronts.leads(service, std::string(ends->target))) {
        subject->selector += "," + is("destination", "service_namespace", source.ns) + "," +
                             is("destination", "service_name", source.name);
        return subject;
    }
    const auto callers = behind(source, fronts);
    if (callers.empty()) {
        return none(fmt::format(
            "no workload is known for which Service {}/{} stands", source.ns, source.name));
    }
    subject->selector += "," + is("source", "workload_namespace", source.ns) +
                         fmt::format(R"(,source_workload=~"{}")", alternatives(callers));
    return subject;
}

std::vector<std::string> namespaces_of(std::string_view id) {
    const auto ends = ends_of(id);
    std::vector<std::string> all;
    for (const auto part : ends ? std::vector{ends->source, ends->target} : std::vector{id}) {
        if (auto ns = end_of(part).ns; !ns.empty()) all.push_back(std::move(ns));
    }
    return all;
}

}  // namespace sluice::web
