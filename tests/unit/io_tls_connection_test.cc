// A connection inside TLS: what the socket does not show, and ends that nobody waits for.
#include "common/io/tls_server.h"
#include "tests/unit/connection_scene.h"
#include "tests/unit/key_site.h"
#include "tests/unit/tls_test_client.h"

#include <poll.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

using namespace letterlock;
using namespace letterlock::test;

namespace {

struct TlsScene {
  TlsScene() {
    auto made = io::TlsServer::make(std::vector<io::CertificateChain>{{site.certificate}});
    assert_true(made.has_value());
    scene.connection->start_tls(*made);
  }
  void shake_hands() {
    scene.until([&] { return client.step() && scene.echo.secured; });
  }

  KeySite site;
  TlsTestClient client{{}};
  ConnectionScene scene{std::move(client.server_end)};
};

// There is no room for what TLS has to say of its own; what came behind is read nevertheless.
void input_behind_a_key_update_is_not_forgotten(void**) {
  TlsScene tls;
  tls.shake_hands();
  ConnectionScene& scene = tls.scene;
  const std::string much(4u << 20, 'x');
  scene.echo.out = much;
  scene.connection->update();
  scene.until([&] {
    pollfd writable{scene.connection->fd(), POLLOUT, 0};
    return scene.echo.sends > 0 && ::poll(&writable, 1, 0) == 0;
  });
  tls.client.ask_for_a_key_update();
  tls.client.send("behind");
  assert_true(scene.turns_for_a_while() <= 6);
  std::string taken;
  scene.until([&] {
    taken += tls.client.receive();
    return taken.size() >= much.size() + 6;
  });
  assert_true(taken == much + "behind");
}

void nobody_waits_for_a_handshake_that_was_given_up(void**) {
  TlsScene tls;
  tls.scene.connection->finish(std::chrono::hours(1));
  tls.scene.until([&] { return tls.scene.echo.ended; });
  assert_text_equal(tls.scene.echo.why, "TLS handshake: given up");
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  if (!io::tls_library_init())
    return 1;
  const CMUnitTest tests[] = {
      cmocka_unit_test(input_behind_a_key_update_is_not_forgotten),
      cmocka_unit_test(nobody_waits_for_a_handshake_that_was_given_up),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
