// Random 128-bit identifiers and their hexadecimal form.
#include "common/base/id128.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>

namespace letterlock {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

constexpr std::uint8_t no_digit = 0xff;

// The value of each character as a digit: a maildrop has many names to read.
constexpr std::array<std::uint8_t, 256> digit_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

void fill_with_entropy(std::span<std::uint8_t> bytes) {
  if (::getentropy(bytes.data(), bytes.size()) != 0)
    throw std::system_error(errno, std::system_category(), "getentropy");
}

} // namespace

Id128 Id128::random() {
  Id128 id;
  fill_with_entropy(id.bytes);
  return id;
}

Id128 Id128Source::next() {
  if (used_ == pool_.size()) {
    fill_with_entropy(pool_);
    used_ = 0;
  }
  Id128 id;
  std::copy_n(pool_.begin() + static_cast<std::ptrdiff_t>(used_), id.bytes.size(),
              id.bytes.begin());
  used_ += id.bytes.size();
  return id;
}

std::optional<Id128> Id128::from_hex(std::string_view hex) {
  Id128 id;
  if (hex.size() != 2 * id.bytes.size())
    return std::nullopt;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const std::uint8_t high = digit_values[static_cast<unsigned char>(hex[2 * i])];
    const std::uint8_t low = digit_values[static_cast<unsigned char>(hex[2 * i + 1])];
    if (high == no_digit || low == no_digit)
      return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return id;
}

std::string Id128::hex() const {
  std::string text(2 * bytes.size(), '0');
  auto digit = text.begin();
  for (const std::size_t byte : bytes) {
    *digit++ = digits[byte >> 4];
    *digit++ = digits[byte & 15];
  }
  return text;
}

} // namespace letterlock
