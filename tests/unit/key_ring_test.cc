// keyd's private keys: what is taken in, what is signed, and for how long.
#define OPENSSL_SUPPRESS_DEPRECATED // for PSS padding alone, which has no newer interface

#include "keyd/key_ring.h"
#include "keyd/signature_shape.h"
#include "tests/unit/certificate_maker.h"
#include "tests/unit/check.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace letterlock;
using namespace letterlock::test;
using io::KeyOperation;
using keyd::KeyRing;
using keyd::SignRefusal;

namespace {

using Buffer = std::vector<std::byte>;

const std::time_t now = std::time(nullptr);

EVP_PKEY* rsa_2048() {
  static const auto key = make_rsa_key(2048);
  return key.get();
}
EVP_PKEY* p256() {
  static const auto key = make_ec_key(NID_X9_62_prime256v1);
  return key.get();
}

std::string certificate_of(EVP_PKEY* key) {
  return make_certificate(key, {.host = "mx.example"});
}

io::KeyId add_or_fail(KeyRing& ring, KeyRing::Generation generation, EVP_PKEY* key) {
  auto pem = private_pem(key);
  const auto added = ring.add(generation, pem, as_bytes(certificate_of(key)), now);
  if (!added)
    fail_msg("%s", added.error().text.c_str());
  assert_false(added->warning.has_value());
  return added->id;
}

std::string error_of(Buffer key_pem, const std::string& certificate) {
  KeyRing ring;
  const auto added = ring.add(1, key_pem, as_bytes(certificate), now);
  assert_int_equal(ring.size(), added ? 1 : 0);
  return added ? "accepted" : added.error().text;
}

void assert_refused(const KeyRing& ring, const io::KeyId& id, KeyOperation kind, Bytes input,
                    SignRefusal expected) {
  const auto answer = ring.sign(id, kind, input);
  assert_false(answer.has_value());
  assert_text_equal(refusal_name(answer.error()), refusal_name(expected));
}

// The public operation alone: what was signed, padding and all.
Buffer opened(EVP_PKEY* key, Bytes signature) {
  const io::PkeyContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
  Buffer block(signature.size());
  std::size_t length = block.size();
  EVP_PKEY_verify_recover_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING);
  assert_int_equal(EVP_PKEY_verify_recover(
                       context.get(), reinterpret_cast<unsigned char*>(block.data()), &length,
                       reinterpret_cast<const unsigned char*>(signature.data()), signature.size()),
                   1);
  assert_int_equal(length, block.size());
  return block;
}

// A PSS block as libcrypto makes it, with a salt as long as the digest unless another is wished.
Buffer pss_block(EVP_PKEY* key, const EVP_MD* hash, int salt_length = RSA_PSS_SALTLEN_DIGEST) {
  const io::PkeyContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
  const std::array<unsigned char, EVP_MAX_MD_SIZE> digest{1, 2, 3};
  Buffer signature(static_cast<std::size_t>(EVP_PKEY_size(key)));
  std::size_t length = signature.size();
  EVP_PKEY_sign_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING);
  EVP_PKEY_CTX_set_signature_md(context.get(), hash);
  EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), salt_length);
  assert_int_equal(EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                                 &length, digest.data(),
                                 static_cast<std::size_t>(EVP_MD_size(hash))),
                   1);
  return opened(key, signature);
}

Buffer digest_info(std::uint8_t algorithm, std::uint8_t length) {
  const std::array<std::uint8_t, 19> start = {0x30,      static_cast<std::uint8_t>(0x11 + length),
                                              0x30,      0x0d,
                                              0x06,      0x09,
                                              0x60,      0x86,
                                              0x48,      0x01,
                                              0x65,      0x03,
                                              0x04,      0x02,
                                              algorithm, 0x05,
                                              0x00,      0x04,
                                              length};
  Buffer info(start.size() + length, std::byte{7});
  std::ranges::copy(std::as_bytes(std::span(start)), info.begin());
  return info;
}

