// The commands of SMTP as types that only hold what is right.
//
// Source: RFC 5321 §4.1.1; RFC 1870 (SIZE), RFC 3030 (BDAT), RFC 6152 (BODY), RFC 6531 (SMTPUTF8),
// RFC 3207 (STARTTLS).
#pragma once

#include "common/mail/hello_name.h"
#include "common/mail/path.h"

#include <cstdint>
#include <optional>
#include <variant>

namespace letterlock::smtpd {

enum class Body : std::uint8_t { seven_bit, eight_bit_mime };

struct Helo {
  mail::HelloName name;
};
struct Ehlo {
  mail::HelloName name;
};
struct Mail {
  mail::ReversePath reverse_path;
  std::optional<std::uint64_t> size; // octets; what does not fit in 64 bits is the largest number
  std::optional<Body> body;
  bool smtputf8 = false;
};
struct Rcpt {
  mail::ForwardPath forward_path;
};
struct Data {};
struct Bdat {
  std::uint64_t size = 0; // octets that follow the line
  bool last = false;
};
struct Rset {};
struct Noop {};
struct Quit {};
struct Vrfy {};
struct Expn {};
struct Help {};
struct StartTls {};

using Command =
    std::variant<Helo, Ehlo, Mail, Rcpt, Data, Bdat, Rset, Noop, Quit, Vrfy, Expn, Help, StartTls>;

} // namespace letterlock::smtpd
