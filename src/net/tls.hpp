// Who is trusted and as whom we come, as OpenSSL wants it.
#pragma once

#include "net/http.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>

namespace sluice::net {

using TlsContext = boost::asio::ssl::context;
using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;

// `invalid` names which of the PEM texts is not one.
Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options);

// Ready for the handshake: the name is sent along and checked against the certificate.
std::unique_ptr<TlsStream> make_tls_stream(boost::asio::ip::tcp::socket& socket,
                                           TlsContext& context,
                                           const TlsOptions& options,
                                           const std::string& host);

// Why a handshake ended, in words: "certificate not accepted: hostname mismatch".
std::string handshake_trouble(TlsStream& stream, const boost::system::error_code& code);

}  // namespace sluice::net
