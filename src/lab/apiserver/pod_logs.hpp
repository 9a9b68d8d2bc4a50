// What `kubectl logs` asks of whoever runs the pods.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "net/http.hpp"

namespace sluice::lab {

struct LogQuery {
    std::string container;  // empty: the only one, else a 400 that names them
    bool follow = false;
    bool previous = false;
    bool timestamps = false;
    std::optional<std::int64_t> tail_lines;
    std::optional<std::int64_t> limit_bytes;
    std::optional<Time> since;
};

class PodLogs {
   public:
    PodLogs() = default;
    PodLogs(const PodLogs&) = delete;
    PodLogs& operator=(const PodLogs&) = delete;
    virtual ~PodLogs() = default;

    // The text as a stream; with `follow` it ends when the container does. Refusals as in
    // kubernetes.md B.12.
    virtual Answer<std::unique_ptr<net::BodyReader>> open(const ObjectKey& pod,
                                                          const LogQuery& query) = 0;
};

}  // namespace sluice::lab
