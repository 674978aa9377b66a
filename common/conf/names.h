// The names of the configuration: host and domain names, accounts, local parts, addresses, paths.
//
// Each is a Text that only the function here makes. Names are folded to lower case where case does
// not matter, so that comparing them is comparing bytes.
#pragma once

#include "common/base/text.h"
#include "common/conf/parsed.h"

#include <string>
#include <string_view>

namespace letterlock::conf {

// RFC 1035 §2.3.4: 255 octets on the wire are 253 characters.
using DomainName = Text<253>;
// RFC 5321 §4.5.3.1.1.
using LocalPart = Text<64>;
using AccountName = Text<32>;
using Path = Text<255>;

struct Address {
  LocalPart local;
  DomainName domain;
  friend bool operator==(const Address&, const Address&) = default;
};

// Lower-case copy; ASCII only.
std::string folded(std::string_view s);

// Labels of letters, digits and inner hyphens (RFC 5890 §2.3.1, LDH; U-labels are written in their
// xn-- form), 63 at most, no final dot, and the last label is not a number (RFC 3696 §2). Folded.
Parsed<DomainName> parse_domain_name(std::string_view s);

// A dot-string of RFC 5321 §4.1.2: no quoting, no UTF-8. Folded, since routes and blocks match
// without regard to ASCII case.
Parsed<LocalPart> parse_local_part(std::string_view s);

// LOCAL@DOMAIN of the two above.
Parsed<Address> parse_address(std::string_view s);

// Lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit; not "no", which
// means the absence of an account. There is no '@' and no ':' in it, so that a login is never
// taken for an address and the name can stand in the passwords file.
Parsed<AccountName> parse_account_name(std::string_view s);

// An absolute path other than "/".
Parsed<Path> parse_path(std::string_view s);

} // namespace letterlock::conf
