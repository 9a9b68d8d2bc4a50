// A watch as a stream of lines: what exists, when that was asked for, then each change as it comes,
// bookmarks, and the end at the time that the client named. While nothing changes it sleeps.
#pragma once

#include "base/async/signal.hpp"
#include "lab/apiserver/api_request.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/apiserver/open_streams.hpp"
#include "lab/apiserver/tables.hpp"
#include "net/http.hpp"

#include <deque>

namespace sluice::lab {

struct WatchQuestion {
    Resource resource;  // in the version asked for
    std::string ns;     // empty: all
    LabelSelector labels = {};
    FieldSelector fields = {};
    // Changes behind this one; 0 begins with what exists, as do initial events.
    std::int64_t revision = 0;
    bool send_initial_events = false;  // ends them with a marked bookmark
    bool bookmarks = false;
    std::optional<Duration> timeout = std::nullopt;
    AnswerForm form = AnswerForm::object;
    IncludeObject include = IncludeObject::metadata;
};

// Refuses a revision in the future. One that is too old is an ERROR event in the stream.
Answer<std::unique_ptr<net::BodyReader>> open_watch(Executor executor,
                                                    Cluster& cluster,
                                                    std::shared_ptr<OpenStreams> streams,
                                                    WatchQuestion question);

}  // namespace sluice::lab
