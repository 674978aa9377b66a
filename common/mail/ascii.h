// The character classes of the mail grammars, for ASCII only and independent of the locale.
//
// <cctype> depends on the locale and is undefined for negative chars, so it has no place in a
// parser.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace letterlock::mail {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_letter(char c) {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}
constexpr bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}
constexpr bool is_non_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
// %d33-126
constexpr bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}
// RFC 5322 §3.2.3
constexpr bool is_atext(char c) {
  return is_letter_or_digit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

constexpr bool is_ascii(std::string_view s) {
  return std::none_of(s.begin(), s.end(), is_non_ascii);
}

inline std::string to_lower(std::string_view s) {
  std::string lower(s);
  for (char& c : lower)
    c = to_lower(c);
  return lower;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return to_lower(x) == to_lower(y);
         });
}

} // namespace letterlock::mail
