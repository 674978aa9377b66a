// Certificate: the server's own certificate, the first of a PEM chain; what is in it of use to us.
#pragma once

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/io/crypto.h"
#include "common/io/private_key_operation.h"

#include <cstdint>
#include <ctime>
#include <string_view>
#include <vector>

namespace letterlock::io {

enum class KeyType : std::uint8_t { rsa, ecdsa };
enum class Validity : std::uint8_t { not_yet, valid, expired };

using DnsName = Text<253>; // RFC 1035 §2.3.4, without the final dot

// Its public key is one that this system signs with: RSA of 2048 to 4096 bits, or ECDSA on P-256 or
// P-384. Who issued it and to whom is the administrator's business and is not looked at.
class Certificate {
public:
  // Fails with what is wrong if there is no PEM certificate or its key is none of the above. What
  // follows the first certificate is not looked at.
  static Expected<Certificate> parse(std::string_view pem_chain);

  const KeyId& key_id() const { return key_id_; }
  KeyType key_type() const { return key_type_; }
  int key_bits() const { return key_bits_; }

  Validity validity(std::time_t at) const;
  // The dNSNames of subjectAltName (RFC 5280 §4.2.1.6), for a log; those that cannot be the name of
  // a host because of a control character or their length are left out.
  std::vector<DnsName> names() const;

  // Borrowed; valid as long as this object.
  X509* native() const { return x509_.get(); }

private:
  Certificate(X509Ptr x509, const KeyId& id, KeyType type, int bits)
      : x509_(std::move(x509)), key_id_(id), key_type_(type), key_bits_(bits) {}

  X509Ptr x509_;
  KeyId key_id_;
  KeyType key_type_;
  int key_bits_;
};

// The same without keeping the certificate.
Expected<KeyId> certificate_key_id(std::string_view pem_chain);
Expected<std::vector<DnsName>> certificate_names(std::string_view pem_chain);

} // namespace letterlock::io
