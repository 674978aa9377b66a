// A site whose key signs in this process, and its certificate: for TLS without keyd.
#pragma once

#include "common/io/tls_key_hook.h"
#include "keyd/key_ring.h"
#include "tests/unit/certificate_maker.h"

#include <openssl/obj_mac.h>

#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/check.h" // last: its fail() is a macro

namespace letterlock::test {

// A key, its certificate, and who signs with it: made after the scene, whose service would ask
// keyd.
struct KeySite {
  KeySite() {
    const auto key = make_ec_key(NID_X9_62_prime256v1);
    certificate = make_certificate(key.get(), {.host = "mx.example.com"});
    auto pem = private_pem(key.get());
    assert_true(keys.add(1, pem, as_bytes(certificate), std::time(nullptr)).has_value());
    io::set_private_key_operator(
        [this](const io::PrivateKeyOperation& operation) -> std::optional<std::vector<std::byte>> {
          auto made = keys.sign(operation.key_id, operation.kind, operation.input);
          return made ? std::optional(std::move(*made)) : std::nullopt;
        });
  }
  ~KeySite() { io::set_private_key_operator({}); }
  KeySite(const KeySite&) = delete;
  KeySite& operator=(const KeySite&) = delete;

  std::string certificate;
  keyd::KeyRing keys;
};

} // namespace letterlock::test