void every_form_of_pem_is_read(void**) {
  assert_text_equal(error_of(private_pem(rsa_2048()), certificate_of(rsa_2048())), "accepted");
  assert_text_equal(error_of(traditional_pem(rsa_2048()), certificate_of(rsa_2048())), "accepted");
  assert_text_equal(error_of(private_pem(p256()), certificate_of(p256())), "accepted");
  assert_text_equal(error_of(traditional_pem(p256()), certificate_of(p256())), "accepted");
  const auto p384 = make_ec_key(NID_secp384r1);
  assert_text_equal(error_of(private_pem(p384.get()), certificate_of(p384.get())), "accepted");
  // As "openssl ecparam -genkey" writes it.
  Buffer with_parameters = bytes_of("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                    "-----END EC PARAMETERS-----\n");
  const auto key = traditional_pem(p256());
  with_parameters.insert(with_parameters.end(), key.begin(), key.end());
  assert_text_equal(error_of(with_parameters, certificate_of(p256())), "accepted");
}

void unusable_keys_are_refused_with_the_reason(void**) {
  const std::string encrypted = "the private key is encrypted: store it without a pass phrase";
  const auto certificate = certificate_of(p256());
  assert_text_equal(error_of(private_pem(p256(), "letmein"), certificate), encrypted);
  assert_text_equal(error_of(traditional_pem(p256(), "letmein"), certificate), encrypted);
  assert_int_equal(error_of(bytes_of("nonsense"), certificate).find("this is not a PEM private"),
                   0);
  assert_int_equal(error_of({}, certificate).find("this is not a PEM private key"), 0);
  assert_int_equal(error_of(bytes_of(certificate), certificate).find("this is not a PEM private"),
                   0);
  assert_int_equal(error_of(private_pem(p256()), "nonsense").find("this is not a PEM cert"), 0);

  const auto other = make_ec_key(NID_X9_62_prime256v1);
  for (EVP_PKEY* wrong : {other.get(), rsa_2048()})
    assert_text_equal(error_of(private_pem(wrong), certificate),
                      "the key does not match the certificate");

  const auto small = make_rsa_key(1024);
  assert_text_equal(error_of(private_pem(small.get()), certificate_of(small.get())),
                    "an RSA key of 1024 bits is not accepted: use 2048 to 4096");
  const auto foreign_curve = make_ec_key(NID_secp256k1);
  assert_text_equal(error_of(private_pem(foreign_curve.get()), certificate_of(foreign_curve.get())),
                    "an ECDSA key on this curve is not accepted: use P-256 or P-384");
  const auto ed25519 = make_ed25519_key();
  assert_text_equal(error_of(private_pem(ed25519.get()), certificate_of(ed25519.get())),
                    "the certificate's key is neither RSA nor ECDSA");
}

void damaged_key_with_the_right_public_half_is_refused(void**) {
  unsigned char* der = nullptr;
  const int length = i2d_PrivateKey(p256(), &der); // RFC 5915: the scalar is at 7
  der[20] ^= 1;
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), "EC PRIVATE KEY", "", der, length);
  OPENSSL_free(der);
  const auto error = error_of(bytes_of(written_to(bio.get())), certificate_of(p256()));
  assert_int_equal(error.find("the key can't sign"), 0);
}

void dates_are_only_warned_about(void**) {
  KeyRing ring;
  auto pem = private_pem(p256());
  const auto expired =
      make_certificate(p256(), {.host = "mx.example", .starts_in = -200, .ends_in = -100});
  auto added = ring.add(1, pem, as_bytes(expired), now);
  assert_text_equal(added.value().warning.value(), "the certificate has expired");
  pem = private_pem(p256());
  const auto early =
      make_certificate(p256(), {.host = "mx.example", .starts_in = 100, .ends_in = 200});
  added = ring.add(1, pem, as_bytes(early), now);
  assert_text_equal(added.value().warning.value(), "the certificate is not valid yet");
}

void pem_is_wiped_whatever_comes_of_it(void**) {
  const auto is_wiped = [](const Buffer& pem) {
    return std::ranges::all_of(pem, [](std::byte b) { return b == std::byte{0}; });
  };
  KeyRing ring;
  auto good = private_pem(p256());
  assert_true(ring.add(1, good, as_bytes(certificate_of(p256())), now).has_value());
  assert_true(is_wiped(good));
  auto mismatched = private_pem(p256());
  assert_false(ring.add(1, mismatched, as_bytes(certificate_of(rsa_2048())), now).has_value());
  assert_true(is_wiped(mismatched));
  auto early = private_pem(p256());
  assert_false(ring.add(1, early, as_bytes("nonsense"), now).has_value());
  assert_true(is_wiped(early));
}

