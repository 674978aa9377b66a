// bcrypt by the system's library: libxcrypt where there is <crypt.h>, libc on OpenBSD.
#include "letterlock/bcrypt.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#if __has_include(<crypt.h>)
#include <crypt.h>
#else
#include <pwd.h>
#include <unistd.h>
#endif

namespace letterlock::command {

namespace {

Expected<conf::Verifier> checked(std::string_view hash) {
  const auto verifier = conf::parse_verifier(hash);
  if (!verifier)
    return fail("the system's crypt library makes no bcrypt verifiers of the kind $2b$");
  return *verifier;
}

} // namespace

#if __has_include(<crypt.h>)

Expected<conf::Verifier> make_verifier(const conf::Password& password, unsigned cost) {
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  // No bytes given: it takes them from the kernel.
  const std::unique_ptr<char, Free> salt(::crypt_gensalt_ra("$2b$", cost, nullptr, 0));
  if (!salt)
    return fail_errno("a salt for bcrypt");

  // 32 KiB that hold the password among other things: not on the stack, and wiped.
  struct WipedData : crypt_data {
    ~WipedData() { wipe_memory(static_cast<crypt_data*>(this), sizeof(crypt_data)); }
  };
  const auto data = std::make_unique<WipedData>();
  // Secret ends its text with NUL only where there is room.
  std::array<char, conf::Password::capacity + 1> phrase{};
  const std::string_view text = password.reveal();
  text.copy(phrase.data(), text.size());
  const char* hash = ::crypt_r(phrase.data(), salt.get(), data.get());
  wipe_memory(phrase.data(), phrase.size());
  if (!hash)
    return fail_errno("bcrypt");
  return checked(hash);
}

#else

Expected<conf::Verifier> make_verifier(const conf::Password& password, unsigned cost) {
  std::array<char, conf::Password::capacity + 1> phrase{};
  const std::string_view text = password.reveal();
  text.copy(phrase.data(), text.size());
  std::array<char, 128> hash{};
  const std::string preference = "bcrypt," + std::to_string(cost);
  const int fault = ::crypt_newhash(phrase.data(), preference.c_str(), hash.data(), hash.size());
  wipe_memory(phrase.data(), phrase.size());
  if (fault != 0)
    return fail_errno("bcrypt");
  return checked(hash.data());
}

#endif

} // namespace letterlock::command
