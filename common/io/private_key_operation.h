// PrivateKeyOperation: one use of a private key that lives in another process.
//
// Plain data, shared by the process that needs a signature and the one that makes it.
#pragma once

#include "common/base/byte_reader.h"

#include <array>
#include <cstdint>

namespace letterlock::io {

// Names a key pair: SHA-256 of the public key as it stands in the certificate, that is of the
// contents of subjectPublicKey (RFC 5280 §4.1): RSAPublicKey in DER (RFC 8017 §A.1.1), or the
// uncompressed point (RFC 5480 §2.2).
using KeyId = std::array<std::uint8_t, 32>;

enum class KeyOperation : std::uint8_t {
  rsa_raw, // RSA of a block as long as the modulus; TLS sends finished PSS blocks (RFC 8017 §9.1)
  rsa_pkcs1, // RSA of a DigestInfo, to be padded first (RFC 8017 §9.2)
  ecdsa,     // ECDSA of a digest; the answer is an Ecdsa-Sig-Value in DER (RFC 3279 §2.2.3)
};

struct PrivateKeyOperation {
  KeyId key_id{};
  KeyOperation kind = KeyOperation::rsa_raw;
  Bytes input; // valid during the call only
};

} // namespace letterlock::io
