// The RSA and ECDSA methods that ask the private key's holder.
//
// OpenSSL 3 calls these interfaces deprecated, because providers are to take their place; LibreSSL
// has nothing else, and OpenSSL's own provider still signs through them.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/io/tls_key_hook.h"

#include "common/io/crypto.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

namespace letterlock::io {

namespace {

PrivateKeyOperator& current_operator() {
  static PrivateKeyOperator the_operator;
  return the_operator;
}

// What libcrypto did before, for keys that have their private part.
using RsaSign = int (*)(int, const unsigned char*, unsigned char*, RSA*, int);
using EcSign = int (*)(int, const unsigned char*, int, unsigned char*, unsigned int*, const BIGNUM*,
                       const BIGNUM*, EC_KEY*);
RsaSign rsa_sign_before = nullptr;
EcSign ec_sign_before = nullptr;

// Notes in libcrypto's way why the handshake is going to fail: it becomes the text of the stream.
void note_refusal() {
  static const int library = [] {
    static ERR_STRING_DATA text[] = {
        {ERR_PACK(0, 0, 1), "the holder of the private key did not sign"}, {0, nullptr}};
    const int number = ERR_get_next_error_library();
    ERR_load_strings(number, text);
    return number;
  }();
  ERR_PUT_error(library, 0, 1, "tls_key_hook", 0);
}

std::optional<std::vector<std::byte>> ask_operator(KeyOperation kind, const KeyId* key_id,
                                                   Bytes input) {
  if (!current_operator() || key_id == nullptr)
    return std::nullopt;
  return current_operator()({.key_id = *key_id, .kind = kind, .input = input});
}

// The public key's encoding, from one of libcrypto's i2d functions; empty if memory is short.
template <auto Encode, class Key> std::vector<std::byte> encoding_of(Key* key) {
  const int length = Encode(key, nullptr);
  if (length <= 0)
    return {};
  std::vector<std::byte> encoded(static_cast<std::size_t>(length));
  auto* at = reinterpret_cast<unsigned char*>(encoded.data());
  Encode(key, &at);
  return encoded;
}

// Of the ids that go with libcrypto's keys.
int rsa_index = -1;
int ec_index = -1;

// The id of a key, kept with it from the first time on: encoding a point takes a fifth of the time
// of a signature. Null if memory is short.
template <auto Encode, class Key>
const KeyId* id_of(Key* key, int index, void* (*get)(const Key*, int),
                   int (*set)(Key*, int, void*)) {
  if (const void* known = get(key, index); known != nullptr)
    return static_cast<const KeyId*>(known);
  const auto encoded = encoding_of<Encode>(key);
  auto id = std::make_unique<KeyId>();
  if (encoded.empty() ||
      EVP_Digest(encoded.data(), encoded.size(), id->data(), nullptr, EVP_sha256(), nullptr) != 1 ||
      set(key, index, id.get()) != 1)
    return nullptr;
  return id.release();
}

void free_id(void*, void* id, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<KeyId*>(id);
}

// For the copy of a key, which finds out again. OpenSSL and LibreSSL differ in the type.
template <class Slot>
int forget_id(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, Slot id, int, long, void*) {
  *static_cast<void**>(id) = nullptr;
  return 1;
}

std::optional<KeyOperation> rsa_operation(int padding) {
  switch (padding) {
  case RSA_PKCS1_PADDING:
    return KeyOperation::rsa_pkcs1;
  case RSA_NO_PADDING: // OpenSSL and LibreSSL have made the PSS block already
    return KeyOperation::rsa_raw;
  default:
    return std::nullopt;
  }
}

// noexcept on both: an exception must not pass through C.
int rsa_sign(int length, const unsigned char* from, unsigned char* to, RSA* rsa,
             int padding) noexcept {
  const BIGNUM* secret = nullptr;
  RSA_get0_key(rsa, nullptr, nullptr, &secret);
  if (secret != nullptr)
    return rsa_sign_before(length, from, to, rsa, padding);

  const auto kind = rsa_operation(padding);
  const int size = RSA_size(rsa);
  if (!kind || length <= 0 || size <= 0) {
    note_refusal();
    return -1;
  }
  const auto signature =
      ask_operator(*kind, id_of<i2d_RSAPublicKey>(rsa, rsa_index, RSA_get_ex_data, RSA_set_ex_data),
                   std::as_bytes(std::span(from, static_cast<std::size_t>(length))));
  if (!signature || signature->size() != static_cast<std::size_t>(size)) {
    note_refusal();
    return -1;
  }
  std::ranges::copy(*signature, reinterpret_cast<std::byte*>(to));
  return size;
}

int ec_sign(int type, const unsigned char* digest, int length, unsigned char* to,
            unsigned int* to_length, const BIGNUM* inverse, const BIGNUM* r, EC_KEY* key) noexcept {
  if (EC_KEY_get0_private_key(key) != nullptr)
    return ec_sign_before(type, digest, length, to, to_length, inverse, r, key);

  const int most = ECDSA_size(key);
  if (length <= 0 || most <= 0) {
    note_refusal();
    return 0;
  }
  const auto signature =
      ask_operator(KeyOperation::ecdsa,
                   id_of<i2o_ECPublicKey>(key, ec_index, EC_KEY_get_ex_data, EC_KEY_set_ex_data),
                   std::as_bytes(std::span(digest, static_cast<std::size_t>(length))));
  if (!signature || signature->empty() || signature->size() > static_cast<std::size_t>(most)) {
    note_refusal();
    return 0;
  }
  std::ranges::copy(*signature, reinterpret_cast<std::byte*>(to));
  *to_length = static_cast<unsigned int>(signature->size());
  return 1;
}

// Both methods stay until the process ends: any key may point to them.
bool install_rsa() {
  RSA_METHOD* method = RSA_meth_dup(RSA_get_default_method());
  rsa_index = RSA_get_ex_new_index(0, nullptr, nullptr, forget_id, free_id);
  if (method == nullptr || rsa_index < 0)
    return false;
  rsa_sign_before = RSA_meth_get_priv_enc(method);
  RSA_meth_set_priv_enc(method, rsa_sign);
  RSA_set_default_method(method);
  return true;
}

bool install_ec() {
  EC_KEY_METHOD* method = EC_KEY_METHOD_new(EC_KEY_get_default_method());
  ec_index = EC_KEY_get_ex_new_index(0, nullptr, nullptr, forget_id, free_id);
  if (method == nullptr || ec_index < 0)
    return false;
  int (*setup)(EC_KEY*, BN_CTX*, BIGNUM**, BIGNUM**) = nullptr;
  ECDSA_SIG* (*sign_apart)(const unsigned char*, int, const BIGNUM*, const BIGNUM*, EC_KEY*) =
      nullptr;
  EC_KEY_METHOD_get_sign(method, &ec_sign_before, &setup, &sign_apart);
  EC_KEY_METHOD_set_sign(method, ec_sign, setup, sign_apart);
  EC_KEY_set_default_method(method);
  return true;
}

} // namespace

void set_private_key_operator(PrivateKeyOperator replacement) {
  current_operator() = std::move(replacement);
}

bool install_private_key_hook() {
  static const bool installed = install_rsa() && install_ec();
  return installed;
}

} // namespace letterlock::io
