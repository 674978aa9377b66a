// TLS without a private key in the process: handshakes whose signatures a KeyRing makes.
//
// The KeyRing is in the same process here; that its key is never part of the server's context is
// proven by the operator's refusal, which no handshake survives.
#define OPENSSL_SUPPRESS_DEPRECATED // the hook's own interface

#include "common/io/tls_key_hook.h"
#include "common/io/tls_server.h"
#include "keyd/key_ring.h"
#include "tests/unit/certificate_maker.h"
#include "tests/unit/check.h"
#include "tests/unit/tls_test_client.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <signal.h>

#include <array>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace letterlock;
using namespace letterlock::test;
using io::KeyOperation;
using io::TlsState;

namespace {

// Two domains, one with an RSA key and one with an ECDSA key, and who signs for them.
struct Site {
  std::string rsa_certificate;
  std::string ec_certificate;
  keyd::KeyRing keys;
  std::map<KeyOperation, int> asked;
};

Site make_site() {
  Site site;
  const auto rsa = make_rsa_key(2048);
  const auto ec = make_ec_key(NID_X9_62_prime256v1);
  site.rsa_certificate = make_certificate(rsa.get(), {.host = "rsa.example"});
  site.ec_certificate = make_certificate(ec.get(), {.host = "ec.example"});
  auto rsa_pem = private_pem(rsa.get());
  auto ec_pem = private_pem(ec.get());
  const auto now = std::time(nullptr);
  assert_true(site.keys.add(1, rsa_pem, as_bytes(site.rsa_certificate), now).has_value());
  assert_true(site.keys.add(1, ec_pem, as_bytes(site.ec_certificate), now).has_value());
  return site;
}

Site& the_site() {
  static Site site = make_site();
  return site;
}

void sign_with_the_site() {
  the_site().asked.clear();
  io::set_private_key_operator(
      [](const io::PrivateKeyOperation& operation) -> std::optional<std::vector<std::byte>> {
        ++the_site().asked[operation.kind];
        auto answer = the_site().keys.sign(operation.key_id, operation.kind, operation.input);
        if (!answer)
          return std::nullopt;
        return std::move(*answer);
      });
}

io::TlsServer serve(const std::vector<io::CertificateChain>& chains) {
  auto server = io::TlsServer::make(chains);
  if (!server)
    fail_msg("%s", server.error().text.c_str());
  return *server;
}

io::TlsServer serve_both() {
  return serve({{the_site().rsa_certificate}, {the_site().ec_certificate}});
}

int set_up(void**) {
  ::signal(SIGPIPE, SIG_IGN);
  sign_with_the_site();
  return 0;
}

std::string read_text(io::TlsStream& stream) {
  std::array<std::byte, 64> buffer{};
  const auto result = stream.read(buffer);
  assert_int_equal(result.state, TlsState::done);
  return std::string(as_text(Bytes(buffer).first(result.bytes)));
}

void assert_conversation(io::TlsStream& stream, TlsTestClient& client) {
  assert_true(client.send("EHLO"));
  assert_text_equal(read_text(stream), "EHLO");
  const auto written = stream.write(as_bytes("250 OK"));
  assert_int_equal(written.state, TlsState::done);
  assert_int_equal(written.bytes, 6);
  assert_text_equal(client.receive(), "250 OK");
}

void certificate_is_chosen_by_the_name_asked_for(void**) {
  struct Row {
    int version;
    const char* host;
    const char* signatures;
    const char* answered_by;
    KeyOperation signed_by;
  };
  constexpr auto raw = KeyOperation::rsa_raw;
  constexpr auto pkcs1 = KeyOperation::rsa_pkcs1;
  constexpr auto ecdsa = KeyOperation::ecdsa;
  constexpr std::array rows = {
      Row{TLS1_2_VERSION, nullptr, nullptr, "rsa.example", raw},
      Row{TLS1_2_VERSION, "rsa.example", nullptr, "rsa.example", raw},
      Row{TLS1_2_VERSION, "ec.example", nullptr, "ec.example", ecdsa},
      Row{TLS1_2_VERSION, "unknown.example", nullptr, "rsa.example", raw},
      Row{TLS1_2_VERSION, "rsa.example", "RSA+SHA256", "rsa.example", pkcs1},
      Row{TLS1_2_VERSION, "rsa.example", "RSA+SHA384", "rsa.example", pkcs1},
      Row{TLS1_2_VERSION, "rsa.example", "RSA+SHA512", "rsa.example", pkcs1},
      Row{TLS1_2_VERSION, "ec.example", "ECDSA+SHA512", "ec.example", ecdsa},
      Row{TLS1_3_VERSION, nullptr, nullptr, "rsa.example", raw},
      Row{TLS1_3_VERSION, "rsa.example", nullptr, "rsa.example", raw},
      Row{TLS1_3_VERSION, "rsa.example", "rsa_pss_rsae_sha384", "rsa.example", raw},
      Row{TLS1_3_VERSION, "rsa.example", "rsa_pss_rsae_sha512", "rsa.example", raw},
      Row{TLS1_3_VERSION, "EC.example", nullptr, "ec.example", ecdsa},
      Row{TLS1_3_VERSION, "unknown.example", nullptr, "rsa.example", raw},
  };
  const auto server = serve_both();
  for (const Row& row : rows) {
    sign_with_the_site();
    TlsTestClient client({.version = row.version, .host = row.host, .signatures = row.signatures});
    auto stream = server.accept(client.server_end.get());
    if (shake_hands(stream, client).state != TlsState::done)
      fail_msg("version %x, host %s, signatures %s: %s", static_cast<unsigned>(row.version),
               row.host, row.signatures, std::string(stream.reason().view()).c_str());
    assert_text_equal(client.server_name(), row.answered_by);
    assert_int_equal(the_site().asked.size(), 1);
    assert_int_equal(the_site().asked[row.signed_by], 1);
    assert_text_equal(stream.version(), row.version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
    assert_false(stream.cipher().empty());
    assert_conversation(stream, client);
  }
}

// Who offers others only gets those.
void keys_of_128_bits_go_first(void**) {
  struct Row {
    int version;
    const char* ciphers;
    const char* taken;
  };
  constexpr std::array rows = {
      Row{TLS1_3_VERSION, nullptr, "TLS_AES_128_GCM_SHA256"},
      Row{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
          "TLS_AES_256_GCM_SHA384"},
      Row{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
      Row{TLS1_2_VERSION, nullptr, "ECDHE-RSA-AES128-GCM-SHA256"},
      Row{TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384",
          "ECDHE-RSA-AES256-GCM-SHA384"},
      Row{TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"},
  };
  const auto server = serve_both();
  for (const Row& row : rows) {
    sign_with_the_site();
    TlsTestClient client({.version = row.version, .ciphers = row.ciphers});
    auto stream = server.accept(client.server_end.get());
    assert_int_equal(shake_hands(stream, client).state, TlsState::done);
    assert_text_equal(stream.cipher(), row.taken);
  }
}

void ecdsa_can_be_the_default(void**) {
  const auto server = serve({{the_site().ec_certificate}, {the_site().rsa_certificate}});
  for (const auto& [host, expected] : std::map<std::string, const char*>{
           {"rsa.example", "rsa.example"}, {"other.example", "ec.example"}}) {
    TlsTestClient client({.host = host.c_str()});
    auto stream = server.accept(client.server_end.get());
    assert_int_equal(shake_hands(stream, client).state, TlsState::done);
    assert_text_equal(client.server_name(), expected);
  }
}

void whole_chain_is_sent(void**) {
  const auto issuer = make_ec_key(NID_secp384r1);
  const auto server = serve(
      {{the_site().rsa_certificate + make_certificate(issuer.get(), {.host = "issuer.example"})}});
  TlsTestClient client({});
  auto stream = server.accept(client.server_end.get());
  assert_int_equal(shake_hands(stream, client).state, TlsState::done);
  assert_int_equal(client.chain_length(), 2);
}

void old_protocols_are_refused(void**) {
  const auto server = serve_both();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TlsTestClient client({.version = version});
    auto stream = server.accept(client.server_end.get());
    assert_int_equal(shake_hands(stream, client).state, TlsState::failed);
    assert_true(stream.reason().view().contains("unsupported"));
    assert_true(the_site().asked.empty());
  }
}

void refusal_fails_that_handshake_alone(void**) {
  const auto server = serve_both();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const char* host : {"rsa.example", "ec.example"}) {
      TlsTestClient before({.version = version, .host = host});
      auto open = server.accept(before.server_end.get());
      assert_int_equal(shake_hands(open, before).state, TlsState::done);

      io::set_private_key_operator([](const auto&) { return std::nullopt; });
      TlsTestClient refused({.version = version, .host = host});
      auto failed = server.accept(refused.server_end.get());
      assert_int_equal(shake_hands(failed, refused).state, TlsState::failed);
      assert_true(failed.reason().view().contains("did not sign"));
      // It stays failed.
      std::array<std::byte, 8> buffer{};
      assert_int_equal(failed.handshake().state, TlsState::failed);
      assert_int_equal(failed.read(buffer).state, TlsState::failed);
      assert_int_equal(failed.write(buffer).state, TlsState::failed);
      assert_int_equal(failed.close().state, TlsState::failed);

      sign_with_the_site();
      TlsTestClient after({.version = version, .host = host});
      auto next = server.accept(after.server_end.get());
      assert_int_equal(shake_hands(next, after).state, TlsState::done);
      assert_conversation(open, before);
      assert_conversation(next, after);
    }
}

void answers_of_the_wrong_size_fail_the_handshake(void**) {
  const auto server = serve_both();
  for (const std::size_t size : {std::size_t{0}, std::size_t{255}, std::size_t{5000}})
    for (const char* host : {"rsa.example", "ec.example"}) {
      io::set_private_key_operator([size](const auto&) {
        return std::optional<std::vector<std::byte>>(std::in_place, size);
      });
      TlsTestClient client({.host = host});
      auto stream = server.accept(client.server_end.get());
      assert_int_equal(shake_hands(stream, client).state, TlsState::failed);
    }
  sign_with_the_site();
}

void open_streams_outlive_their_generation(void**) {
  std::optional<io::TlsServer> server = serve_both();
  TlsTestClient open_client({.host = "ec.example"});
  auto open = server->accept(open_client.server_end.get());
  assert_int_equal(shake_hands(open, open_client).state, TlsState::done);
  TlsTestClient half_client({.host = "ec.example"});
  auto half = server->accept(half_client.server_end.get());
  assert_int_equal(half.handshake().state, TlsState::want_read);

  TlsTestClient replaced_client({.host = "ec.example"});
  auto replaced = server->accept(replaced_client.server_end.get());
  assert_int_equal(replaced.handshake().state, TlsState::want_read);

  server = serve({{the_site().rsa_certificate}}); // the old one goes

  assert_conversation(open, open_client);
  assert_int_equal(shake_hands(half, half_client).state, TlsState::done);
  assert_text_equal(half_client.server_name(), "ec.example");
  TlsTestClient new_client({.host = "ec.example"});
  replaced = server->accept(new_client.server_end.get());
  assert_int_equal(shake_hands(replaced, new_client).state, TlsState::done);
  assert_text_equal(new_client.server_name(), "rsa.example");
}

void sessions_are_not_resumed(void**) {
  const auto server = serve_both();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsTestClient first({.version = version});
    auto stream = server.accept(first.server_end.get());
    assert_int_equal(shake_hands(stream, first).state, TlsState::done);
    assert_conversation(stream, first);
    first.send_close_notify();
    const auto session = first.session();
    // It is not led to try: it has no ticket, and no id of a session.
    assert_int_equal(SSL_SESSION_is_resumable(session.get()), 0);
    TlsTestClient second({.version = version, .resume = session.get()});
    auto again = server.accept(second.server_end.get());
    assert_int_equal(shake_hands(again, second).state, TlsState::done);
    assert_false(second.resumed());
  }
}

// libtls makes its contexts by the same call.
void contexts_read_ahead_and_keep_no_buffers(void**) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free);
  assert_non_null(context.get());
  assert_true((SSL_CTX_get_mode(context.get()) & SSL_MODE_RELEASE_BUFFERS) != 0);
  assert_int_equal(SSL_CTX_get_read_ahead(context.get()), 1);
}

