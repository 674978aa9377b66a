// parse_command: one line of a POP3 client becomes a Command, or the fault that it has.
//
// Keywords are taken in any case (RFC 1939 §3). One space follows the keyword and stands between
// arguments; spaces at the end of a line are ignored, as deployed clients send them. PASS is the
// exception: all that follows its one space is the password (RFC 1939 §7), spaces and all.
#pragma once

#include "libpop3/command.h"

#include <cstdint>
#include <expected>
#include <string_view>

namespace letterlock::pop3 {

enum class SyntaxFault : std::uint8_t {
  unknown_command,
  missing_argument,
  surplus_argument,
  bad_message_number,
  bad_line_count,
  bad_user_name,
  bad_password,
  unknown_mechanism,
};

// What a person is told about it, to stand behind "-ERR ".
std::string_view text_of(SyntaxFault fault);

// LINE is without its CR LF, and may hold anything else.
std::expected<Command, SyntaxFault> parse_command(std::string_view line);

} // namespace letterlock::pop3
