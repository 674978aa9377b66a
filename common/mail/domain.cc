// Splits a domain into labels and checks each.
#include "common/mail/domain.h"

#include "common/mail/address_literal.h"
#include "common/mail/ascii.h"
#include "common/mail/punycode.h"
#include "common/mail/utf8.h"

#include <algorithm>

namespace letterlock::mail {

namespace {

constexpr std::size_t max_label_size = 63;

std::string_view take_label(std::string_view& rest) {
  const auto dot = rest.find('.');
  const auto label = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return label;
}

bool is_label(std::string_view label, Charset charset) {
  if (label.empty() || label.front() == '-' || label.back() == '-')
    return false;
  if (!is_ascii(label) && (charset == Charset::ascii || !is_printable_utf8(label)))
    return false;
  if (!std::all_of(label.begin(), label.end(),
                   [](char c) { return is_letter_or_digit(c) || c == '-' || is_non_ascii(c); }))
    return false;
  return is_ascii(label) ? label.size() <= max_label_size : a_label(label).has_value();
}

} // namespace

std::optional<Domain> Domain::parse(std::string_view text, Charset charset) {
  if (text.empty() || text.size() > max_size)
    return std::nullopt;
  if (text.front() == '[') {
    const auto literal = AddressLiteral::parse(text);
    if (!literal)
      return std::nullopt;
    return Domain(std::string(literal->text()));
  }
  if (text.back() == '.')
    return std::nullopt;
  for (auto rest = text; !rest.empty();)
    if (!is_label(take_label(rest), charset))
      return std::nullopt;
  Domain domain(to_lower(text));
  if (domain.key().size() > max_size)
    return std::nullopt;
  return domain;
}

bool Domain::is_ascii() const {
  return mail::is_ascii(text_);
}

std::string Domain::key() const {
  if (is_ascii())
    return text_;
  std::string key;
  for (std::string_view rest = text_; !rest.empty();) {
    const auto label = take_label(rest);
    if (!key.empty())
      key += '.';
    key += mail::is_ascii(label) ? std::string(label) : *a_label(label); // parse() tried it
  }
  return key;
}

} // namespace letterlock::mail
