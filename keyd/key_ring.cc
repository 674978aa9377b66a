// Loads private keys and signs with them, through libcrypto.
#include "keyd/key_ring.h"

#include "common/base/secret.h"
#include "keyd/signature_shape.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <climits>
#include <iterator>
#include <utility>

namespace letterlock::keyd {

namespace {

using io::KeyOperation;
using io::KeyType;

class WipeAtEnd {
public:
  explicit WipeAtEnd(std::span<std::byte> bytes) : bytes_(bytes) {}
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;
  ~WipeAtEnd() { wipe_memory(bytes_.data(), bytes_.size()); }

private:
  std::span<std::byte> bytes_;
};

// libcrypto would ask the terminal for the pass phrase if it were not given this.
int no_pass_phrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

Expected<io::PkeyPtr> read_private_key(Bytes pem) {
  if (pem.empty() || pem.size() > INT_MAX)
    return fail("this is not a PEM private key");
  const io::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio)
    return io::fail_crypto("the private key can't be read");
  bool encrypted = false;
  io::PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, &encrypted));
  if (encrypted) {
    ERR_clear_error();
    return fail("the private key is encrypted: store it without a pass phrase");
  }
  if (!key)
    return io::fail_crypto("this is not a PEM private key");
  return key;
}

// What EVP_PKEY_sign() and EVP_PKEY_verify() do with a block that is ready for them.
int padding_of(KeyOperation kind) {
  return kind == KeyOperation::rsa_raw ? RSA_NO_PADDING : RSA_PKCS1_PADDING;
}

unsigned char* raw(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}
const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

// Ready to sign any number of times. None if libcrypto cannot do this with the key.
io::PkeyContextPtr make_signer(EVP_PKEY* key, KeyOperation kind) {
  io::PkeyContextPtr signer(EVP_PKEY_CTX_new(key, nullptr));
  if (!signer || EVP_PKEY_sign_init(signer.get()) != 1 ||
      (kind != KeyOperation::ecdsa &&
       EVP_PKEY_CTX_set_rsa_padding(signer.get(), padding_of(kind)) != 1))
    return {};
  return signer;
}

std::optional<std::vector<std::byte>> make_signature(EVP_PKEY_CTX* signer, Bytes input) {
  std::size_t length = 0;
  if (EVP_PKEY_sign(signer, nullptr, &length, raw(input.data()), input.size()) != 1)
    return std::nullopt;
  std::vector<std::byte> signature(length);
  if (EVP_PKEY_sign(signer, raw(signature.data()), &length, raw(input.data()), input.size()) != 1)
    return std::nullopt;
  signature.resize(length);
  return signature;
}

bool confirms(EVP_PKEY* public_half, KeyOperation kind, Bytes input, Bytes signature) {
  const io::PkeyContextPtr context(EVP_PKEY_CTX_new(public_half, nullptr));
  return context && EVP_PKEY_verify_init(context.get()) == 1 &&
         (kind == KeyOperation::ecdsa ||
          EVP_PKEY_CTX_set_rsa_padding(context.get(), padding_of(kind)) == 1) &&
         EVP_PKEY_verify(context.get(), raw(signature.data()), signature.size(), raw(input.data()),
                         input.size()) == 1;
}

// A key may load, and match the certificate by its public half, and yet be damaged.
bool can_sign(EVP_PKEY_CTX* signer, KeyOperation kind, const io::Certificate& certificate) {
  const std::array<std::byte, 32> digest{};
  const auto signature = make_signature(signer, digest);
  return signature && confirms(X509_get0_pubkey(certificate.native()), kind, digest, *signature);
}

std::optional<std::string> warning_about(const io::Certificate& certificate, std::time_t now) {
  switch (certificate.validity(now)) {
  case io::Validity::valid:
    return std::nullopt;
  case io::Validity::not_yet:
    return "the certificate is not valid yet";
  case io::Validity::expired:
    return "the certificate has expired";
  }
  return std::nullopt;
}

bool has_shape(KeyOperation kind, Bytes input, std::size_t key_bits) {
  switch (kind) {
  case KeyOperation::rsa_raw:
    return is_pss_block(input, key_bits);
  case KeyOperation::rsa_pkcs1:
    return is_digest_info(input);
  case KeyOperation::ecdsa:
    return is_digest(input);
  }
  return false;
}

} // namespace

std::string_view refusal_name(SignRefusal refusal) {
  switch (refusal) {
  case SignRefusal::unknown_key:
    return "unknown key";
  case SignRefusal::wrong_kind:
    return "wrong kind of key";
  case SignRefusal::wrong_shape:
    return "not a padded digest";
  case SignRefusal::failed:
    return "signing failed";
  }
  return "unknown";
}

Expected<AddedKey> KeyRing::add(Generation generation, std::span<std::byte> key_pem,
                                Bytes certificate_chain, std::time_t now) {
  const WipeAtEnd wiped(key_pem);
  const auto certificate = io::Certificate::parse(as_text(certificate_chain));
  if (!certificate)
    return std::unexpected(certificate.error());
  auto key = read_private_key(key_pem);
  if (!key)
    return std::unexpected(key.error());
  if (X509_check_private_key(certificate->native(), key->get()) != 1) {
    ERR_clear_error();
    return fail("the key does not match the certificate");
  }
  Signers signers;
  if (certificate->key_type() == KeyType::rsa) {
    signers[KeyOperation::rsa_raw] = make_signer(key->get(), KeyOperation::rsa_raw);
    signers[KeyOperation::rsa_pkcs1] = make_signer(key->get(), KeyOperation::rsa_pkcs1);
  } else {
    signers[KeyOperation::ecdsa] = make_signer(key->get(), KeyOperation::ecdsa);
  }
  // The last one signs short digests.
  const auto& [kind, signer] = *signers.rbegin();
  if (std::ranges::any_of(signers, [](const auto& each) { return !each.second; }) ||
      !can_sign(signer.get(), kind, *certificate))
    return io::fail_crypto("the key can't sign");

  const io::KeyId& id = certificate->key_id();
  const auto known = keys_.find(id);
  if (known == keys_.end() && keys_.size() >= most_keys)
    return fail("more than " + std::to_string(most_keys) + " private keys");
  AddedKey added{id, warning_about(*certificate, now)};
  if (known != keys_.end()) {
    known->second.generations.insert(generation);
    return added;
  }
  keys_.emplace(
      id, Key{std::move(signers), static_cast<std::size_t>(certificate->key_bits()), {generation}});
  return added;
}

void KeyRing::retire(Generation generation) {
  for (auto at = keys_.begin(); at != keys_.end();) {
    auto& generations = at->second.generations;
    generations.erase(generation);
    at = generations.empty() ? keys_.erase(at) : std::next(at);
  }
}

std::expected<std::vector<std::byte>, SignRefusal>
KeyRing::sign(const io::KeyId& key_id, KeyOperation kind, Bytes input) const {
  const auto found = keys_.find(key_id);
  if (found == keys_.end())
    return std::unexpected(SignRefusal::unknown_key);
  const Key& key = found->second;
  const auto signer = key.signers.find(kind);
  if (signer == key.signers.end())
    return std::unexpected(SignRefusal::wrong_kind);
  if (!has_shape(kind, input, key.bits))
    return std::unexpected(SignRefusal::wrong_shape);
  auto signature = make_signature(signer->second.get(), input);
  if (!signature) {
    ERR_clear_error(); // or the next handshake or key would be blamed
    return std::unexpected(SignRefusal::failed);
  }
  return std::move(*signature);
}

} // namespace letterlock::keyd
