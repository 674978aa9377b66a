// CRC-32C by the processor's instruction where there is one, else by table.
#include "common/base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace letterlock {

namespace {

constexpr std::uint32_t after_a_zero_bit(std::uint32_t crc) {
  return (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
}

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = after_a_zero_bit(crc);
    table[i] = crc;
  }
  return table;
}

std::uint32_t by_table(std::uint32_t crc, Bytes bytes) {
  static constexpr auto table = make_table();
  for (const auto byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// The instruction takes three cycles, and the processor begins one in each: so three parts are
// summed side by side.
constexpr std::size_t lane = 256; // octets, of each part

// What becomes of each bit of a sum; of a sum then becomes what becomes of its bits, added up.
using OfBits = std::array<std::uint32_t, 32>;

constexpr std::uint32_t applied(const OfBits& of_bits, std::uint32_t crc) {
  std::uint32_t sum = 0;
  for (; crc != 0; crc &= crc - 1)
    sum ^= of_bits[static_cast<std::size_t>(std::countr_zero(crc))];
  return sum;
}

// What becomes of a sum when COUNT zero octets follow, a power of two, for each value of each of
// its four octets.
template <std::size_t count> constexpr auto make_shift() {
  static_assert(std::has_single_bit(count));
  OfBits of_bits{};
  for (std::size_t bit = 0; bit < of_bits.size(); ++bit) {
    of_bits[bit] = std::uint32_t{1} << bit;
    for (int zero = 0; zero < 8; ++zero)
      of_bits[bit] = after_a_zero_bit(of_bits[bit]);
  }
  for (std::size_t octets = 1; octets < count; octets *= 2) {
    const OfBits half = of_bits;
    for (std::uint32_t& of_bit : of_bits)
      of_bit = applied(half, of_bit);
  }
  std::array<std::array<std::uint32_t, 256>, 4> table{};
  for (std::uint32_t octet = 0; octet < 4; ++octet)
    for (std::uint32_t value = 0; value < 256; ++value)
      table[octet][value] = applied(of_bits, value << 8 * octet);
  return table;
}

template <std::size_t count> std::uint32_t shifted(std::uint64_t crc) {
  static constexpr auto table = make_shift<count>();
  return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^ table[2][crc >> 16 & 0xff] ^
         table[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) std::uint64_t with_word(std::uint64_t crc,
                                                          const std::byte* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return _mm_crc32_u64(crc, word);
}

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t crc, Bytes bytes) {
  std::uint64_t wide = crc;
  for (; bytes.size() >= 3 * lane; bytes = bytes.subspan(3 * lane)) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t at = 0; at < lane; at += 8) {
      wide = with_word(wide, bytes.data() + at);
      second = with_word(second, bytes.data() + lane + at);
      third = with_word(third, bytes.data() + 2 * lane + at);
    }
    wide = shifted<2 * lane>(wide) ^ shifted<lane>(second) ^ third;
  }
  while (bytes.size() >= 8) {
    wide = with_word(wide, bytes.data());
    bytes = bytes.subspan(8);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (const auto byte : bytes)
    crc = _mm_crc32_u8(crc, std::to_integer<std::uint8_t>(byte));
  return crc;
}
#endif

} // namespace

std::uint32_t crc32c(std::uint32_t before, Bytes bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction)
    return ~by_instruction(~before, bytes);
#endif
  return ~by_table(~before, bytes);
}

} // namespace letterlock
