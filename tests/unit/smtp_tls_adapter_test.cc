// smtpd's service in its loop, inside TLS.
#include "common/io/tls_key_hook.h"
#include "keyd/key_ring.h"
#include "tests/unit/certificate_maker.h"
#include "tests/unit/smtp_scene.h"

#include <openssl/ssl.h>

#include <csignal>
#include <ctime>

using namespace letterlock;
using namespace letterlock::test;

namespace {

struct TlsClient {
  using Context = std::unique_ptr<SSL_CTX, io::CryptoFree<SSL_CTX_free>>;
  using Connection = std::unique_ptr<SSL, io::CryptoFree<SSL_free>>;
  Context context{SSL_CTX_new(TLS_client_method())};
  Connection ssl{SSL_new(context.get())};

  explicit TlsClient(int fd) { SSL_set_fd(ssl.get(), fd); }
};

void a_message_comes_inside_tls(void**) {
  const auto key = make_ec_key(NID_X9_62_prime256v1);
  const auto certificate = make_certificate(key.get(), {.host = "mx.example.com"});
  keyd::KeyRing keys;
  auto pem = private_pem(key.get());
  assert_true(keys.add(1, pem, as_bytes(certificate), std::time(nullptr)).has_value());
  SmtpScene scene;
  io::set_private_key_operator(
      [&](const io::PrivateKeyOperation& operation) -> std::optional<std::vector<std::byte>> {
        auto made = keys.sign(operation.key_id, operation.kind, operation.input);
        return made ? std::optional(std::move(*made)) : std::nullopt;
      });
  scene.configure(10, certificate);
  auto client = scene.connect();
  client->send("EHLO c\r\nSTARTTLS\r\n");
  scene.expect(*client, "250-STARTTLS\r\n");
  scene.expect(*client, "220 2.0.0 ");
  scene.expect(*client, "\r\n");
  client->watch().want_read(false);

  TlsClient tls(client->fd());
  bool readable = true;
  io::FdWatch watch(scene.context.loop, client->fd(), [&] { readable = true; });
  watch.want_read(true);
  scene.until([&] { return std::exchange(readable, false) && SSL_connect(tls.ssl.get()) == 1; });
  const std::string script = "EHLO c\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<to@example.com>\r\n"
                             "DATA\r\nx\r\n.\r\n";
  assert_int_equal(SSL_write(tls.ssl.get(), script.data(), static_cast<int>(script.size())),
                   script.size());
  std::string wire;
  const auto read = [&] {
    char buffer[4096];
    const int count = SSL_read(tls.ssl.get(), buffer, sizeof buffer);
    wire.append(buffer, count > 0 ? static_cast<std::size_t>(count) : 0);
  };
  scene.until([&] {
    read();
    return wire.find("Accepted ") != std::string::npos;
  });
  assert_true(wire.find("STARTTLS") == std::string::npos);
  assert_true(scene.queued.messages.at(0).trace.find("with ESMTPS") != std::string::npos);

  // Many records that come at once: the socket shows nothing of those that are inside already.
  wire.clear();
  for (int i = 0; i < 20; ++i)
    assert_int_equal(SSL_write(tls.ssl.get(), "NOOP\r\n", 6), 6);
  scene.until([&] {
    read();
    return wire.size() >= 20 * std::string_view("250 2.0.0 OK\r\n").size();
  });
  assert_true(wire.ends_with("250 2.0.0 OK\r\n"));
  io::set_private_key_operator({});
}

void plaintext_behind_starttls_ends_the_session(void**) {
  const auto key = make_ec_key(NID_X9_62_prime256v1);
  SmtpScene scene;
  scene.configure(10, make_certificate(key.get(), {.host = "mx.example.com"}));
  auto client = scene.connect();
  client->send("EHLO c\r\nSTARTTLS\r\nNOOP\r\n");
  scene.expect(*client, "421 4.7.0 ");
  scene.expect_end(*client);
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_message_comes_inside_tls),
      cmocka_unit_test(plaintext_behind_starttls_ends_the_session),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
