#include "net/tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace sluice::net {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options) {
    const auto no = [](const char* what) {
        return Error{ErrorKind::invalid, std::string("TLS: ") + what};
    };
    auto context = std::make_shared<TlsContext>(TlsContext::tls_client);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    boost::system::error_code code;
    if (options.ca.empty()) {
        context->set_default_verify_paths(code);
        if (code) return no("the system's roots cannot be read");
    } else {
        context->add_certificate_authority(boost::asio::buffer(options.ca), code);
        if (code) return no("the CA is no PEM certificate");
    }
    if (!options.client_certificate.empty()) {
        context->use_certificate_chain(boost::asio::buffer(options.client_certificate), code);
        if (code) return no("the client certificate is no PEM certificate");
        context->use_private_key(boost::asio::buffer(options.client_key), TlsContext::pem, code);
        if (code) return no("the client key is no PEM key of the client certificate");
    }
    context->set_verify_mode(options.verify ? ssl::verify_peer : ssl::verify_none, code);
    return context;
}

std::unique_ptr<TlsStream> make_tls_stream(boost::asio::ip::tcp::socket& socket,
                                           TlsContext& context,
                                           const TlsOptions& options,
                                           const std::string& host) {
    auto stream = std::make_unique<TlsStream>(socket, context);
    auto* handle = stream->native_handle();
    const auto& name = options.server_name.empty() ? host : options.server_name;
    boost::system::error_code not_address;
    boost::asio::ip::make_address(name, not_address);
    if (not_address) {
        // The macro's cast of a const pointer is OpenSSL's own.
        SSL_ctrl(handle,
                 SSL_CTRL_SET_TLSEXT_HOSTNAME,
                 TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(name.c_str()));
        SSL_set_hostflags(handle, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set1_host(handle, name.c_str());
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), name.c_str());
    }
    return stream;
}

std::string handshake_trouble(TlsStream& stream, const boost::system::error_code& code) {
    const auto verdict = SSL_get_verify_result(stream.native_handle());
    const bool is_verified = (SSL_get_verify_mode(stream.native_handle()) & SSL_VERIFY_PEER) != 0;
    if (is_verified && verdict != X509_V_OK)
        return std::string("certificate not accepted: ") + X509_verify_cert_error_string(verdict);
    if (code == boost::asio::error::eof || code == boost::asio::ssl::error::stream_truncated ||
        code == boost::asio::error::connection_reset)
        return "connection closed in the TLS handshake";
    const auto* reason = ERR_reason_error_string(static_cast<unsigned long>(code.value()));
    return std::string("no TLS: ") + (reason != nullptr ? reason : code.message());
}

}  // namespace sluice::net
