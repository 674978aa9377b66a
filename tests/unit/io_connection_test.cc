// A connection between a socket and its handler: what leaves together, what waits, and that waiting
// costs nothing.
#include "tests/unit/connection_scene.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <string>
#include <utility>

using namespace letterlock;
using namespace letterlock::test;

namespace {

void answers_to_what_was_left_leave_with_what_was_to_be_said(void**) {
  ConnectionScene scene;
  scene.write("ab?cd?ef");
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "ab?");
  assert_int_equal(scene.connection->unconsumed(), 5);
  scene.echo.out = "!"; // the answer that was waited for
  scene.echo.sends = 0;
  scene.go_on();
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "!cd?");
  assert_int_equal(scene.echo.sends, 1);
  scene.go_on();
  scene.until([&] { return scene.echo.out.empty() && scene.connection->unconsumed() == 0; });
  assert_text_equal(scene.read(), "ef");
}

// Input that nobody wants yet does not make the loop turn and turn.
void input_that_is_not_wanted_waits_in_the_kernel(void**) {
  ConnectionScene scene;
  scene.write("?");
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "?");
  for (int round = 0; round < 3; ++round) {
    const int inputs = scene.echo.inputs;
    scene.write("x");
    assert_true(scene.turns_for_a_while() <= 3);
    assert_int_equal(scene.echo.inputs, inputs);
    assert_int_equal(scene.connection->unconsumed(), 0);
  }
  scene.go_on();
  scene.until([&] { return scene.echo.inputs == 2 && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "xxx");
}

void an_end_shows_after_input_was_not_wanted(void**) {
  ConnectionScene scene;
  scene.write("?");
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  scene.write("last");
  ::shutdown(scene.peer.get(), SHUT_WR);
  scene.go_on();
  scene.until([&] { return scene.echo.ended; });
  assert_text_equal(scene.read(), "?last");
}

// A client may close its half behind what it has sent, and wait for the answers.
void who_has_closed_its_half_is_answered(void**) {
  ConnectionScene scene;
  scene.write("ab?cd?ef");
  ::shutdown(scene.peer.get(), SHUT_WR);
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "ab?");
  scene.echo.out = "1"; // the answer that was waited for
  scene.go_on();
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "1cd?");
  scene.echo.out = "2";
  scene.go_on();
  scene.until([&] { return scene.echo.ended; });
  assert_text_equal(scene.read(), "2ef");
}

void an_answer_that_comes_after_the_end_was_seen_is_sent(void**) {
  ConnectionScene scene;
  const std::string much(4u << 20, 'x');
  scene.echo.out = much; // more than the peer takes at once
  scene.connection->update();
  scene.until([&] { return scene.echo.sends > 0 && scene.echo.out.size() < much.size(); });
  ::shutdown(scene.peer.get(), SHUT_WR);
  std::string taken;
  // It costs no turns while the peer takes nothing.
  assert_true(scene.turns_for_a_while() <= 4);
  assert_false(scene.echo.ended);
  scene.until([&] {
    taken += scene.read();
    return scene.echo.ended;
  });
  while (taken.size() < much.size()) {
    const auto more = scene.read();
    assert_false(more.empty());
    taken += more;
  }
  assert_true(taken == much);
}

void what_the_peer_does_not_take_waits(void**) {
  ConnectionScene scene;
  const std::string much(4u << 20, 'x');
  scene.echo.out = much;
  scene.connection->update();
  std::string taken;
  scene.until([&] {
    taken += scene.read();
    return taken.size() == much.size();
  });
  assert_true(taken == much);
  assert_true(scene.echo.sends > 1);
}

// Over TCP, with the test as its peer.
std::pair<UniqueFd, UniqueFd> make_tcp_pair() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  assert_int_equal(::bind(listener.get(), any, size), 0);
  assert_int_equal(::listen(listener.get(), 1), 0);
  assert_int_equal(::getsockname(listener.get(), any, &size), 0);
  UniqueFd peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  assert_int_equal(::connect(peer.get(), any, size), 0);
  UniqueFd own(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  assert_true(own.get() >= 0);
  return {std::move(peer), std::move(own)};
}

unsigned segments_received(const UniqueFd& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  assert_int_equal(::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info.tcpi_segs_in;
}

void the_last_reply_and_the_end_leave_in_one_segment(void**) {
  io::Loop loop;
  auto [peer, own] = make_tcp_pair();
  Echo echo;
  io::Connection connection(loop, std::move(own), echo);
  const unsigned before = segments_received(peer);
  echo.out = "221 bye";
  connection.finish();
  loop.turn();
  char buffer[16];
  assert_int_equal(::recv(peer.get(), buffer, sizeof buffer, 0), 7);
  assert_int_equal(::recv(peer.get(), buffer, sizeof buffer, 0), 0);
  assert_int_equal(segments_received(peer) - before, 1);
  peer.reset();
  while (!echo.ended)
    loop.turn();
}

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const CMUnitTest tests[] = {
      cmocka_unit_test(answers_to_what_was_left_leave_with_what_was_to_be_said),
      cmocka_unit_test(input_that_is_not_wanted_waits_in_the_kernel),
      cmocka_unit_test(an_end_shows_after_input_was_not_wanted),
      cmocka_unit_test(who_has_closed_its_half_is_answered),
      cmocka_unit_test(an_answer_that_comes_after_the_end_was_seen_is_sent),
      cmocka_unit_test(what_the_peer_does_not_take_waits),
      cmocka_unit_test(the_last_reply_and_the_end_leave_in_one_segment),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
