// Arithmetic with CRCs as polynomials, their highest power in the lowest bit, as the CRC has it.
#include "queued/journal/crc32c_parts.h"

#include <array>
#include <limits>

namespace letterlock::queued::journal {

namespace {

constexpr std::uint32_t polynomial = 0x82f63b78u;
constexpr std::uint32_t one = 0x80000000u; // x^0

constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = 0;
  for (std::uint32_t bit = one; bit != 0; bit >>= 1) { // from x^0 upward
    sum ^= (a & bit) != 0 ? b : 0;
    b = b >> 1 ^ ((b & 1) != 0 ? polynomial : 0); // times x
  }
  return sum;
}

// x^(8·2^k)
constexpr auto powers = [] {
  std::array<std::uint32_t, std::numeric_limits<std::size_t>::digits> made{};
  std::uint32_t power = one >> 8;
  for (auto& each : made) {
    each = power;
    power = product(power, power);
  }
  return made;
}();

// As if LENGTH bytes of zero followed, without the inversions of the CRC: those cancel out.
std::uint32_t moved(std::uint32_t crc, std::size_t length) {
  for (std::size_t k = 0; length != 0; ++k, length >>= 1)
    if ((length & 1) != 0)
      crc = product(crc, powers[k]);
  return crc;
}

} // namespace

std::uint32_t crc32c_joined(std::uint32_t first, std::uint32_t second, std::size_t second_length) {
  return moved(first, second_length) ^ second;
}

std::uint32_t crc32c_of_rest(std::uint32_t first, std::uint32_t both, std::size_t second_length) {
  return moved(first, second_length) ^ both;
}

} // namespace letterlock::queued::journal
