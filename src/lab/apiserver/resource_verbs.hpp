// The verbs on resources, one function each, and what a request is once its kind is known.
#pragma once

#include "lab/apiserver/api_request.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/apiserver/open_streams.hpp"
#include "lab/apiserver/pod_logs.hpp"
#include "net/http.hpp"

#include <memory>
#include <string>

namespace sluice::lab {

// Lives no longer than the answering of one request.
struct ApiCall {
    const net::Request& request;
    const Query& query;
    Executor executor;
    Cluster& cluster;
    PodLogs* logs;
    std::shared_ptr<OpenStreams> streams;
    const Kind& kind;
    const KindVersion& version;
    Resource resource;  // in the version asked for
    ObjectKey key;      // an empty name: the collection
    std::string subresource = {};
    AnswerForm form = AnswerForm::object;
};

// read_verbs.cpp
net::Response get_object(const ApiCall& call);
net::Response get_scale(const ApiCall& call);
// Lists, or watches with ?watch.
net::Response read_collection(const ApiCall& call);
// The object in the form that was asked for.
net::Response object_answer(const ApiCall& call, int code, const ObjectPtr& object);

// write_verbs.cpp
net::Response create_object(const ApiCall& call);
net::Response replace_object(const ApiCall& call);
net::Response patch_object(const ApiCall& call);
net::Response delete_object(const ApiCall& call);
net::Response delete_collection(const ApiCall& call);
// The DeleteOptions in a body and in the query.
Answer<DeleteOptions> delete_options_of(const Json& body, const Query& query);

// pod_endpoints.cpp: log, exec, attach, portforward, eviction.
net::Response pod_endpoint(const ApiCall& call);

}  // namespace sluice::lab
