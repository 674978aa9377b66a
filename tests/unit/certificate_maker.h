// Makes keys and certificates for tests at run time, so that none is in the tree.
#pragma once

#include "common/base/byte_reader.h"
#include "common/io/crypto.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::test {

inline io::PkeyPtr make_rsa_key(int bits) {
  const io::PkeyContextPtr context(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits);
  EVP_PKEY_keygen(context.get(), &key);
  return io::PkeyPtr(key);
}

inline io::PkeyPtr make_ec_key(int curve) {
  const io::PkeyContextPtr context(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), curve);
  EVP_PKEY_keygen(context.get(), &key);
  return io::PkeyPtr(key);
}

// An EVP_PKEY_ED25519, for what is to be refused.
inline io::PkeyPtr make_ed25519_key() {
  const io::PkeyContextPtr context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_keygen(context.get(), &key);
  return io::PkeyPtr(key);
}

inline std::string written_to(BIO* bio) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(length)};
}

struct CertificateWish {
  std::string host;
  long starts_in = -60; // seconds from now
  long ends_in = 3600;
};

// Signed by itself; subject and only name is the host.
inline std::string make_certificate(EVP_PKEY* key, const CertificateWish& wish) {
  const io::X509Ptr x509(X509_new());
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), wish.starts_in);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), wish.ends_in);
  X509_set_pubkey(x509.get(), key);
  X509_NAME* name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(wish.host.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + wish.host).c_str());
  X509_add_ext(x509.get(), names, -1);
  X509_EXTENSION_free(names);
  const bool names_its_hash = EVP_PKEY_base_id(key) == EVP_PKEY_ED25519;
  X509_sign(x509.get(), key, names_its_hash ? nullptr : EVP_sha256());
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), x509.get());
  return written_to(bio.get());
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

// PKCS #8; encrypted if there is a pass phrase.
inline std::vector<std::byte> private_pem(EVP_PKEY* key, const char* pass_phrase = nullptr) {
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, pass_phrase ? EVP_aes_256_cbc() : nullptr, nullptr,
                                0, nullptr, const_cast<char*>(pass_phrase));
  return bytes_of(written_to(bio.get()));
}

// The older form of OpenSSL: "BEGIN RSA PRIVATE KEY", "BEGIN EC PRIVATE KEY".
inline std::vector<std::byte> traditional_pem(EVP_PKEY* key, const char* pass_phrase = nullptr) {
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(bio.get(), key, pass_phrase ? EVP_aes_256_cbc() : nullptr,
                                       nullptr, 0, nullptr, const_cast<char*>(pass_phrase));
  return bytes_of(written_to(bio.get()));
}

} // namespace letterlock::test
