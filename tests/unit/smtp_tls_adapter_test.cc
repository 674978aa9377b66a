// smtpd's service in its loop, inside TLS.
#include "tests/unit/key_site.h"
#include "tests/unit/smtp_scene.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <csignal>

using namespace letterlock;
using namespace letterlock::test;

namespace {

// From the handshake on, in the place of a client that has read nothing since.
class TlsClient {
public:
  TlsClient(SmtpScene& scene, SmtpClient& client)
      : scene_(scene), watch_(scene.context.loop, client.fd(), [this] { readable_ = true; }) {
    client.watch().want_read(false);
    SSL_set_fd(ssl_.get(), client.fd());
    watch_.want_read(true);
    scene.until([&] { return std::exchange(readable_, false) && SSL_connect(ssl_.get()) == 1; });
  }
  void send(std::string_view text) {
    assert_int_equal(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
                     text.size());
  }
  // All up to and with this text.
  std::string expect(std::string_view text) {
    std::string heard;
    scene_.until([&] {
      char buffer[4096];
      const int count = SSL_read(ssl_.get(), buffer, sizeof buffer);
      wire_.append(buffer, count > 0 ? static_cast<std::size_t>(count) : 0);
      const std::size_t at = wire_.find(text);
      if (at == std::string::npos)
        return false;
      heard = wire_.substr(0, at + text.size());
      wire_.erase(0, at + text.size());
      return true;
    });
    return heard;
  }

private:
  using Context = std::unique_ptr<SSL_CTX, io::CryptoFree<SSL_CTX_free>>;
  using Connection = std::unique_ptr<SSL, io::CryptoFree<SSL_free>>;
  SmtpScene& scene_;
  bool readable_ = true;
  io::FdWatch watch_;
  Context context_{SSL_CTX_new(TLS_client_method())};
  Connection ssl_{SSL_new(context_.get())};
  std::string wire_;
};

const std::string transaction = "EHLO c\r\nMAIL FROM:<a@example.net>\r\n"
                                "RCPT TO:<to@example.com>\r\nDATA\r\nx\r\n.\r\n";

void assert_message_comes_inside_tls(SmtpScene& scene, TlsClient& tls) {
  tls.send(transaction);
  const std::string heard = tls.expect("Accepted ");
  assert_true(heard.find("STARTTLS") == std::string::npos);
  assert_true(scene.queued.messages.at(0).trace.find("with ESMTPS") != std::string::npos);
}

void a_message_comes_inside_tls(void**) {
  SmtpScene scene;
  KeySite site;
  scene.configure(10, site.certificate);
  auto client = scene.connect();
  client->send("EHLO c\r\nSTARTTLS\r\n");
  scene.expect(*client, "250-STARTTLS\r\n");
  scene.expect(*client, "220 2.0.0 ");
  scene.expect(*client, "\r\n");
  TlsClient tls(scene, *client);
  assert_message_comes_inside_tls(scene, tls);
}

void a_connection_may_begin_inside_tls(void**) {
  SmtpScene scene;
  KeySite site;
  scene.kind = ipc::ListenerKind::smtps;
  scene.configure(10, site.certificate);
  auto client = scene.connect();
  TlsClient tls(scene, *client);
  assert_text_equal(tls.expect("\r\n"), "220 mx.example.com ESMTP Letterlock\r\n");
  assert_message_comes_inside_tls(scene, tls);
  tls.send("STARTTLS\r\n");
  tls.expect("503 5.5.1 TLS is already on\r\n");
}

void the_greeting_inside_tls_has_its_delay(void**) {
  SmtpScene scene;
  KeySite site;
  scene.kind = ipc::ListenerKind::smtps;
  scene.settings.greeting_delay_ms = 20;
  scene.configure(10, site.certificate);
  auto patient = scene.connect();
  TlsClient(scene, *patient).expect("220 mx.example.com ESMTP Letterlock\r\n");

  scene.settings.greeting_delay_ms = 60'000;
  scene.configure(10, site.certificate);
  auto hasty = scene.connect();
  TlsClient tls(scene, *hasty);
  tls.send("EHLO c\r\n");
  assert_text_equal(tls.expect("\r\n"),
                    "554 5.5.1 mx.example.com Input before the greeting, closing\r\n");
}

// Its talk comes in one flight with the end of the handshake.
void early_talk_inside_tls_is_noticed_without_a_delay_too(void**) {
  SmtpScene scene;
  KeySite site;
  scene.kind = ipc::ListenerKind::smtps;
  scene.configure(10, site.certificate);
  auto client = scene.connect();
  const int on = 1;
  assert_int_equal(::setsockopt(client->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  TlsClient tls(scene, *client);
  tls.send("EHLO c\r\n");
  assert_text_equal(tls.expect("\r\n"),
                    "554 5.5.1 mx.example.com Input before the greeting, closing\r\n");
}

struct NamedScene : SmtpScene {
  explicit NamedScene(const smtpd::Timeouts& timeouts = {}) : SmtpScene(timeouts) {
    kind = ipc::ListenerKind::smtps;
    allowed_names = {"mail.example.net"};
    configure(10, site.certificate);
    connect_resolvd();
    client = connect();
    until([&] { return resolvd.names.size() == 1; });
  }
  KeySite site;
  std::unique_ptr<SmtpClient> client; // waits for its name
};

void a_confirmed_name_is_greeted_inside_tls(void**) {
  NamedScene scene;
  scene.resolvd.answer_names(scene.resolvd.names.back().request, "mail.example.net");
  scene.until([&] { return scene.resolvd.addresses.size() == 1; });
  scene.resolvd.answer_addresses(scene.resolvd.addresses.back().request, "127.0.0.1");
  scene.until([&] { return scene.service.sessions() == 1; });
  TlsClient tls(scene, *scene.client);
  assert_text_equal(tls.expect("\r\n"), "220 mx.example.com ESMTP Letterlock\r\n");
}

void who_waits_for_a_name_before_tls_is_not_talked_to_in_clear(void**) {
  {
    NamedScene scene;
    scene.resolvd.answer_names(scene.resolvd.names.back().request, "");
    scene.expect_end(*scene.client);
    assert_text_equal(scene.client->wire, "");
  }
  {
    NamedScene scene;
    scene.kind = ipc::ListenerKind::smtp;
    scene.configure(); // without a certificate
    scene.expect_end(*scene.client);
    assert_text_equal(scene.client->wire, "");
  }
  {
    NamedScene scene;
    scene.service.stop(std::chrono::hours(1));
    scene.context.loop.run(); // ends
    pollfd readable{scene.client->fd(), POLLIN, 0};
    assert_int_equal(::poll(&readable, 1, 20'000), 1);
    char heard = 0;
    assert_int_equal(::recv(scene.client->fd(), &heard, 1, 0), 0);
  }
}

void who_begins_in_clear_on_the_port_of_tls_hears_no_smtp(void**) {
  SmtpScene scene;
  KeySite site;
  scene.kind = ipc::ListenerKind::smtps;
  scene.configure(10, site.certificate);
  auto client = scene.connect();
  client->early = true;
  client->send("EHLO client.example.net\r\n");
  scene.expect_end(*client);
  assert_true(client->wire.find("220") == std::string::npos);
}

void who_is_turned_away_before_the_handshake_hears_nothing(void**) {
  SmtpScene scene;
  KeySite site;
  scene.kind = ipc::ListenerKind::smtps;
  scene.allowed = {"192.0.2.0/24"};
  scene.configure(10, site.certificate);
  auto client = scene.connect();
  scene.expect_end(*client);
  assert_text_equal(client->wire, "");
}

void a_listener_inside_tls_needs_a_certificate(void**) {
  SmtpScene scene;
  scene.kind = ipc::ListenerKind::smtps;
  scene.begin(10);
  scene.service.prepare();
  assert_false(scene.prepared.has_value());
  assert_text_equal(scene.prepared.error().text, "smtps_listen = 127.0.0.1:25 needs a certificate");
}

// The socket shows nothing of the records that were read with others.
void many_records_at_once_are_all_answered(void**) {
  SmtpScene scene;
  KeySite site;
  scene.kind = ipc::ListenerKind::smtps;
  scene.configure(10, site.certificate);
  auto client = scene.connect();
  TlsClient tls(scene, *client);
  tls.expect("220 ");
  for (int i = 0; i < 20; ++i)
    tls.send("NOOP\r\n");
  for (int i = 0; i < 20; ++i)
    tls.expect("250 2.0.0 OK\r\n");
}

void plaintext_behind_starttls_ends_the_session(void**) {
  SmtpScene scene;
  KeySite site;
  scene.configure(10, site.certificate);
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
      cmocka_unit_test(a_connection_may_begin_inside_tls),
      cmocka_unit_test(the_greeting_inside_tls_has_its_delay),
      cmocka_unit_test(early_talk_inside_tls_is_noticed_without_a_delay_too),
      cmocka_unit_test(a_confirmed_name_is_greeted_inside_tls),
      cmocka_unit_test(who_waits_for_a_name_before_tls_is_not_talked_to_in_clear),
      cmocka_unit_test(who_begins_in_clear_on_the_port_of_tls_hears_no_smtp),
      cmocka_unit_test(who_is_turned_away_before_the_handshake_hears_nothing),
      cmocka_unit_test(a_listener_inside_tls_needs_a_certificate),
      cmocka_unit_test(many_records_at_once_are_all_answered),
      cmocka_unit_test(plaintext_behind_starttls_ends_the_session),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
