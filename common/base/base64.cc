// Decodes base64 four characters at a time.
#include "common/base/base64.h"

#include <array>
#include <cstdint>

namespace letterlock {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> digit_of = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

} // namespace

std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> into) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  std::size_t size = 0;
  while (!text.empty()) {
    const std::string_view group = text.substr(0, 4);
    text.remove_prefix(4);
    // Only the last group may be padded.
    const bool last = text.empty();
    const std::size_t padding = !last || group[3] != '=' ? 0u : group[2] != '=' ? 1u : 2u;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const bool pad = i >= 4 - padding;
      const std::uint8_t digit = pad ? 0 : digit_of[static_cast<unsigned char>(group[i])];
      if (digit == no_digit)
        return std::nullopt;
      bits = bits << 6 | digit;
    }
    const std::size_t octets = 3 - padding;
    if ((bits & (0xffffffu >> (8 * octets))) != 0 && padding != 0)
      return std::nullopt;
    if (octets > into.size() - size)
      return std::nullopt;
    for (std::size_t i = 0; i < octets; ++i)
      into[size++] = static_cast<char>(bits >> (16 - 8 * i) & 0xff);
  }
  return size;
}

} // namespace letterlock
