// What a compromised process may send to keyd to be signed: any bytes, for any modulus. What TLS
// makes of a digest is taken, and with any bit of it changed it is not.
#include "keyd/signature_shape.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>

#include <array>
#include <vector>

using namespace letterlock;
using fuzz::require;

namespace {

using Octets = std::vector<std::byte>;

Octets digest(const EVP_MD* hash, Bytes of) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result{};
  unsigned length = 0;
  require(EVP_Digest(of.data(), of.size(), result.data(), &length, hash, nullptr) == 1);
  const auto octets = std::as_bytes(std::span(result)).first(length);
  return {octets.begin(), octets.end()};
}

// EMSA-PSS-ENCODE of RFC 8017 §9.1.1 with MGF1 of §B.2.1.
Octets encoded(const EVP_MD* hash, const Octets& message_digest, Octets salt, std::size_t bits) {
  const std::size_t length = (bits - 1 + 7) / 8, hash_length = message_digest.size();
  salt.resize(hash_length);
  require(length >= 2 * hash_length + 2);
  Octets m(8);
  m.insert(m.end(), message_digest.begin(), message_digest.end());
  m.insert(m.end(), salt.begin(), salt.end());
  const Octets h = digest(hash, m);
  Octets db(length - 2 * hash_length - 2);
  db.push_back(std::byte{1});
  db.insert(db.end(), salt.begin(), salt.end());
  for (std::size_t at = 0; at < db.size(); at += hash_length) {
    Octets seed = h;
    seed.resize(hash_length + 4);
    seed.back() = static_cast<std::byte>(at / hash_length);
    const Octets mask = digest(hash, seed);
    for (std::size_t i = 0; i < hash_length && at + i < db.size(); ++i)
      db[at + i] ^= mask[i];
  }
  db.front() &= std::byte{0xff} >> (8 * length - (bits - 1));
  db.insert(db.end(), h.begin(), h.end());
  db.push_back(std::byte{0xbc});
  // A byte less than the block where the modulus has a bit more than whole bytes.
  db.insert(db.begin(), (bits + 7) / 8 - length, std::byte{0});
  return db;
}

void check_encoding(fuzz::Input& input) {
  const EVP_MD* const hashes[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
  const EVP_MD* const hash = hashes[input.under(3)];
  // As long as keys are (io::Certificate): in one of half that length, salt and digest of SHA-512
  // leave so little else that chance makes it right.
  const std::size_t bits = 2048 + input.number<std::uint16_t>() % 2049u;
  const std::size_t flipped = input.number<std::uint16_t>();
  const Octets message_digest = digest(hash, as_bytes(input.text(8)));
  const Bytes salt = as_bytes(input.text(64));
  Octets block = encoded(hash, message_digest, {salt.begin(), salt.end()}, bits);
  require(keyd::is_pss_block(block, bits));
  require(!keyd::is_pss_block(block, bits + 8) && !keyd::is_pss_block(block, bits - 8));
  require(!keyd::is_digest(block) && !keyd::is_digest_info(block));
  // The mask hangs on every bit but those of the salt, which may be anything.
  const std::size_t hash_length = message_digest.size();
  const std::size_t at = flipped / 8 % block.size(), behind_at = block.size() - at;
  if (behind_at > 2 * hash_length + 1 || behind_at <= hash_length + 1) {
    block[at] ^= std::byte{1} << flipped % 8;
    require(!keyd::is_pss_block(block, bits));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
  // Mostly the length that fits, give or take a few bits.
  const std::size_t bits = bytes.size() * 8 + data[0] % 16;
  if (keyd::is_pss_block(bytes, bits < 8 ? 0 : bits - 8))
    require(bytes.back() == std::byte{0xbc});
  require(!(keyd::is_digest_info(bytes) && keyd::is_digest(bytes))); // no length is both
  fuzz::Input input(data, size);
  check_encoding(input);
  return 0;
}
