// What an administrator sets for SMTP sessions, and the limits that each has.
#pragma once

#include "common/base/text.h"
#include "smtpd/content.h"

#include <cstdint>

namespace letterlock::smtpd {

struct SessionSettings {
  Text<255> hostname = "localhost";
  ContentLimits content;           // content.size is what SIZE announces
  std::uint32_t recipients = 1000; // of one message (RFC 5321 §4.5.3.1.8 asks for 100)
  bool offer_starttls = false;
  bool offer_smtputf8 = true;

  // How many of each a connection may have before the next one is answered 421 and ends it.
  std::uint32_t transactions = 1000;    // MAIL commands that were accepted
  std::uint32_t bad_commands = 10;      // that were no commands or out of order
  std::uint32_t idle_commands = 100;    // EHLO, RSET, NOOP, ... since the last accepted message
  std::uint32_t refused_attempts = 100; // senders and recipients that were turned away
  // Of the two before together: how many are answered at once; each further one has to wait.
  std::uint32_t quick_errors = 10;
};

} // namespace letterlock::smtpd
