// libcrypto's start-up and its errors.
#include "common/io/crypto.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <string>

namespace letterlock::io {

Expected<void> crypto_library_init() {
  constexpr std::uint64_t once = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                                 OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS;
  if (OPENSSL_init_crypto(once, nullptr) != 1)
    return fail_crypto("libcrypto does not start");
  std::array<unsigned char, 16> seeded{};
  if (RAND_bytes(seeded.data(), seeded.size()) != 1)
    return fail_crypto("libcrypto has no random numbers");
  ::tzset();
  return {};
}

std::unexpected<Error> fail_crypto(std::string_view what) {
  std::string text(what);
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  if (reason != nullptr)
    text.append(": ").append(reason);
  ERR_clear_error();
  return fail(std::move(text));
}

} // namespace letterlock::io
