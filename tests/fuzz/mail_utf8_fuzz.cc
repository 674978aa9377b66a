// UTF-8 is what a plain encoder makes of the code points; an A-label stands for one U-label.
#include "common/mail/ascii.h"
#include "common/mail/punycode.h"
#include "common/mail/utf8.h"
#include "tests/fuzz/fuzz.h"

#include <optional>

using namespace letterlock;
using namespace letterlock::mail;
using fuzz::require;

namespace {

// RFC 3629 §3.
std::string encoded(char32_t point) {
  const auto octet = [&](unsigned lead, unsigned shift) {
    return static_cast<char>(lead | (point >> shift & (lead == 0x80 ? 0x3f : 0xff)));
  };
  if (point < 0x80)
    return {octet(0, 0)};
  if (point < 0x800)
    return {octet(0xc0, 6), octet(0x80, 0)};
  if (point < 0x10000)
    return {octet(0xe0, 12), octet(0x80, 6), octet(0x80, 0)};
  return {octet(0xf0, 18), octet(0x80, 12), octet(0x80, 6), octet(0x80, 0)};
}

std::optional<std::uint32_t> digit_of(char c) {
  if (c >= 'a' && c <= 'z')
    return static_cast<std::uint32_t>(c - 'a');
  if (c >= '0' && c <= '9')
    return static_cast<std::uint32_t>(c - '0' + 26);
  return std::nullopt;
}

// RFC 3492 §6.2, as it stands there.
std::u32string decoded(std::string_view label) {
  require(label.starts_with("xn--"));
  label.remove_prefix(4);
  std::u32string output;
  if (const auto last = label.rfind('-'); last != label.npos) {
    output.assign(label.begin(), label.begin() + static_cast<std::ptrdiff_t>(last));
    label.remove_prefix(last + 1);
  }
  std::uint64_t n = 0x80, i = 0, bias = 72;
  while (!label.empty()) {
    const std::uint64_t before = i;
    for (std::uint64_t weight = 1, k = 36;; k += 36) {
      require(!label.empty());
      const auto digit = digit_of(label.front());
      label.remove_prefix(1);
      require(digit.has_value());
      i += *digit * weight;
      const std::uint64_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (*digit < t)
        break;
      weight *= 36 - t;
    }
    const std::uint64_t points = output.size() + 1;
    std::uint64_t delta = before == 0 ? (i - before) / 700 : (i - before) / 2;
    delta += delta / points;
    std::uint64_t k = 0;
    for (; delta > 455; k += 36)
      delta /= 35;
    bias = k + 36 * delta / (delta + 38);
    n += i / points;
    i %= points;
    output.insert(output.begin() + static_cast<std::ptrdiff_t>(i++), static_cast<char32_t>(n));
  }
  return output;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::u32string points;
  bool printable = true;
  std::string_view rest = text;
  while (const auto point = take_code_point(rest)) {
    require(*point <= 0x10ffff && !(*point >= 0xd800 && *point <= 0xdfff));
    points += *point;
    printable = printable && *point >= 0x20 && (*point < 0x7f || *point >= 0xa0);
  }
  std::string again;
  for (const char32_t point : points)
    again += encoded(point);
  require(text.substr(0, text.size() - rest.size()) == again);
  require(is_printable_utf8(text) == (rest.empty() && printable));

  if (const auto label = a_label(text)) {
    require(rest.empty() && label->size() <= 63);
    // A hyphen at the end stands for a label without anything beyond ASCII, which needs none.
    if (!is_ascii(text))
      require(decoded(*label) == points);
  }
  return 0;
}
