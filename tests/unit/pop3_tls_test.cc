// Tests pop3d with TLS, the signatures made by a key ring at the other end of a link: TLS from the
// first octet, STLS, and what is left when keyd is away.
#include "keyd/key_ring.h"
#include "tests/unit/certificate_maker.h"
#include "tests/unit/pop3_process.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <ctime>
#include <thread>

namespace {

using namespace letterlock;
using namespace letterlock::test;

// keyd's part, in a thread of its own, since pop3d's stands still for a signature.
class SigningThread {
public:
  SigningThread(UniqueFd socket, const keyd::KeyRing& ring)
      : ring_(ring), channel_(std::move(socket)), thread_([this] { run(); }) {}
  // The other end must be closed first.
  ~SigningThread() { thread_.join(); }

  void on(const ipc::Sign& request) {
    // The late answer to an earlier request is not the answer.
    const ipc::Signed late{request.request - 1, {}};
    ipc::Signed answer{request.request, {}};
    const auto signature =
        ring_.sign(request.key, static_cast<io::KeyOperation>(std::to_underlying(request.kind)),
                   request.input.bytes());
    if (signature)
      answer.signature = *decltype(answer.signature)::of(*signature);
    if (channel_.queue(late) && channel_.queue(answer))
      channel_.flush();
  }

private:
  void run() {
    for (;;) {
      pollfd p = {.fd = channel_.fd(), .events = POLLIN, .revents = 0};
      ::poll(&p, 1, -1);
      const auto received = channel_.receive([this](ipc::Frame frame) {
        return ipc::dispatch<Role::pop3d, Role::keyd>(*this, std::move(frame));
      });
      if (received == ipc::Channel::Received::closed || received == ipc::Channel::Received::broken)
        return;
    }
  }

  const keyd::KeyRing& ring_;
  ipc::Channel channel_;
  std::thread thread_;
};

struct Site {
  io::PkeyPtr key = make_ec_key(NID_X9_62_prime256v1);
  std::string certificate = make_certificate(key.get(), {.host = "pop.example"});
  keyd::KeyRing ring;

  Site() {
    auto pem = private_pem(key.get());
    assert_true(ring.add(1, pem, as_bytes(certificate), std::time(nullptr)).has_value());
  }
};

// OpenSSL on a client's socket, turned by hand with the loop between.
class TlsClient {
public:
  explicit TlsClient(io::Loop& loop, TcpClient& client)
      : loop_(loop), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    client.pause_reading(true); // from now on OpenSSL reads
    SSL_set_fd(ssl_.get(), client.fd());
  }