void nothing_to_read_is_want_read(void**) {
  const auto server = serve_both();
  TlsTestClient client({});
  auto stream = server.accept(client.server_end.get());
  assert_int_equal(stream.handshake().state, TlsState::want_read);
  assert_int_equal(stream.handshake().state, TlsState::want_read);
  assert_int_equal(shake_hands(stream, client).state, TlsState::done);
  std::array<std::byte, 3> buffer{};
  assert_int_equal(stream.read(buffer).state, TlsState::want_read);
  // What is decrypted already comes without the socket: five bytes in two reads.
  assert_true(client.send("hello"));
  assert_int_equal(stream.read(buffer).bytes, 3);
  assert_int_equal(stream.read(buffer).bytes, 2);
  assert_int_equal(stream.read(buffer).state, TlsState::want_read);
}

void full_socket_is_want_write_until_it_drains(void**) {
  const auto server = serve_both();
  TlsTestClient client({});
  auto stream = server.accept(client.server_end.get());
  assert_int_equal(shake_hands(stream, client).state, TlsState::done);
  const std::string chunk(10000, 'x');
  std::size_t written = 0;
  io::TlsResult result{TlsState::done};
  while ((result = stream.write(as_bytes(chunk))).state == TlsState::done)
    written += result.bytes;
  assert_int_equal(result.state, TlsState::want_write);

  std::size_t received = 0;
  const std::string moved = chunk; // the same bytes elsewhere
  while (received < written)
    received += client.receive().size();
  result = stream.write(as_bytes(moved));
  assert_int_equal(result.state, TlsState::done);
  for (written += result.bytes; received < written;)
    received += client.receive().size();
  assert_int_equal(received, written);
}

