// CRC-32C is what a bit after the other makes it, however the bytes are cut; and what is joined of
// parts, or left of a whole.
#include "common/base/crc32c.h"
#include "queued/journal/crc32c_parts.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::queued::journal;
using fuzz::require;

namespace {

// The reflected polynomial of RFC 3720 §12.1.
std::uint32_t bit_by_bit(std::string_view text) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::Cuts cuts = fuzz::take_cuts(text);
  const std::uint32_t whole = bit_by_bit(text);
  require(crc32c(0, as_bytes(text)) == whole);
  std::uint32_t pieces = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::uint32_t before = pieces;
    const std::string_view piece = cuts.take(rest);
    const std::uint32_t alone = crc32c(0, as_bytes(piece));
    pieces = crc32c(pieces, as_bytes(piece));
    require(crc32c_joined(before, alone, piece.size()) == pieces);
    require(crc32c_of_rest(before, pieces, piece.size()) == alone);
  }
  require(pieces == whole);
  return 0;
}
