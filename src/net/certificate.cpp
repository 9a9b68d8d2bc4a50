#include "net/certificate.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>

namespace sluice::net {
namespace {

constexpr std::size_t names_max = 20;

template <auto free>
struct Freed {
    template <class Thing>
    void operator()(Thing* thing) const {
        free(thing);
    }
};
using Text = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Read = std::unique_ptr<X509, Freed<X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

// An encrypted text has no passphrase here, and nobody is asked for one.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*is_written*/, void* /*more*/) {
    return 0;
}

std::string text_of(const ASN1_STRING* text) {
    unsigned char* utf8 = nullptr;
    const auto length = ASN1_STRING_to_UTF8(&utf8, text);
    if (length < 0) return {};
    std::string copy(static_cast<std::size_t>(length), '\0');
    std::memcpy(copy.data(), utf8, copy.size());
    OPENSSL_free(utf8);
    return copy;
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
    const auto* data = ASN1_STRING_get0_data(bytes);
    const auto length = static_cast<std::size_t>(ASN1_STRING_length(bytes));
    namespace ip = boost::asio::ip;
    if (ip::address_v4::bytes_type v4{}; length == v4.size()) {
        std::copy_n(data, length, v4.begin());
        return ip::address_v4(v4).to_string();
    }
    if (ip::address_v6::bytes_type v6{}; length == v6.size()) {
        std::copy_n(data, length, v6.begin());
        return ip::address_v6(v6).to_string();
    }
    return {};
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> names;
    const Names all(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    const auto count = all ? sk_GENERAL_NAME_num(all.get()) : 0;
    for (int i = 0; i < count && names.size() < names_max; ++i) {
        int type = 0;
        const auto* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
        std::string name;
        if (type == GEN_DNS) name = text_of(static_cast<const ASN1_STRING*>(value));
        if (type == GEN_IPADD) name = address_of(static_cast<const ASN1_OCTET_STRING*>(value));
        if (!name.empty()) names.push_back(std::move(name));
    }
    if (!names.empty()) return names;
    const auto* subject = X509_get_subject_name(certificate);
    const auto at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) {
        names.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
    }
    return names;
}

std::optional<Time> time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
    return Time{std::chrono::seconds{timegm(&parts)}};
}

}  // namespace

Result<Certificate> read_certificate(std::string_view pem) {
    const Error none{ErrorKind::invalid, "it is no certificate in PEM"};
    constexpr std::size_t longest = std::numeric_limits<int>::max();
    if (pem.size() > longest) return none;
    const Text text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Read read(text ? PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr)
                         : nullptr);
    ERR_clear_error();
    if (!read) return none;
    const auto not_after = time_of(X509_get0_notAfter(read.get()));
    if (!not_after) return none;
    return Certificate{.not_after = *not_after, .names = names_of(read.get())};
}

}  // namespace sluice::net
