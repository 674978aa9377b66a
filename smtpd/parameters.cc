// One table of keywords for each command; a keyword may stand once.
#include "smtpd/parameters.h"

#include "common/mail/ascii.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

namespace letterlock::smtpd {

namespace {

using mail::equal_ignoring_case;
using MaybeFault = std::optional<CommandFault>;

struct Parameter {
  std::string_view keyword;
  std::optional<std::string_view> value;
};

// RFC 1870 §3: 1*20DIGIT, which may be more than 64 bits hold, and is then too big in any case.
MaybeFault read_size(std::optional<std::string_view> value, Mail& mail) {
  if (!value || value->empty() || value->size() > 20 ||
      !std::all_of(value->begin(), value->end(), mail::is_digit))
    return CommandFault::bad_parameter;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), size);
  mail.size = error == std::errc() ? size : std::numeric_limits<std::uint64_t>::max();
  return std::nullopt;
}

MaybeFault read_body(std::optional<std::string_view> value, Mail& mail) {
  if (!value)
    return CommandFault::bad_parameter;
  if (equal_ignoring_case(*value, "7BIT"))
    mail.body = Body::seven_bit;
  else if (equal_ignoring_case(*value, "8BITMIME"))
    mail.body = Body::eight_bit_mime;
  else
    return CommandFault::unsupported_value;
  return std::nullopt;
}

MaybeFault read_smtputf8(std::optional<std::string_view> value, Mail& mail) {
  if (value)
    return CommandFault::bad_parameter;
  mail.smtputf8 = true;
  return std::nullopt;
}

struct MailKeyword {
  std::string_view keyword;
  MaybeFault (*read)(std::optional<std::string_view> value, Mail& mail);
};
constexpr std::array mail_keywords = {
    MailKeyword{"SIZE", read_size},
    MailKeyword{"BODY", read_body},
    MailKeyword{"SMTPUTF8", read_smtputf8},
};

bool is_keyword(std::string_view s) {
  return !s.empty() && mail::is_letter_or_digit(s.front()) &&
         std::all_of(s.begin(), s.end(),
                     [](char c) { return mail::is_letter_or_digit(c) || c == '-'; });
}

// esmtp-value: visible characters but "=", or UTF-8 (RFC 6531 §3.3).
bool is_value(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return (mail::is_visible(c) && c != '=') || mail::is_non_ascii(c);
  });
}

std::optional<Parameter> as_parameter(std::string_view word) {
  const auto equals = word.find('=');
  Parameter parameter{word.substr(0, equals), std::nullopt};
  if (equals != std::string_view::npos)
    parameter.value = word.substr(equals + 1);
  if (!is_keyword(parameter.keyword) || (parameter.value && !is_value(*parameter.value)))
    return std::nullopt;
  return parameter;
}

// Takes the next word; empty at the end.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

} // namespace

MaybeFault read_mail_parameters(std::string_view text, Mail& mail) {
  if (!text.empty() && text.front() != ' ')
    return CommandFault::bad_argument;
  std::array<bool, mail_keywords.size()> seen{};
  for (auto word = take_word(text); !word.empty(); word = take_word(text)) {
    const auto parameter = as_parameter(word);
    if (!parameter)
      return CommandFault::bad_parameter;
    const auto known =
        std::find_if(mail_keywords.begin(), mail_keywords.end(), [&](const MailKeyword& k) {
          return equal_ignoring_case(k.keyword, parameter->keyword);
        });
    if (known == mail_keywords.end())
      return CommandFault::unknown_parameter;
    auto& seen_before = seen[static_cast<std::size_t>(known - mail_keywords.begin())];
    if (std::exchange(seen_before, true))
      return CommandFault::duplicate_parameter;
    if (const auto fault = known->read(parameter->value, mail))
      return fault;
  }
  return std::nullopt;
}

MaybeFault read_rcpt_parameters(std::string_view text) {
  if (!text.empty() && text.front() != ' ')
    return CommandFault::bad_argument;
  const auto word = take_word(text);
  if (word.empty())
    return std::nullopt;
  return as_parameter(word) ? CommandFault::unknown_parameter : CommandFault::bad_parameter;
}

} // namespace letterlock::smtpd
