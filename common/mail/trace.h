// The trace fields that a server puts before a message: Received, Return-Path, Delivered-To.
//
// Source: RFC 5321 §4.4; RFC 3848 and RFC 6531 §4.3 for the "with" part. Each function
// returns one whole field, folded to lines of 78 octets where there is a place to fold. Lines end
// in LF, as everything in the store does; whoever sends a message to the network makes CR LF of
// them. All parts are types that hold no control character, so nothing that a client said can add a
// line.
#pragma once

#include "common/base/text.h"
#include "common/mail/address_literal.h"
#include "common/mail/date.h"
#include "common/mail/hello_name.h"
#include "common/mail/path.h"

#include <optional>
#include <string>
#include <string_view>

namespace letterlock::mail {

// How a connection is protected, as the TLS library names it.
struct TlsInfo {
  Text<32> version; // "TLSv1.3"
  Text<64> cipher;  // "AEAD-AES256-GCM-SHA384"
};

// What sort of SMTP brought a message.
struct WithProtocol {
  bool extended = false; // EHLO
  bool tls = false;
  bool authenticated = false;
  bool utf8 = false; // MAIL with SMTPUTF8

  // "SMTP", "ESMTPS", "UTF8SMTPSA", ...; the S and A of plain SMTP are not registered, so only
  // EHLO shows them.
  std::string text() const;
};

struct Received {
  std::optional<HelloName> from_name; // none: the client never said one
  AddressLiteral from_address;
  Text<255> by;
  WithProtocol with;
  std::optional<TlsInfo> tls;
  Text<64> id;                     // an atom
  std::optional<Mailbox> only_for; // set only if there is exactly one recipient
  WallTime when;
};

std::string received_field(const Received& received);
std::string return_path_field(const ReversePath& path);
std::string delivered_to_field(const Mailbox& recipient);

} // namespace letterlock::mail
