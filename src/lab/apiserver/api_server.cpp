#include "lab/apiserver/api_server.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/answers.hpp"
#include "lab/apiserver/api_request.hpp"
#include "lab/apiserver/discovery.hpp"
#include "lab/apiserver/health.hpp"
#include "lab/apiserver/open_streams.hpp"
#include "lab/apiserver/openapi.hpp"
#include "lab/apiserver/resource_verbs.hpp"
#include "lab/apiserver/statuses.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

struct ApiServer::State {
    State(Executor executor_in, Cluster& cluster_in, PodLogs* logs_in)
        : executor(std::move(executor_in)),
          cluster(cluster_in),
          logs(logs_in),
          open_api(cluster_in.kinds()) {}

    net::Response answer(const net::Request& request);
    std::optional<net::Response> answer_about_server(const net::Request& request,
                                                     const ApiTarget& target);
    std::optional<net::Response> answer_discovery(const net::Request& request,
                                                  const std::vector<std::string>& segments);
    net::Response answer_open_api(const std::vector<std::string>& segments);
    net::Response answer_resource(const net::Request& request,
                                  const ApiTarget& target,
                                  const ResourcePath& path);

    Executor executor;
    Cluster& cluster;
    PodLogs* logs;
    OpenApi open_api;
    std::shared_ptr<OpenStreams> streams = std::make_shared<OpenStreams>();
};

ApiServer::ApiServer(Executor executor, Cluster& cluster, PodLogs* logs)
    : state_(std::make_unique<State>(std::move(executor), cluster, logs)) {}

ApiServer::~ApiServer() = default;

// Everything is answered at once from what is in memory; only streams go on afterwards.
Task<net::Response> ApiServer::handle(net::Request request) {
    if (request.method == "HEAD") request.method = "GET";
    co_return state_->answer(request);
}

void ApiServer::end_streams() {
    state_->streams->end_all();
}

net::Response ApiServer::State::answer(const net::Request& request) {
    const auto target = api_target_of(request);
    if (auto response = answer_about_server(request, target)) return std::move(*response);
    if (auto response = answer_discovery(request, target.segments)) return std::move(*response);
    if (const auto path = resource_path_of(target.segments)) {
        return answer_resource(request, target, *path);
    }
    return no_such_path();
}

std::optional<net::Response> ApiServer::State::answer_about_server(const net::Request& request,
                                                                   const ApiTarget& target) {
    if (target.segments.empty() || request.method != "GET") return std::nullopt;
    const auto& first = target.segments.front();
    if (first == "version" && target.segments.size() == 1) return version_answer();
    if (first == "healthz" || first == "livez" || first == "readyz") {
        return health_answer(target);
    }
    if (first == "openapi") return answer_open_api(target.segments);
    return std::nullopt;
}

net::Response ApiServer::State::answer_open_api(const std::vector<std::string>& segments) {
    if (segments.size() == 2 && segments[1] == "v2") {
        // Older kubectl wants it to be there and is content with nothing in it.
        auto response = text_answer(200, "");
        response.headers.set("Content-Type",
                             "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
        return response;
    }
    if (segments.size() < 2 || segments[1] != "v3") return no_such_path();
    if (segments.size() == 2) return json_answer(200, open_api.index());
    const auto* document = open_api.document(joined({segments.begin() + 2, segments.end()}, "/"));
    return document == nullptr ? no_such_path() : json_text_answer(200, *document);
}

std::optional<net::Response> ApiServer::State::answer_discovery(
    const net::Request& request, const std::vector<std::string>& segments) {
    if (segments.empty() || segments.size() > 3) return std::nullopt;
    const bool is_core = segments[0] == "api";
    if (!is_core && segments[0] != "apis") return std::nullopt;
    if (is_core && segments.size() > 2) return std::nullopt;
    if (request.method != "GET") return std::nullopt;

    const auto& kinds = cluster.kinds();
    if (segments.size() == 1) {
        if (form_asked(request) == AnswerForm::group_discovery) {
            auto response = json_answer(
                200, group_discovery(kinds, is_core ? DiscoveryRoot::api : DiscoveryRoot::apis));
            response.headers.set("Content-Type", group_discovery_media_type);
            return response;
        }
        return json_answer(200, is_core ? api_versions() : api_group_list(kinds));
    }
    const auto document = is_core ? api_resource_list(kinds, "", segments[1])
                          : segments.size() == 2
                              ? api_group(kinds, segments[1])
                              : api_resource_list(kinds, segments[1], segments[2]);
    return document ? json_answer(200, *document) : no_such_path();
}

net::Response ApiServer::State::answer_resource(const net::Request& request,
                                                const ApiTarget& target,
                                                const ResourcePath& path) {
    const auto* kind = cluster.kinds().find(path.group, path.version, path.plural);
    if (kind == nullptr) return no_such_path();
    const auto& version = *kind->version(path.group, path.version);
    const ApiCall call{request,
                       target.query,
                       executor,
                       cluster,
                       logs,
                       streams,
                       *kind,
                       version,
                       kind->resource_in(version),
                       {path.ns, path.name},
                       path.subresource,
                       form_asked(request)};
    if (call.resource.namespaced ? path.ns.empty() && !path.name.empty() : !path.ns.empty()) {
        return no_such_path();
    }
    const auto& method = request.method;
    const auto refuse = [&] {
        return status_answer(statuses::method_not_allowed(call.resource, method));
    };
    if (!kind->stored) {
        return method == "POST" && path.name.empty() ? create_object(call) : refuse();
    }
    // Kinds that are there to be looked for, and that nobody would work on.
    if (!kind->has_verb("create") && method != "GET") return refuse();
    if (path.name.empty()) {
        if (method == "GET") return read_collection(call);
        if (method == "POST") return create_object(call);
        if (method == "DELETE") return delete_collection(call);
        return refuse();
    }
    const auto& subresource = path.subresource;
    const bool is_state =
        subresource.empty() || (subresource == "status" && version.status) ||
        (subresource == "scale" && version.scale) ||
        (subresource == "finalize" && kind->resource == kube::resources::namespaces);
    if (!is_state) {
        const auto served = subresources_of(*kind, version);
        const bool is_served = std::any_of(
            served.begin(), served.end(), [&](const auto& one) { return one.name == subresource; });
        return is_served ? pod_endpoint(call) : no_such_path();
    }
    if (method == "GET") return subresource == "scale" ? get_scale(call) : get_object(call);
    if (method == "PUT") return replace_object(call);
    if (method == "PATCH") return patch_object(call);
    if (method == "DELETE" && subresource.empty()) return delete_object(call);
    return refuse();
}

}  // namespace sluice::lab
