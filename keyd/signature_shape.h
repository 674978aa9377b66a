// What keyd is willing to sign: the shapes that a digest takes on its way into a signature.
//
// RSA signing and RSA decryption are the same arithmetic. Were any block accepted, a process that
// may ask for signatures could read recorded sessions that used the key for encryption, or sign
// what it likes. So a block must prove that it is a padded SHA-2 digest.
#pragma once

#include "common/base/byte_reader.h"

#include <cstddef>

namespace letterlock::keyd {

// The DER of a DigestInfo with SHA-256, SHA-384 or SHA-512, in the one form of RFC 8017 §9.2
// note 1.
bool is_digest_info(Bytes input);

// As long as one of these digests. Longer than the curve's order is right, ECDSA cuts it.
bool is_digest(Bytes input);

// A block that EMSA-PSS-ENCODE (RFC 8017 §9.1.1) can have made for a modulus of MODULUS_BITS: as
// long as the modulus, unused bits 0, trailer 0xbc, and below the mask nothing but zeros, a 1 and a
// salt as long as the digest, which is what TLS prescribes (RFC 8446 §4.2.3). MGF1 and digest are
// SHA-256, SHA-384 or SHA-512.
bool is_pss_block(Bytes block, std::size_t modulus_bits);

} // namespace letterlock::keyd