void hanging_up_without_a_word_is_the_end(void**) {
  const auto server = serve_both();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsTestClient client({.version = version});
    auto stream = server.accept(client.server_end.get());
    assert_int_equal(shake_hands(stream, client).state, TlsState::done);
    assert_text_equal(client.receive(), ""); // what is unread at the end would make a reset of it
    assert_true(client.send("QUIT"));
    client.hang_up();
    assert_text_equal(read_text(stream), "QUIT");
    std::array<std::byte, 8> buffer{};
    assert_int_equal(stream.read(buffer).state, TlsState::end);
    assert_int_equal(stream.read(buffer).state, TlsState::end);
    assert_int_equal(stream.close().state, TlsState::done);
  }
}

void hanging_up_in_the_handshake_is_a_failure(void**) {
  const auto server = serve_both();
  TlsTestClient client({});
  auto stream = server.accept(client.server_end.get());
  client.step();
  assert_int_equal(stream.handshake().state, TlsState::want_read);
  client.hang_up();
  assert_int_equal(stream.handshake().state, TlsState::failed);
  assert_false(stream.reason().empty());
}

void close_says_so_and_leaves_the_descriptor(void**) {
  const auto server = serve_both();
  TlsTestClient client({});
  {
    auto stream = server.accept(client.server_end.get());
    assert_int_equal(shake_hands(stream, client).state, TlsState::done);
    assert_int_equal(stream.close().state, TlsState::done);
    assert_text_equal(client.receive(), "");
    assert_true(client.saw_close_notify());
    client.send_close_notify();
    std::array<std::byte, 8> buffer{};
    assert_int_equal(stream.read(buffer).state, TlsState::end);
  }
  assert_int_not_equal(::fcntl(client.server_end.get(), F_GETFD), -1);
}

