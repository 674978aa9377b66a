// Reads the server's certificate with libcrypto.
#include "common/io/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <climits>
#include <string>

namespace letterlock::io {

namespace {

constexpr int rsa_least_bits = 2048;
constexpr int rsa_most_bits = 4096; // a larger one costs more than it protects, and time in keyd

int curve_bits(int curve) {
  switch (curve) {
  case NID_X9_62_prime256v1:
    return 256;
  case NID_secp384r1:
    return 384;
  default:
    return 0;
  }
}

Expected<int> rsa_bits(X509* x509) {
  EVP_PKEY* key = X509_get0_pubkey(x509);
  if (key == nullptr)
    return fail_crypto("the certificate's RSA key can't be read");
  const int bits = EVP_PKEY_bits(key);
  if (bits < rsa_least_bits || bits > rsa_most_bits)
    return fail("an RSA key of " + std::to_string(bits) + " bits is not accepted: use " +
                std::to_string(rsa_least_bits) + " to " + std::to_string(rsa_most_bits));
  return bits;
}

Expected<int> ecdsa_bits(const X509_ALGOR* algorithm, Bytes point) {
  int type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(nullptr, &type, &parameter, algorithm);
  const int bits = type == V_ASN1_OBJECT
                       ? curve_bits(OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(parameter)))
                       : 0;
  if (bits == 0)
    return fail("an ECDSA key on this curve is not accepted: use P-256 or P-384");
  // SEC 1 §2.3.3: 04 stands for "not compressed". The key's id would depend on the form.
  if (point.empty() || point[0] != std::byte{4})
    return fail("the certificate's ECDSA key is in compressed form: make it uncompressed");
  return bits;
}

} // namespace

Expected<Certificate> Certificate::parse(std::string_view pem_chain) {
  if (pem_chain.empty() || pem_chain.size() > INT_MAX)
    return fail("this is not a PEM certificate");
  const BioPtr bio(BIO_new_mem_buf(pem_chain.data(), static_cast<int>(pem_chain.size())));
  if (!bio)
    return fail_crypto("no memory for a certificate");
  X509Ptr x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!x509)
    return fail_crypto("this is not a PEM certificate");

  ASN1_OBJECT* algorithm_name = nullptr;
  const unsigned char* bits = nullptr;
  int length = 0;
  X509_ALGOR* algorithm = nullptr;
  if (X509_PUBKEY_get0_param(&algorithm_name, &bits, &length, &algorithm,
                             X509_get_X509_PUBKEY(x509.get())) != 1 ||
      length <= 0)
    return fail_crypto("the certificate's key can't be read");
  const Bytes public_key = std::as_bytes(std::span(bits, static_cast<std::size_t>(length)));

  KeyType type{};
  Expected<int> size = 0;
  switch (OBJ_obj2nid(algorithm_name)) {
  case NID_rsaEncryption:
    type = KeyType::rsa;
    size = rsa_bits(x509.get());
    break;
  case NID_X9_62_id_ecPublicKey:
    type = KeyType::ecdsa;
    size = ecdsa_bits(algorithm, public_key);
    break;
  default:
    return fail("the certificate's key is neither RSA nor ECDSA");
  }
  if (!size)
    return std::unexpected(size.error());

  KeyId id{};
  if (EVP_Digest(public_key.data(), public_key.size(), id.data(), nullptr, EVP_sha256(), nullptr) !=
      1)
    return fail_crypto("SHA-256 failed");
  return Certificate(std::move(x509), id, type, *size);
}

Validity Certificate::validity(std::time_t at) const {
  // X509_cmp_time() answers 0 for a date that it can't read: such a certificate is never valid.
  if (X509_cmp_time(X509_get0_notBefore(x509_.get()), &at) >= 0)
    return Validity::not_yet;
  if (X509_cmp_time(X509_get0_notAfter(x509_.get()), &at) <= 0)
    return Validity::expired;
  return Validity::valid;
}

std::vector<DnsName> Certificate::names() const {
  std::vector<DnsName> names;
  const GeneralNamesPtr all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(x509_.get(), NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error(); // a certificate without names is no fault
  if (!all)
    return names;
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS)
      continue;
    const std::string_view text(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
        static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (const auto printable = DnsName::from(text))
      names.push_back(*printable);
  }
  return names;
}

Expected<KeyId> certificate_key_id(std::string_view pem_chain) {
  const auto certificate = Certificate::parse(pem_chain);
  if (!certificate)
    return std::unexpected(certificate.error());
  return certificate->key_id();
}

Expected<std::vector<DnsName>> certificate_names(std::string_view pem_chain) {
  const auto certificate = Certificate::parse(pem_chain);
  if (!certificate)
    return std::unexpected(certificate.error());
  return certificate->names();
}

} // namespace letterlock::io