  // Whether the handshake succeeded.
  bool connect() {
    int result = 0;
    turn([&] { return result = SSL_connect(ssl_.get()); });
    return result == 1;
  }
  void send(std::string_view text) {
    assert_int_equal(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
                     text.size());
  }
  void expect(std::string_view text) {
    std::string received(text.size(), '\0');
    std::size_t size = 0;
    while (size < text.size()) {
      int count = 0;
      turn([&] {
        return count = SSL_read(ssl_.get(), received.data() + size,
                                static_cast<int>(received.size() - size));
      });
      if (count <= 0)
        break;
      size += static_cast<std::size_t>(count);
    }
    assert_text_equal(received.substr(0, size), text);
  }

private:
  template <class Call> void turn(Call call) {
    io::FdWatch watch(loop_, SSL_get_fd(ssl_.get()), [] {});
    watch.want_read(true);
    wait_until(loop_, [&] {
      ERR_clear_error();
      const int result = call();
      const int error = SSL_get_error(ssl_.get(), result);
      ERR_clear_error();
      return error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
    });
  }

  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  io::Loop& loop_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

void connect_keyd(Pop3Process& pop3, UniqueFd socket) {
  pop3.service.connect(ipc::Peer{Role::keyd, 0, 1}, std::move(socket));
}

void tls_from_the_first_octet(void**) {
  const Site site;
  auto [keyd_end, pop3_end] = make_socketpair();
  const SigningThread keyd(std::move(keyd_end), site.ring);
  Pop3Process pop3({.insecure_auth = false,
                    .kind = ipc::ListenerKind::pop3s,
                    .certificates = {site.certificate}});
  connect_keyd(pop3, std::move(pop3_end));
  auto tcp = pop3.dial();
  TlsClient client(pop3.loop, *tcp);
  assert_true(client.connect());
  // The greeting was not said in clear.
  client.expect("+OK POP3 server ready on pop.example\r\n");
  client.send("STLS\r\nUSER joe\r\nPASS x\r\n");
  const auto session = pop3.open_maildrop({{12, "one"}});
  client.expect("-ERR TLS is active already\r\n+OK send the password\r\n"
                "+OK maildrop has 1 message (12 octets)\r\n");
  client.send("RETR 1\r\n");
  pop3.queued->take<ipc::OpenMessage>();
  const std::string line(70, 'x');
  std::string stored, wire;
  for (int i = 0; i < 5000; ++i) {
    stored += line + "\n";
    wire += line + "\r\n";
  }
  pop3.send_file(session, 0, stored, 12);
  client.expect("+OK 12 octets\r\n" + wire + ".\r\n");
  client.send("QUIT\r\n");
  client.expect("+OK goodbye\r\n");
}

void stls_makes_the_session_secure(void**) {
  const Site site;
  auto [keyd_end, pop3_end] = make_socketpair();
  const SigningThread keyd(std::move(keyd_end), site.ring);
  Pop3Process pop3(Wish{.insecure_auth = false, .certificates = {site.certificate}});
  connect_keyd(pop3, std::move(pop3_end));
  auto tcp = pop3.dial();
  tcp->expect("+OK POP3 server ready on pop.example\r\n");
  tcp->ask("USER joe\r\n", "-ERR logging in needs TLS\r\n");
  tcp->ask("STLS\r\n", "+OK begin TLS negotiation\r\n");
  TlsClient client(pop3.loop, *tcp);
  assert_true(client.connect());
  client.send("USER joe\r\n");
  client.expect("+OK send the password\r\n");
}

void commands_injected_behind_stls_end_the_session(void**) {
  const Site site;
  Pop3Process pop3(Wish{.insecure_auth = false, .certificates = {site.certificate}});
  auto client = pop3.dial();
  client->expect("+OK POP3 server ready on pop.example\r\n");
  client->send("STLS\r\nUSER mallory\r\n");
  client->expect("+OK begin TLS negotiation\r\n");
  client->expect_end();
}

void without_certificates_there_is_no_stls(void**) {
  Pop3Process pop3;
  auto client = pop3.dial();
  client->expect("+OK POP3 server ready on pop.example\r\n");
  client->ask("STLS\r\n", "-ERR TLS is not available\r\n");
}

void keyd_away_fails_the_handshake_and_nothing_else(void**) {
  const Site site;
  Pop3Process pop3({.kind = ipc::ListenerKind::pop3s, .certificates = {site.certificate}});
  // Never there; then gone, which is noticed at the next signature and the parent told.
  for (const bool was_there : {false, true}) {
    if (was_there)
      connect_keyd(pop3, make_socketpair().second);
    auto tcp = pop3.dial();
    TlsClient client(pop3.loop, *tcp);
    assert_false(client.connect());
  }
  assert_int_equal(pop3.take_link_lost().role, Role::keyd);
  auto [keyd_end, pop3_end] = make_socketpair();
  const SigningThread keyd(std::move(keyd_end), site.ring);
  connect_keyd(pop3, std::move(pop3_end));
  {
    auto tcp = pop3.dial();
    TlsClient client(pop3.loop, *tcp);
    assert_true(client.connect());
  }
  connect_keyd(pop3, make_socketpair().second); // ends the thread
}

void keyd_that_does_not_answer_holds_up_no_longer_than_its_time(void**) {
  const Site site;
  Pop3Process pop3({.kind = ipc::ListenerKind::pop3s, .certificates = {site.certificate}});
  auto [keyd_end, pop3_end] = make_socketpair();
  connect_keyd(pop3, std::move(pop3_end));
  auto tcp = pop3.dial();
  TlsClient client(pop3.loop, *tcp);
  assert_false(client.connect());
  pop3.take_log("sign.timeout");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(tls_from_the_first_octet),
      cmocka_unit_test(stls_makes_the_session_secure),
      cmocka_unit_test(commands_injected_behind_stls_end_the_session),
      cmocka_unit_test(without_certificates_there_is_no_stls),
      cmocka_unit_test(keyd_away_fails_the_handshake_and_nothing_else),
      cmocka_unit_test(keyd_that_does_not_answer_holds_up_no_longer_than_its_time),
  };
  std::signal(SIGPIPE, SIG_IGN); // as in the process itself
  return io::tls_library_init() ? cmocka_run_group_tests(tests, nullptr, nullptr) : 1;
}
