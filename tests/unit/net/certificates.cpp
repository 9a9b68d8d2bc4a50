#include "unit/net/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace sluice::net::testing {
namespace {

template <typename T, void (*release)(T*)>
struct Release {
    void operator()(T* what) const { release(what); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

std::string pem_of(X509* certificate) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) std::abort();
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

Certificate unsigned_one(const std::string& name, long serial, EVP_PKEY* key) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()),
                               "CN",
                               MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()),
                               -1,
                               -1,
                               0);
    return certificate;
}

}  // namespace

struct Authority::State {
    Key key{EVP_EC_gen("P-256")};
    Certificate certificate;
    long serial = 1;
};

Authority::Authority(const std::string& name) : state_(std::make_unique<State>()) {
    state_->certificate = unsigned_one(name, 1, state_->key.get());
    auto* own = state_->certificate.get();
    X509_set_issuer_name(own, X509_get_subject_name(own));
    extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
    extend(own, own, NID_subject_key_identifier, "hash");
    X509_sign(own, state_->key.get(), EVP_sha256());
}

Authority::~Authority() = default;

std::string Authority::pem() const {
    return pem_of(state_->certificate.get());
}

Identity Authority::issue(const std::string& name) const {
    const Key key(EVP_EC_gen("P-256"));
    const auto certificate = unsigned_one(name, ++state_->serial, key.get());
    auto* issuer = state_->certificate.get();
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
    const bool is_address = name.find_first_not_of("0123456789.") == std::string::npos;
    extend(certificate.get(), issuer, NID_subject_alt_name, (is_address ? "IP:" : "DNS:") + name);
    X509_sign(certificate.get(), state_->key.get(), EVP_sha256());
    return {pem_of(certificate.get()), pem_of(key.get())};
}

}  // namespace sluice::net::testing