void id_is_that_of_the_certificate(void**) {
  KeyRing ring;
  for (EVP_PKEY* key : {rsa_2048(), p256()})
    assert_true(add_or_fail(ring, 1, key) == io::certificate_key_id(certificate_of(key)).value());
}

void key_goes_with_its_last_generation(void**) {
  KeyRing ring;
  const Buffer digest(32, std::byte{1});
  const auto id = add_or_fail(ring, 1, p256());
  add_or_fail(ring, 1, p256()); // two domains with one certificate
  add_or_fail(ring, 1, rsa_2048());
  add_or_fail(ring, 2, p256());
  assert_int_equal(ring.size(), 2);
  ring.retire(1);
  assert_int_equal(ring.size(), 1);
  assert_true(ring.sign(id, KeyOperation::ecdsa, digest).has_value());
  ring.retire(7);
  ring.retire(1);
  assert_int_equal(ring.size(), 1);
  ring.retire(2);
  assert_int_equal(ring.size(), 0);
  assert_refused(ring, id, KeyOperation::ecdsa, digest, SignRefusal::unknown_key);
}

void refused_addition_changes_nothing(void**) {
  KeyRing ring;
  const auto id = add_or_fail(ring, 1, p256());
  auto pem = private_pem(rsa_2048());
  assert_false(ring.add(2, pem, as_bytes(certificate_of(p256())), now).has_value());
  ring.retire(2);
  assert_int_equal(ring.size(), 1);
  assert_true(ring.sign(id, KeyOperation::ecdsa, Buffer(32)).has_value());
}

void ecdsa_takes_digests_only(void**) {
  KeyRing ring;
  const auto id = add_or_fail(ring, 1, p256());
  for (const std::size_t length : {32U, 48U, 64U})
    assert_true(ring.sign(id, KeyOperation::ecdsa, Buffer(length)).has_value());
  for (const std::size_t length : {0U, 20U, 31U, 33U, 36U, 65U, 256U})
    assert_refused(ring, id, KeyOperation::ecdsa, Buffer(length), SignRefusal::wrong_shape);
  for (const auto kind : {KeyOperation::rsa_raw, KeyOperation::rsa_pkcs1})
    assert_refused(ring, id, kind, digest_info(1, 32), SignRefusal::wrong_kind);
}

void pkcs1_takes_sha2_digest_infos_only(void**) {
  KeyRing ring;
  const auto id = add_or_fail(ring, 1, rsa_2048());
  for (const auto& [algorithm, length] :
       std::array<std::pair<std::uint8_t, std::uint8_t>, 3>{{{1, 32}, {2, 48}, {3, 64}}}) {
    auto info = digest_info(algorithm, length);
    const auto signature = ring.sign(id, KeyOperation::rsa_pkcs1, info);
    const auto block = opened(rsa_2048(), signature.value());
    assert_int_equal(std::to_integer<int>(block[1]), 1); // RFC 8017 §9.2: 00 01 FF…
    assert_true(std::ranges::equal(Bytes(block).last(info.size()), info));

    for (std::size_t i = 0; i < 19; ++i) {
      auto bad = info;
      bad[i] ^= std::byte{1};
      assert_refused(ring, id, KeyOperation::rsa_pkcs1, bad, SignRefusal::wrong_shape);
    }
    info.push_back(std::byte{0});
    assert_refused(ring, id, KeyOperation::rsa_pkcs1, info, SignRefusal::wrong_shape);
    const Bytes shorter = Bytes(info).first(info.size() - 2);
    assert_refused(ring, id, KeyOperation::rsa_pkcs1, shorter, SignRefusal::wrong_shape);
  }
  // MD5 and SHA-1 as TLS 1.1 puts them together, a bare digest, nothing at all.
  for (const std::size_t length : {36U, 32U, 0U})
    assert_refused(ring, id, KeyOperation::rsa_pkcs1, Buffer(length), SignRefusal::wrong_shape);
  assert_refused(ring, id, KeyOperation::ecdsa, Buffer(32), SignRefusal::wrong_kind);
}

