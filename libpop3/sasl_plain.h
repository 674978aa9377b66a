// The client's response of SASL PLAIN (RFC 4616), as AUTH carries it (RFC 5034).
#pragma once

#include "common/base/secret.h"
#include "common/base/text.h"
#include "libpop3/limits.h"

#include <cstdint>
#include <expected>
#include <string_view>

namespace letterlock::pop3 {

using UserName = Text<max_user_name>;
using Password = Secret<max_password>;

struct Credentials {
  UserName user;
  Password password;
};

enum class PlainFault : std::uint8_t {
  cancelled, // the client sent "*"
  malformed, // no base64, or not what RFC 4616 §2 wants in it, or longer than we take
  foreign,   // one user wants to act as another
};

// RESPONSE is the line, or the second argument of AUTH, still in base64; "=" stands for an empty
// one in the latter only, and no response of PLAIN is empty. The authorization identity is empty or
// the same as the name: nobody acts for others here.
std::expected<Credentials, PlainFault> parse_plain(std::string_view response);

} // namespace letterlock::pop3
