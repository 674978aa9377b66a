// bcrypt by the system's crypt(3).
#include "authd/password_check.h"

#include <crypt.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace letterlock::authd {

namespace {

// Its working memory holds the password.
struct WipedCryptData {
  crypt_data data{};
  ~WipedCryptData() { wipe_memory(&data, sizeof data); }
};

// Neither the time nor the place of the first difference shows.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size())
    return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |=
        static_cast<unsigned char>(a[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(b[i]));
  return difference == 0;
}

std::string hash(std::string_view password, std::string_view setting) {
  const auto work = std::make_unique<WipedCryptData>();
  std::string terminated_password(password);
  const std::string terminated_setting(setting);
  const char* const result =
      ::crypt_r(terminated_password.c_str(), terminated_setting.c_str(), &work->data);
  wipe_memory(terminated_password.data(), terminated_password.size());
  return result == nullptr ? std::string() : std::string(result);
}

} // namespace

bool password_matches(std::string_view password, const conf::Verifier& verifier) {
  // Hashed all the same: the time must not tell that it was too long.
  const std::string hashed = hash(password.substr(0, conf::max_password_length), verifier.reveal());
  return equal_in_constant_time(hashed, verifier.reveal()) &&
         password.size() <= conf::max_password_length;
}

conf::Verifier make_dummy_verifier(unsigned cost) {
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  if (::crypt_gensalt_rn("$2b$", cost, nullptr, 0, salt, sizeof salt) == nullptr)
    throw std::runtime_error("crypt(3) knows no bcrypt");
  // A salt with any 31 characters of a hash behind it is a verifier.
  const auto verifier = conf::Verifier::from(std::string(salt) + std::string(31, '.'));
  return verifier.value();
}

unsigned cost_of(const conf::Verifier& verifier) {
  const std::string_view text = verifier.reveal(); // "$2b$NN$", as its parser saw to
  return static_cast<unsigned>(text[4] - '0') * 10 + static_cast<unsigned>(text[5] - '0');
}

} // namespace letterlock::authd
