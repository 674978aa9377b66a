// Messages between the network processes and keyd: signatures with private keys.
#pragma once

#include "common/ipc/message_types.h"

namespace letterlock::ipc {

enum class SignatureKind : std::uint8_t { rsa_raw, rsa_pkcs1, ecdsa };
constexpr std::size_t enumerator_count(SignatureKind) {
  return 3;
}

struct Sign {
  static constexpr std::string_view name = "Sign";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t request{};
  KeyId key{};
  SignatureKind kind{};
  Blob<1024> input; // an RSA block of up to 8192 bits, or a digest
  static constexpr auto fields() {
    return std::tuple(&Sign::request, &Sign::key, &Sign::kind, &Sign::input);
  }
};

// An empty signature is a refusal.
struct Signed {
  static constexpr std::string_view name = "Signed";
  static constexpr Carries carries = Carries::nothing;
  std::uint64_t request{};
  Blob<1024> signature;
  static constexpr auto fields() { return std::tuple(&Signed::request, &Signed::signature); }
};

} // namespace letterlock::ipc
