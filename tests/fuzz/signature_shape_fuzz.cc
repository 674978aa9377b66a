// What a compromised process may send to keyd to be signed: any bytes, for any modulus.
#include "keyd/signature_shape.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

using namespace letterlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const Bytes input = std::as_bytes(std::span(data, size)).subspan(1);
  // Mostly the length that fits, give or take a few bits.
  const std::size_t bits = input.size() * 8 + data[0] % 16;
  const bool shaped = keyd::is_pss_block(input, bits < 8 ? 0 : bits - 8);
  if (shaped && input.back() != std::byte{0xbc})
    std::abort();
  if (keyd::is_digest_info(input) && keyd::is_digest(input))
    std::abort(); // no length is both
  return 0;
}
