// KeyRing: the private keys that keyd holds, and the signatures that it makes with them.
//
// The only place of the system where private keys are. It computes and nothing else: no descriptor,
// no clock, no log. It signs and never decrypts, and signs only digests in their proper padding
// (signature_shape.h), whoever asks.
//
// A key belongs to one or more generations of the configuration and goes with the last of them, so
// that a process that has not switched yet is still served.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/error.h"
#include "common/io/certificate.h"
#include "common/io/crypto.h"
#include "common/io/private_key_operation.h"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace letterlock::keyd {

enum class SignRefusal : std::uint8_t {
  unknown_key,
  wrong_kind,  // an RSA operation on an ECDSA key, or the reverse
  wrong_shape, // the input is no digest in its padding
  failed,      // libcrypto could not; memory is short
};

// For a log.
std::string_view refusal_name(SignRefusal refusal);

struct AddedKey {
  io::KeyId id{};
  // Why the administrator should look at the certificate all the same (it has expired, or is not
  // valid yet); one line.
  std::optional<std::string> warning;
};

class KeyRing {
public:
  using Generation = std::uint32_t;
  // Of different keys; a key in several generations counts once.
  static constexpr std::size_t most_keys = 4096; // a thousand, before and after some reloads

  // Takes the private key in PEM (PKCS #8, or the older forms of RSA and EC keys; unencrypted)
  // whose public half is in the first certificate of CERTIFICATE_CHAIN. NOW decides about the
  // warning only. The key's PEM is wiped before the return, whatever the outcome.
  //
  // Refuses, in one line: an unreadable or encrypted key (nothing is ever prompted for), a kind of
  // key that Certificate refuses, a key that does not match the certificate, one that does not make
  // a signature which the certificate's half confirms, one too many. A refusal changes nothing; to
  // give up a generation that is half added, retire it. Adding a key twice is no fault.
  Expected<AddedKey> add(Generation generation, std::span<std::byte> key_pem,
                         Bytes certificate_chain, std::time_t now);

  // Drops the keys that are in no other generation; libcrypto wipes them. An unknown one is no
  // fault.
  void retire(Generation generation);

  // RSA answers are as long as the modulus, ECDSA answers are DER.
  std::expected<std::vector<std::byte>, SignRefusal> sign(const io::KeyId& key_id,
                                                          io::KeyOperation kind, Bytes input) const;

  std::size_t size() const { return keys_.size(); }

private:
  // Made once: making one takes a tenth of the time of a signature. They own the key.
  using Signers = std::map<io::KeyOperation, io::PkeyContextPtr>;
  struct Key {
    Signers signers; // for what can be done with the kind of key
    std::size_t bits = 0;
    std::set<Generation> generations;
  };

  std::map<io::KeyId, Key> keys_;
};

} // namespace letterlock::keyd
