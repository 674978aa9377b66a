// parse_command: a table of verbs, each with the function that reads its arguments.
#include "libpop3/command_parser.h"

#include <algorithm>
#include <array>
#include <utility>

namespace letterlock::pop3 {
namespace {

using Parsed = std::expected<Command, SyntaxFault>;

Parsed refuse(SyntaxFault fault) {
  return std::unexpected(fault);
}

// ASCII alone: the keywords of a protocol have no locale.
bool is_keyword(std::string_view word, std::string_view keyword) {
  return std::equal(word.begin(), word.end(), keyword.begin(), keyword.end(), [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

// The argument before the next space, and what is behind it. Two spaces in a row make an argument
// that is empty, which no number is.
struct Arguments {
  explicit Arguments(std::string_view rest)
      : rest_(rest.substr(0, rest.find_last_not_of(' ') + 1)) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view next() {
    const auto space = rest_.find(' ');
    const std::string_view argument = rest_.substr(0, space);
    rest_.remove_prefix(space == std::string_view::npos ? rest_.size() : space + 1);
    return argument;
  }

private:
  std::string_view rest_;
};

template <class C> Parsed parse_bare(std::string_view rest) {
  if (!Arguments(rest).at_end())
    return refuse(SyntaxFault::surplus_argument);
  return C{};
}

template <class C> Parsed parse_message(std::string_view rest) {
  Arguments arguments(rest);
  if (arguments.at_end())
    return refuse(SyntaxFault::missing_argument);
  const auto message = MessageNumber::parse(arguments.next());
  if (!message)
    return refuse(SyntaxFault::bad_message_number);
  if (!arguments.at_end())
    return refuse(SyntaxFault::surplus_argument);
  return C{*message};
}

template <class C> Parsed parse_message_or_all(std::string_view rest) {
  if (Arguments(rest).at_end())
    return C{};
  return parse_message<C>(rest);
}

Parsed parse_top(std::string_view rest) {
  Arguments arguments(rest);
  if (arguments.at_end())
    return refuse(SyntaxFault::missing_argument);
  const auto message = MessageNumber::parse(arguments.next());
  if (!message)
    return refuse(SyntaxFault::bad_message_number);
  if (arguments.at_end())
    return refuse(SyntaxFault::missing_argument);
  const auto lines = parse_line_count(arguments.next());
  if (!lines)
    return refuse(SyntaxFault::bad_line_count);
  if (!arguments.at_end())
    return refuse(SyntaxFault::surplus_argument);
  return command::Retrieve{*message, Extent{*lines}};
}

Parsed parse_user(std::string_view rest) {
  Arguments arguments(rest);
  if (arguments.at_end())
    return refuse(SyntaxFault::missing_argument);
  const auto name = UserName::from(arguments.next());
  if (!name || name->empty())
    return refuse(SyntaxFault::bad_user_name);
  if (!arguments.at_end())
    return refuse(SyntaxFault::surplus_argument);
  return command::User{*name};
}

Parsed parse_pass(std::string_view rest) {
  if (rest.empty())
    return refuse(SyntaxFault::missing_argument);
  const auto password = Password::from(rest);
  if (!password)
    return refuse(SyntaxFault::bad_password);
  return command::Pass{*password};
}

// RFC 5034 §4: the initial response is one argument; "=" stands for an empty one.
Parsed parse_auth(std::string_view rest) {
  Arguments arguments(rest);
  if (arguments.at_end())
    return refuse(SyntaxFault::missing_argument);
  if (!is_keyword(arguments.next(), "PLAIN"))
    return refuse(SyntaxFault::unknown_mechanism);
  if (arguments.at_end())
    return command::Auth{std::nullopt};
  const std::string_view response = arguments.next();
  if (!arguments.at_end())
    return refuse(SyntaxFault::surplus_argument);
  return command::Auth{parse_plain(response)};
}

struct Verb {
  std::string_view keyword;
  Parsed (*parse)(std::string_view rest);
};

// In the order of a usual session.
constexpr std::array verbs = {
    Verb{"CAPA", parse_bare<command::Capa>},
    Verb{"STLS", parse_bare<command::Stls>},
    Verb{"USER", parse_user},
    Verb{"PASS", parse_pass},
    Verb{"AUTH", parse_auth},
    Verb{"UTF8", parse_bare<command::Utf8>},
    Verb{"STAT", parse_bare<command::Stat>},
    Verb{"UIDL", parse_message_or_all<command::Uidl>},
    Verb{"LIST", parse_message_or_all<command::List>},
    Verb{"TOP", parse_top},
    Verb{"RETR", parse_message<command::Retrieve>},
    Verb{"DELE", parse_message<command::Dele>},
    Verb{"NOOP", parse_bare<command::Noop>},
    Verb{"RSET", parse_bare<command::Rset>},
    Verb{"QUIT", parse_bare<command::Quit>},
};

} // namespace

std::string_view text_of(SyntaxFault fault) {
  switch (fault) {
  case SyntaxFault::unknown_command:
    return "unknown command";
  case SyntaxFault::missing_argument:
    return "an argument is missing";
  case SyntaxFault::surplus_argument:
    return "too many arguments";
  case SyntaxFault::bad_message_number:
    return "not a message number";
  case SyntaxFault::bad_line_count:
    return "not a number of lines";
  case SyntaxFault::bad_user_name:
    return "not a user name";
  case SyntaxFault::bad_password:
    return "the password is too long";
  case SyntaxFault::unknown_mechanism:
    return "not a mechanism of AUTH that there is here";
  }
  std::unreachable();
}

std::expected<Command, SyntaxFault> parse_command(std::string_view line) {
  const auto space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  const auto verb = std::find_if(verbs.begin(), verbs.end(),
                                 [word](const Verb& v) { return is_keyword(word, v.keyword); });
  if (verb == verbs.end())
    return refuse(SyntaxFault::unknown_command);
  return verb->parse(space == std::string_view::npos ? "" : line.substr(space + 1));
}

} // namespace letterlock::pop3