void garbage_is_a_failure_with_a_reason(void**) {
  const auto server = serve_both();
  int ends[2] = {-1, -1};
  assert_int_equal(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd stranger(ends[0]), own(ends[1]);
  const std::string_view garbage = "EHLO in clear on the wrong port\r\n";
  assert_int_equal(::write(stranger.get(), garbage.data(), garbage.size()), garbage.size());
  auto stream = server.accept(own.get());
  assert_int_equal(stream.handshake().state, TlsState::failed);
  assert_false(stream.reason().empty());
  assert_text_equal(stream.version(), "");
}

void bad_certificates_are_named_by_number(void**) {
  const auto error_of = [](std::vector<io::CertificateChain> chains) {
    const auto server = io::TlsServer::make(chains);
    return server ? std::string("accepted") : server.error().text;
  };
  assert_text_equal(error_of({}), "TLS needs a certificate");
  assert_int_equal(
      error_of({{the_site().rsa_certificate}, {"nonsense"}}).find("certificate 2: this is not a"),
      0);
  const auto damaged =
      the_site().ec_certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert_int_equal(error_of({{damaged}}).find("certificates: "), 0);
  const auto ed25519 = make_ed25519_key();
  assert_text_equal(error_of({{make_certificate(ed25519.get(), {.host = "ed.example"})}}),
                    "certificate 1: the certificate's key is neither RSA nor ECDSA");
  // And the last good server is as good as before.
  certificate_is_chosen_by_the_name_asked_for(nullptr);
}

void key_that_is_whole_signs_for_itself(void**) {
  io::set_private_key_operator({});
  const auto rsa = make_rsa_key(2048);
  const auto ec = make_ec_key(NID_secp384r1);
  assert_false(make_certificate(rsa.get(), {.host = "a.example"}).empty());
  assert_false(make_certificate(ec.get(), {.host = "b.example"}).empty());
  sign_with_the_site();
}

// libcrypto copies what goes with a key byte by byte unless it is told not to.
void a_key_and_its_copy_have_their_id_each(void**) {
  using EcKey = std::unique_ptr<EC_KEY, io::CryptoFree<EC_KEY_free>>;
  const auto certificate = io::Certificate::parse(the_site().ec_certificate);
  assert_true(certificate.has_value());
  EcKey key(EVP_PKEY_get1_EC_KEY(X509_get0_pubkey(certificate->native())));
  std::vector<io::KeyId> named;
  io::set_private_key_operator(
      [&](const io::PrivateKeyOperation& operation) -> std::optional<std::vector<std::byte>> {
        named.push_back(operation.key_id);
        return std::nullopt;
      });
  const std::array<unsigned char, 32> digest{};
  std::array<unsigned char, 80> signature{};
  const auto ask = [&](EC_KEY* which) {
    unsigned length = 0;
    ECDSA_sign(0, digest.data(), digest.size(), signature.data(), &length, which);
  };
  ask(key.get());
  ask(key.get());
  const EcKey copy(EC_KEY_dup(key.get()));
  ask(copy.get());
  key.reset();
  ask(copy.get());
  assert_int_equal(named.size(), 4);
  for (const io::KeyId& id : named)
    assert_true(id == certificate->key_id());
  ERR_clear_error();
  sign_with_the_site();
}

void names_of_a_certificate_are_listed(void**) {
  const auto names = io::certificate_names(the_site().rsa_certificate);
  assert_true(names.has_value());
  assert_int_equal(names->size(), 1);
  assert_text_equal(names->front(), "rsa.example");
}

} // namespace

