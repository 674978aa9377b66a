// The ESMTP parameters of MAIL and RCPT: "SIZE=1000 BODY=8BITMIME SMTPUTF8".
//
// Source: RFC 5321 §4.1.2 (esmtp-param), §4.1.1.11 (555 for unknown ones).
#pragma once

#include "smtpd/command.h"
#include "smtpd/command_parser.h"

#include <optional>
#include <string_view>

namespace letterlock::smtpd {

// TEXT is what follows the path: empty, or beginning with a space. Sets what it reads in MAIL.
std::optional<CommandFault> read_mail_parameters(std::string_view text, Mail& mail);
// None is known yet.
std::optional<CommandFault> read_rcpt_parameters(std::string_view text);

} // namespace letterlock::smtpd
