// The lab's API server, called in process in virtual time, behind connections that can fail.
#pragma once

#include "kube/client.hpp"
#include "lab/apiserver/api_server.hpp"
#include "net/in_process.hpp"
#include "support/scripted_server.hpp"
#include "virtual_world.hpp"

#include <boost/asio/post.hpp>

namespace sluice::kube::test {

struct LabWorld : VirtualWorld {
    LabWorld() {
        cluster.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context, std::move(work)); });
    }
    ~LabWorld() { end_tasks(); }

    lab::Cluster cluster{clock, random};
    lab::ApiServer server{context.get_executor(), cluster, nullptr};
    net::InProcessClient in_process{clock, server};
    sluice::test::FaultyClient http{context.get_executor(), in_process};
    Client client{clock, http, Connection{}};
};

}  // namespace sluice::kube::test