void raw_takes_pss_blocks_only(void**) {
  KeyRing ring;
  const auto id = add_or_fail(ring, 1, rsa_2048());
  for (const EVP_MD* hash : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
    const auto block = pss_block(rsa_2048(), hash);
    const auto signature = ring.sign(id, KeyOperation::rsa_raw, block);
    assert_true(opened(rsa_2048(), signature.value()) == block);
    for (const std::size_t bad_at : {0U, 1U, 100U, 254U, 255U}) {
      auto bad = block;
      bad[bad_at] ^= std::byte{0x80};
      assert_refused(ring, id, KeyOperation::rsa_raw, bad, SignRefusal::wrong_shape);
    }
    assert_refused(ring, id, KeyOperation::rsa_raw, Bytes(block).first(255),
                   SignRefusal::wrong_shape);
    auto longer = block;
    longer.insert(longer.begin(), std::byte{0});
    assert_refused(ring, id, KeyOperation::rsa_raw, longer, SignRefusal::wrong_shape);
  }
  // Top bit and trailer as in PSS and nothing else: a ciphertext that an attacker has shifted.
  Buffer lookalike(256, std::byte{0x5a});
  lookalike.back() = std::byte{0xbc};
  assert_refused(ring, id, KeyOperation::rsa_raw, lookalike, SignRefusal::wrong_shape);
  assert_refused(ring, id, KeyOperation::rsa_raw, pss_block(rsa_2048(), EVP_sha256(), 0),
                 SignRefusal::wrong_shape);
  assert_refused(ring, id, KeyOperation::rsa_raw, pss_block(rsa_2048(), EVP_sha1()),
                 SignRefusal::wrong_shape);
}

// No key generator makes all these sizes, but the padding needs only the length of the modulus.
Buffer pss_block_for(int modulus_bits) {
  const std::unique_ptr<RSA, io::CryptoFree<RSA_free>> rsa(RSA_new());
  BIGNUM* modulus = BN_new();
  BN_set_bit(modulus, modulus_bits - 1);
  BIGNUM* exponent = BN_new();
  BN_set_word(exponent, 65537);
  RSA_set0_key(rsa.get(), modulus, exponent, nullptr);
  Buffer block(static_cast<std::size_t>(RSA_size(rsa.get())));
  const std::array<unsigned char, 32> digest{};
  assert_int_equal(RSA_padding_add_PKCS1_PSS(rsa.get(),
                                             reinterpret_cast<unsigned char*>(block.data()),
                                             digest.data(), EVP_sha256(), RSA_PSS_SALTLEN_DIGEST),
                   1);
  return block;
}

void pss_blocks_of_odd_moduli_are_recognised(void**) {
  for (int bits = 2048; bits <= 2057; ++bits) {
    const auto block = pss_block_for(bits);
    const auto width = static_cast<std::size_t>(bits);
    assert_true(keyd::is_pss_block(block, width));
    const int unused_bits = static_cast<int>(block.size()) * 8 - (bits - 1);
    for (int i = 0; i < unused_bits; ++i) {
      auto bad = block;
      bad[0] |= std::byte{0x80} >> i;
      assert_false(keyd::is_pss_block(bad, width));
    }
  }
  for (const std::size_t bits : {0U, 1U, 8U, 9U, 512U})
    assert_false(keyd::is_pss_block(Buffer((bits + 7) / 8, std::byte{0xbc}), bits));
}

} // namespace

int main() {
  if (!io::crypto_library_init())
    return 1;
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_form_of_pem_is_read),
      cmocka_unit_test(unusable_keys_are_refused_with_the_reason),
      cmocka_unit_test(damaged_key_with_the_right_public_half_is_refused),
      cmocka_unit_test(dates_are_only_warned_about),
      cmocka_unit_test(pem_is_wiped_whatever_comes_of_it),
      cmocka_unit_test(id_is_that_of_the_certificate),
      cmocka_unit_test(key_goes_with_its_last_generation),
      cmocka_unit_test(refused_addition_changes_nothing),
      cmocka_unit_test(ecdsa_takes_digests_only),
      cmocka_unit_test(pkcs1_takes_sha2_digest_infos_only),
      cmocka_unit_test(raw_takes_pss_blocks_only),
      cmocka_unit_test(pss_blocks_of_odd_moduli_are_recognised),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
