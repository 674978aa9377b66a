// Reads one command line into a typed command or the one reason why it is none.
//
// Tolerated, because real clients do it: verbs and keywords in any case, spaces after "FROM:" and
// "TO:", several spaces between words, spaces at the end. Refused: every control character, HT
// included, anywhere in the line.
#pragma once

#include "smtpd/command.h"
#include "smtpd/reply.h"

#include <expected>
#include <string>
#include <string_view>

namespace letterlock::smtpd {

enum class CommandFault {
  bad_characters,      // 500 5.5.2
  unknown_command,     // 500 5.5.2
  other_protocol,      // 500 5.5.2; a browser may have been made to say what comes next
  not_implemented,     // 502 5.5.1
  bad_argument,        // 501 5.5.4
  bad_chunk,           // 421 4.7.0; begins as BDAT does, but how much content follows it?
  bad_hello,           // 501, without an enhanced code (RFC 2034 §4)
  bad_sender,          // 501 5.1.7
  bad_recipient,       // 501 5.1.3
  bad_parameter,       // 501 5.5.4
  duplicate_parameter, // 501 5.5.4
  unsupported_value,   // 504 5.5.4
  unknown_parameter,   // 555 5.5.4
};

// Whether LINE, of which the first four octets are enough, begins as BDAT does: content may follow
// it, whatever is wrong with it.
bool announces_content(std::string_view line);

// LINE is without its CR LF. Paths are read with UTF-8 allowed; whether the transaction allows it
// is for the session to say.
std::expected<Command, CommandFault> parse_command(std::string_view line);

const Reply& reply_to(CommandFault fault);

// The verbs that there are commands for, separated by spaces; STARTTLS only where it can be said.
std::string command_names(bool with_starttls);

} // namespace letterlock::smtpd
