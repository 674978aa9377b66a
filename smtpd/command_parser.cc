// The table of verbs, and a reader for each kind of argument.
#include "smtpd/command_parser.h"

#include "common/base/text.h"
#include "common/mail/ascii.h"
#include "smtpd/parameters.h"
#include "smtpd/replies.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace letterlock::smtpd {

namespace {

using mail::equal_ignoring_case;
using Parsed = std::expected<Command, CommandFault>;

std::unexpected<CommandFault> refuse(CommandFault fault) {
  return std::unexpected(fault);
}

// ARGUMENT is what follows the verb: empty, or beginning with a space; never ending in one.
using ReadArgument = Parsed (*)(std::string_view argument);

std::string_view skip_spaces(std::string_view s) {
  return s.substr(std::min(s.find_first_not_of(' '), s.size()));
}

template <class Hello> Parsed read_hello(std::string_view argument) {
  const auto name = mail::HelloName::parse(skip_spaces(argument));
  if (!name)
    return refuse(CommandFault::bad_hello);
  return Hello{*name};
}

template <class Verb> Parsed read_no_argument(std::string_view argument) {
  if (!argument.empty())
    return refuse(CommandFault::bad_argument);
  return Verb{};
}

template <class Verb> Parsed read_any_argument(std::string_view) {
  return Verb{};
}

template <class Verb> Parsed read_some_argument(std::string_view argument) {
  if (argument.empty())
    return refuse(CommandFault::bad_argument);
  return Verb{};
}

// Takes " FROM:" or " TO:" and the spaces about it.
bool take_preposition(std::string_view& argument, std::string_view preposition) {
  auto rest = skip_spaces(argument);
  if (!equal_ignoring_case(rest.substr(0, preposition.size()), preposition))
    return false;
  argument = skip_spaces(rest.substr(preposition.size()));
  return true;
}

Parsed read_mail(std::string_view argument) {
  if (!take_preposition(argument, "FROM:"))
    return refuse(CommandFault::bad_argument);
  auto path = mail::take_reverse_path(argument, mail::Charset::utf8);
  if (!path)
    return refuse(CommandFault::bad_sender);
  Mail mail;
  mail.reverse_path = *std::move(path);
  if (const auto fault = read_mail_parameters(argument, mail))
    return refuse(*fault);
  return mail;
}

Parsed read_rcpt(std::string_view argument) {
  if (!take_preposition(argument, "TO:"))
    return refuse(CommandFault::bad_argument);
  auto path = mail::take_forward_path(argument, mail::Charset::utf8);
  if (!path)
    return refuse(CommandFault::bad_recipient);
  if (const auto fault = read_rcpt_parameters(argument))
    return refuse(*fault);
  return Rcpt{*std::move(path)};
}

// RFC 3030 §2: "BDAT" SP chunk-size [SP "LAST"].
Parsed read_bdat(std::string_view argument) {
  auto rest = skip_spaces(argument);
  const auto digits = rest.substr(0, rest.find(' '));
  rest = skip_spaces(rest.substr(digits.size()));
  Bdat bdat;
  const auto* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, bdat.size);
  const bool is_number = !digits.empty() && error == std::errc() && stopped == end;
  bdat.last = equal_ignoring_case(rest, "LAST");
  if (!is_number || (!bdat.last && !rest.empty()))
    return refuse(CommandFault::bad_chunk);
  return bdat;
}

struct Verb {
  std::string_view name;
  ReadArgument read; // none: known, but there is no such command here
  CommandFault fault = CommandFault::not_implemented;
};
constexpr std::array verbs = {
    Verb{"EHLO", read_hello<Ehlo>},
    Verb{"HELO", read_hello<Helo>},
    Verb{"MAIL", read_mail},
    Verb{"RCPT", read_rcpt},
    Verb{"DATA", read_no_argument<Data>},
    Verb{"BDAT", read_bdat},
    Verb{"RSET", read_no_argument<Rset>},
    Verb{"NOOP", read_any_argument<Noop>},
    Verb{"QUIT", read_no_argument<Quit>},
    Verb{"VRFY", read_some_argument<Vrfy>},
    Verb{"EXPN", read_some_argument<Expn>},
    Verb{"HELP", read_any_argument<Help>},
    Verb{"STARTTLS", read_no_argument<StartTls>},
    Verb{"AUTH", nullptr},
    Verb{"ETRN", nullptr},
    Verb{"SEND", nullptr},
    Verb{"SOML", nullptr},
    Verb{"SAML", nullptr},
    Verb{"TURN", nullptr},
    // A web page can make a browser connect here and say these, and then whatever it likes.
    Verb{"GET", nullptr, CommandFault::other_protocol},
    Verb{"POST", nullptr, CommandFault::other_protocol},
    Verb{"PUT", nullptr, CommandFault::other_protocol},
    Verb{"HEAD", nullptr, CommandFault::other_protocol},
    Verb{"OPTIONS", nullptr, CommandFault::other_protocol},
    Verb{"CONNECT", nullptr, CommandFault::other_protocol},
};

} // namespace

bool announces_content(std::string_view line) {
  constexpr std::string_view verb = "BDAT";
  return equal_ignoring_case(line.substr(0, verb.size()), verb);
}

// RFC 5321 §4.1.1: white space at the end is to be borne with.
Parsed parse_command(std::string_view line) {
  line = line.substr(0, line.find_last_not_of(" \t") + 1);
  if (std::any_of(line.begin(), line.end(), is_control))
    return refuse(announces_content(line) ? CommandFault::bad_chunk : CommandFault::bad_characters);
  const auto name = line.substr(0, line.find(' '));
  const auto verb = std::find_if(verbs.begin(), verbs.end(),
                                 [&](const Verb& v) { return equal_ignoring_case(v.name, name); });
  if (verb == verbs.end())
    return refuse(announces_content(line) ? CommandFault::bad_chunk
                                          : CommandFault::unknown_command);
  if (!verb->read)
    return refuse(verb->fault);
  return verb->read(line.substr(name.size()));
}

const Reply& reply_to(CommandFault fault) {
  switch (fault) {
  case CommandFault::bad_characters:
    return replies::bad_characters;
  case CommandFault::unknown_command:
    return replies::unknown_command;
  case CommandFault::other_protocol:
    return replies::other_protocol;
  case CommandFault::not_implemented:
    return replies::not_implemented;
  case CommandFault::bad_argument:
    return replies::bad_argument;
  case CommandFault::bad_chunk:
    return replies::bad_chunk;
  case CommandFault::bad_hello:
    return replies::bad_hello;
  case CommandFault::bad_sender:
    return replies::bad_sender;
  case CommandFault::bad_recipient:
    return replies::bad_recipient;
  case CommandFault::bad_parameter:
    return replies::bad_parameter;
  case CommandFault::duplicate_parameter:
    return replies::duplicate_parameter;
  case CommandFault::unsupported_value:
    return replies::unsupported_value;
  case CommandFault::unknown_parameter:
    return replies::unknown_parameter;
  }
  return replies::unknown_command; // not reached: the switch is complete
}

std::string command_names(bool with_starttls) {
  std::string names;
  for (const Verb& verb : verbs)
    if (verb.read && (with_starttls || verb.name != "STARTTLS"))
      (names += names.empty() ? "" : " ") += verb.name;
  return names;
}

} // namespace letterlock::smtpd
