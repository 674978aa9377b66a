// The encoding procedure of RFC 3492 §6.3.
#include "common/mail/punycode.h"

#include "common/mail/utf8.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace letterlock::mail {

namespace {

// RFC 3492 §5
constexpr std::uint32_t base = 36, t_min = 1, t_max = 26, skew = 38, damp = 700;
constexpr std::uint32_t initial_bias = 72, initial_n = 0x80;
constexpr std::size_t max_label = 63;

char digit(std::uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

// RFC 3492 §6.1
std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
  delta = first ? delta / damp : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > (base - t_min) * t_max / 2; k += base)
    delta /= base - t_min;
  return k + (base - t_min + 1) * delta / (delta + skew);
}

void append_number(std::string& out, std::uint32_t number, std::uint32_t bias) {
  for (std::uint32_t k = base;; k += base) {
    const std::uint32_t t = k <= bias + t_min ? t_min : std::min(k - bias, t_max);
    if (number < t)
      break;
    out += digit(t + (number - t) % (base - t));
    number = (number - t) / (base - t);
  }
  out += digit(number);
}

} // namespace

std::optional<std::string> a_label(std::string_view label) {
  std::vector<std::uint32_t> points;
  std::string out = "xn--";
  while (!label.empty()) {
    const auto point = take_code_point(label);
    // With 63 characters at most, DELTA below stays under 64 * 0x110000 and cannot overflow.
    if (!point || points.size() == max_label)
      return std::nullopt;
    points.push_back(*point);
    if (*point < initial_n)
      out += static_cast<char>(*point);
  }
  const auto basic = static_cast<std::uint32_t>(out.size() - 4);
  if (basic > 0)
    out += '-';

  std::uint32_t n = initial_n, delta = 0, bias = initial_bias, handled = basic;
  while (handled < points.size()) {
    std::uint32_t next = 0x110000;
    for (const auto point : points)
      if (point >= n)
        next = std::min(next, point);
    delta += (next - n) * (handled + 1);
    n = next;
    for (const auto point : points) {
      if (point < n)
        ++delta;
      if (point != n)
        continue;
      append_number(out, delta, bias);
      bias = adapt(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
  if (out.size() > max_label)
    return std::nullopt;
  return out;
}

} // namespace letterlock::mail