int main() {
  if (!io::tls_library_init())
    return 1;
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(certificate_is_chosen_by_the_name_asked_for, set_up),
      cmocka_unit_test_setup(keys_of_128_bits_go_first, set_up),
      cmocka_unit_test_setup(ecdsa_can_be_the_default, set_up),
      cmocka_unit_test_setup(whole_chain_is_sent, set_up),
      cmocka_unit_test_setup(old_protocols_are_refused, set_up),
      cmocka_unit_test_setup(refusal_fails_that_handshake_alone, set_up),
      cmocka_unit_test_setup(answers_of_the_wrong_size_fail_the_handshake, set_up),
      cmocka_unit_test_setup(open_streams_outlive_their_generation, set_up),
      cmocka_unit_test_setup(sessions_are_not_resumed, set_up),
      cmocka_unit_test_setup(contexts_read_ahead_and_keep_no_buffers, set_up),
      cmocka_unit_test_setup(nothing_to_read_is_want_read, set_up),
      cmocka_unit_test_setup(full_socket_is_want_write_until_it_drains, set_up),
      cmocka_unit_test_setup(hanging_up_without_a_word_is_the_end, set_up),
      cmocka_unit_test_setup(hanging_up_in_the_handshake_is_a_failure, set_up),
      cmocka_unit_test_setup(close_says_so_and_leaves_the_descriptor, set_up),
      cmocka_unit_test_setup(garbage_is_a_failure_with_a_reason, set_up),
      cmocka_unit_test_setup(bad_certificates_are_named_by_number, set_up),
      cmocka_unit_test_setup(key_that_is_whole_signs_for_itself, set_up),
      cmocka_unit_test_setup(a_key_and_its_copy_have_their_id_each, set_up),
      cmocka_unit_test_setup(names_of_a_certificate_are_listed, set_up),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
