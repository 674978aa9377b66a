// SipHash-2-4: a keyed hash that nobody who does not know the key can make collide.
//
// For tables whose keys strangers choose. Source: J.-P. Aumasson and D. J. Bernstein, "SipHash: a
// fast short-input PRF", 2012; its test vectors are in the unit test.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace letterlock {

using SipKey = std::array<std::uint8_t, 16>;

namespace detail {

// COUNT octets, the first one lowest.
constexpr std::uint64_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  constexpr void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  }
  constexpr void take(std::uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
};

} // namespace detail

constexpr std::uint64_t siphash(const SipKey& key, std::span<const std::uint8_t> bytes) {
  const std::uint64_t k0 = detail::little_endian(std::span(key).first(8));
  const std::uint64_t k1 = detail::little_endian(std::span(key).last(8));
  detail::SipState state{k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                         k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
  const std::uint64_t length = std::uint64_t{bytes.size() & 0xff} << 56;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8))
    state.take(detail::little_endian(bytes.first(8)));
  state.take(detail::little_endian(bytes) | length);
  state.v2 ^= 0xff;
  state.rounds(4);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

} // namespace letterlock
