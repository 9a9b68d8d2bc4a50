// Doors that open nothing: they say at once where they would be.
#pragma once

#include "lab/mesh/gateway_controller.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <map>
#include <string>
#include <vector>

namespace sluice::mesh::testing {

// Says that the ports below 1024 are taken when told to.
struct PaperDoors final : GatewayDoors {
    explicit PaperDoors(boost::asio::io_context& the_context) : context(the_context) {}
    void open(const lab::ObjectKey& gateway,
              const std::string& address,
              std::vector<std::uint16_t> ports,
              Opened opened) override {
        open_now[gateway] = address;
        BoundPorts bound;
        for (const auto port : ports)
            bound[port] =
                port < 1024 && unprivileged ? static_cast<std::uint16_t>(18000 + port) : port;
        boost::asio::post(context, [opened, bound] { opened(bound); });
    }
    void close(const lab::ObjectKey& gateway, const std::string&) override {
        open_now.erase(gateway);
    }

    boost::asio::io_context& context;
    bool unprivileged = false;
    std::map<lab::ObjectKey, std::string> open_now;
};

}  // namespace sluice::mesh::testing
