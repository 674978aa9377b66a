// Base64, hexadecimal ids and SASL PLAIN: a text stands for one value and a value for one text.
#include "common/base/base64.h"
#include "common/base/id128.h"
#include "libpop3/sasl_plain.h"
#include "tests/fuzz/fuzz.h"

#include <cstring>
#include <vector>

using namespace letterlock;
using fuzz::require;

namespace {

// RFC 4648 §4.
std::string encoded(std::string_view octets) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (; !octets.empty(); octets.remove_prefix(std::min<std::size_t>(octets.size(), 3))) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < octets.size() ? static_cast<unsigned char>(octets[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= octets.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

// Into room of just so many octets, behind which nothing may be written.
std::optional<std::string> decoded(std::string_view text, std::size_t room) {
  std::vector<char> into(room);
  const auto size = decode_base64(text, into);
  if (!size)
    return std::nullopt;
  require(*size <= room);
  return std::string(into.data(), *size);
}

bool is_same(const pop3::Credentials& a, const pop3::Credentials& b) {
  return a.user == b.user && a.password.reveal() == b.password.reveal();
}

// In the words of RFC 4616 §2.
void check_plain(std::string_view acting_as, std::string_view user, std::string_view password) {
  std::string message(acting_as);
  message.append(1, '\0').append(user).append(1, '\0').append(password);
  const auto parsed = pop3::parse_plain(encoded(message));
  const auto name = pop3::UserName::from(user);
  const bool whole =
      name && !user.empty() && !password.empty() && acting_as.find('\0') == acting_as.npos &&
      password.find('\0') == password.npos && password.size() <= pop3::max_password &&
      message.size() <= 2 * pop3::max_user_name + pop3::max_password + 2;
  const bool own = acting_as.empty() || acting_as == user;
  require(parsed.has_value() == (whole && own));
  if (parsed)
    require(parsed->user == user && parsed->password.reveal() == password);
  else
    require(parsed.error() == (whole ? pop3::PlainFault::foreign : pop3::PlainFault::malformed));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto octets = decoded(text, size)) {
    require(encoded(*octets) == text);
    require(decoded(text, octets->size()) == octets);
    if (!octets->empty())
      require(!decoded(text, octets->size() - 1));
  }
  require(decoded(encoded(text), size) == text);

  if (const auto id = Id128::from_hex(text))
    require(Id128::from_hex(id->hex()) == id && id->hex().size() == text.size());
  Id128 id;
  std::memcpy(id.bytes.data(), data, std::min(size, id.bytes.size()));
  require(Id128::from_hex(id.hex()) == id);

  if (const auto plain = pop3::parse_plain(text)) {
    std::string message(1, '\0');
    message.append(plain->user.view()).append(1, '\0').append(plain->password.reveal());
    const auto again = pop3::parse_plain(encoded(message));
    require(again && is_same(*again, *plain));
  }
  fuzz::Input input(text);
  const auto acting_as = input.line();
  const auto user = input.line();
  check_plain(acting_as, user, input.rest());
  check_plain("", user, input.rest());
  return 0;
}
