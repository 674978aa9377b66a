// Decodes by the table of well-formed sequences in RFC 3629 §4.
#include "common/mail/utf8.h"

#include <cstddef>

namespace letterlock::mail {

std::optional<char32_t> take_code_point(std::string_view& text) {
  if (text.empty())
    return std::nullopt;
  const auto octet = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(text[i]); };
  const char32_t lead = octet(0);
  std::size_t size = 0;
  char32_t smallest = 0; // anything below is an overlong form
  char32_t value = 0;
  if (lead < 0x80)
    size = 1, value = lead;
  else if ((lead & 0xe0) == 0xc0)
    size = 2, smallest = 0x80, value = lead & 0x1f;
  else if ((lead & 0xf0) == 0xe0)
    size = 3, smallest = 0x800, value = lead & 0x0f;
  else if ((lead & 0xf8) == 0xf0)
    size = 4, smallest = 0x10000, value = lead & 0x07;
  if (size == 0 || size > text.size())
    return std::nullopt;
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xc0) != 0x80)
      return std::nullopt;
    value = value << 6 | (octet(i) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest || surrogate || value > 0x10ffff)
    return std::nullopt;
  text.remove_prefix(size);
  return value;
}

bool is_printable_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto c = take_code_point(text);
    if (!c || *c < 0x20 || (*c >= 0x7f && *c < 0xa0))
      return false;
  }
  return true;
}

} // namespace letterlock::mail
