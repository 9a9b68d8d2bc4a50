// A head, a body and an end that leave in one write, and what of them is still to be sent.
#pragma once

#include <boost/asio/buffer.hpp>

#include <array>
#include <string_view>

namespace sluice::net {

struct Pieces {
    std::array<std::string_view, 3> parts{};

    bool empty() const { return parts[0].empty() && parts[1].empty() && parts[2].empty(); }
    std::array<boost::asio::const_buffer, 3> buffers() const {
        return {boost::asio::buffer(parts[0]),
                boost::asio::buffer(parts[1]),
                boost::asio::buffer(parts[2])};
    }
    void consume(std::size_t count) {
        for (auto& part : parts) {
            const auto here = std::min(count, part.size());
            part.remove_prefix(here);
            count -= here;
        }
    }
};

}  // namespace sluice::net
