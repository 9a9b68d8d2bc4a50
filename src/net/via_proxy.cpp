#include "net/via_proxy.hpp"

#include <boost/asio/ip/address.hpp>

namespace sluice::net {

void ViaProxyClient::choose_way(Request& request) const {
    if (request.proxy || request.origin.host == "localhost") return;
    boost::system::error_code error;
    boost::asio::ip::make_address(request.origin.host, error);
    if (error) request.proxy = proxy_;
}

Task<Result<Response>> ViaProxyClient::send(Request request) {
    choose_way(request);
    return inner_.send(std::move(request));
}

Task<Result<Response>> ViaProxyClient::open(Request request) {
    choose_way(request);
    return inner_.open(std::move(request));
}

}  // namespace sluice::net
