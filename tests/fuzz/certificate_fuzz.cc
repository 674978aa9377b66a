// The certificate of a server, whatever is in the file: what is taken has a key of a kind that we
// sign with, and names that can stand in a line of the log; written again it is the same one.
//
// The input is a certificate's DER, or a file if it begins like a line of PEM.
#include "common/io/certificate.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/pem.h>

using namespace letterlock;
using fuzz::require;

namespace {

std::string as_pem(std::string_view der) {
  if (der.empty())
    return {};
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio(bio.get(), "CERTIFICATE", "",
                        reinterpret_cast<const unsigned char*>(der.data()),
                        static_cast<long>(der.size())) > 0);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string written(X509* x509) {
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(bio.get(), x509) == 1);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

void check(const io::Certificate& certificate) {
  if (certificate.key_type() == io::KeyType::rsa)
    require(certificate.key_bits() >= 2048 && certificate.key_bits() <= 4096);
  else
    require(certificate.key_bits() == 256 || certificate.key_bits() == 384);
  for (const io::DnsName& name : certificate.names())
    require(std::none_of(name.view().begin(), name.view().end(), is_control));
  const auto again = io::Certificate::parse(written(certificate.native()));
  require(again && again->key_id() == certificate.key_id());
  require(again->names() == certificate.names() && again->key_bits() == certificate.key_bits());
  for (const std::time_t at : {0L, 1'800'000'000L, 4'000'000'000L})
    require(again->validity(at) == certificate.validity(at));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = io::crypto_library_init().has_value();
  require(ready);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string pem = input.starts_with("--") ? std::string(input) : as_pem(input);
  const auto certificate = io::Certificate::parse(pem);
  if (certificate)
    check(*certificate);
  else
    require(!certificate.error().text.empty() &&
            certificate.error().text.find('\n') == std::string::npos);
  require(io::certificate_key_id(pem).has_value() == certificate.has_value());
  return 0;
}
