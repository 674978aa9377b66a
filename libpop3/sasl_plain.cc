// SASL PLAIN: [authzid] NUL authcid NUL passwd.
#include "libpop3/sasl_plain.h"

#include "common/base/base64.h"

#include <array>

namespace letterlock::pop3 {

namespace {

// The longest that is taken: both names, the password, and the two NULs.
struct Decoded {
  std::array<char, 2 * max_user_name + max_password + 2> octets;
  ~Decoded() { wipe_memory(octets.data(), octets.size()); }
};

} // namespace

static_assert(max_line >= sizeof "AUTH PLAIN " + (sizeof(Decoded) + 2) / 3 * 4);

std::expected<Credentials, PlainFault> parse_plain(std::string_view response) {
  if (response == "*")
    return std::unexpected(PlainFault::cancelled);
  Decoded decoded;
  const auto size = decode_base64(response, decoded.octets);
  if (!size)
    return std::unexpected(PlainFault::malformed);
  const std::string_view message(decoded.octets.data(), *size);
  const auto first = message.find('\0');
  const auto second = message.find('\0', first == message.npos ? first : first + 1);
  if (second == message.npos)
    return std::unexpected(PlainFault::malformed);
  const std::string_view acting_as = message.substr(0, first);
  const auto user = UserName::from(message.substr(first + 1, second - first - 1));
  // A third NUL is refused with the password that would hold it.
  const auto password = Password::from(message.substr(second + 1));
  if (!user || user->empty() || !password || password->empty())
    return std::unexpected(PlainFault::malformed);
  if (!acting_as.empty() && acting_as != user->view())
    return std::unexpected(PlainFault::foreign);
  return Credentials{*user, *password};
}

} // namespace letterlock::pop3
