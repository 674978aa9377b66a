// Recognises padded digests.
#include "keyd/signature_shape.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace letterlock::keyd {

namespace {

struct Sha2 {
  std::size_t length;
  std::array<std::uint8_t, 19> digest_info_start;
  const EVP_MD* (*algorithm)();
};

// RFC 8017 §9.2 note 1.
constexpr std::array sha2_family = {
    Sha2{32,
         {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
          0x05, 0x00, 0x04, 0x20},
         EVP_sha256},
    Sha2{48,
         {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
          0x05, 0x00, 0x04, 0x30},
         EVP_sha384},
    Sha2{64,
         {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03,
          0x05, 0x00, 0x04, 0x40},
         EVP_sha512},
};

constexpr std::byte pss_trailer{0xbc};

// Lays the mask that MGF1 (RFC 8017 §B.2.1) makes of SEED over DATA.
bool unmask(std::vector<std::byte>& data, Bytes seed, const Sha2& hash) {
  std::vector<std::byte> input(seed.begin(), seed.end());
  input.resize(seed.size() + 4); // and a 32-bit counter, of which blocks this short need one byte
  std::array<std::byte, EVP_MAX_MD_SIZE> mask{};
  for (std::size_t at = 0; at < data.size(); at += hash.length) {
    input.back() = static_cast<std::byte>(at / hash.length);
    if (EVP_Digest(input.data(), input.size(), reinterpret_cast<unsigned char*>(mask.data()),
                   nullptr, hash.algorithm(), nullptr) != 1)
      return false;
    const std::size_t count = std::min(hash.length, data.size() - at);
    for (std::size_t i = 0; i < count; ++i)
      data[at + i] ^= mask[i];
  }
  return true;
}

// ENCODED is the encoded message of RFC 8017 §9.1.2, whose first byte uses USED_BITS of its eight.
bool is_pss_with(const Sha2& hash, Bytes encoded, unsigned used_bits) {
  if (encoded.size() < 2 * hash.length + 2)
    return false;
  const std::size_t masked_length = encoded.size() - hash.length - 1;
  const Bytes masked = encoded.first(masked_length);
  std::vector<std::byte> data(masked.begin(), masked.end());
  if (!unmask(data, encoded.subspan(masked_length, hash.length), hash))
    return false;
  data[0] &= std::byte{0xff} >> (8 - used_bits);

  const auto salt = data.end() - static_cast<std::ptrdiff_t>(hash.length);
  const auto one = salt - 1;
  return *one == std::byte{1} &&
         std::all_of(data.begin(), one, [](std::byte b) { return b == std::byte{0}; });
}

} // namespace

bool is_digest_info(Bytes input) {
  return std::ranges::any_of(sha2_family, [&](const Sha2& hash) {
    const auto start = std::as_bytes(std::span(hash.digest_info_start));
    return input.size() == start.size() + hash.length &&
           std::ranges::equal(input.first(start.size()), start);
  });
}

bool is_digest(Bytes input) {
  return std::ranges::any_of(sha2_family,
                             [&](const Sha2& hash) { return input.size() == hash.length; });
}

bool is_pss_block(Bytes block, std::size_t modulus_bits) {
  // The encoded message has a bit less than the modulus, and so maybe a byte less than the block.
  if (modulus_bits < 2 || modulus_bits > 16384 || block.size() != (modulus_bits + 7) / 8 ||
      block.back() != pss_trailer)
    return false;
  const std::size_t encoded_bits = modulus_bits - 1;
  const auto used_bits = static_cast<unsigned>((encoded_bits - 1) % 8 + 1);
  const std::size_t encoded_size = (encoded_bits + 7) / 8;
  if (encoded_size < block.size() && block[0] != std::byte{0})
    return false;
  const Bytes encoded = block.last(encoded_size);
  if (std::to_integer<unsigned>(encoded[0]) >> used_bits != 0)
    return false;
  return std::ranges::any_of(
      sha2_family, [&](const Sha2& hash) { return is_pss_with(hash, encoded, used_bits); });
}

} // namespace letterlock::keyd
