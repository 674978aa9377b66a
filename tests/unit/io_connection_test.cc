// A connection between a socket and its handler: what leaves together, what waits, and that waiting
// costs nothing.
#include "common/io/connection.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <utility>

#include "tests/unit/check.h" // last: its fail() is a macro

using namespace letterlock;
using namespace std::chrono_literals;

namespace {

// Answers each octet by the same octet; after a "?" it takes nothing more before it is told to go
// on.
class Echo final : public io::ConnectionHandler {
public:
  std::size_t input(Bytes bytes) override {
    const auto text = as_text(bytes);
    const auto question = text.find('?');
    const auto taken = text.substr(0, question == std::string_view::npos ? question : question + 1);
    waiting = question != std::string_view::npos;
    out += taken;
    ++inputs;
    return taken.size();
  }
  bool wants_input() const override { return !waiting; }
  std::string_view output() const override { return out; }
  void sent(std::size_t count) override {
    out.erase(0, count);
    ++sends;
  }
  void tls_established(const io::TlsStream&) override {}
  void closed(std::string_view) override { ended = true; }

  std::string out;
  bool waiting = false, ended = false;
  int inputs = 0, sends = 0;
};

struct Scene {
  Scene() {
    int fds[2] = {-1, -1};
    assert_int_equal(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    peer = UniqueFd(fds[0]);
    connection.emplace(loop, UniqueFd(fds[1]), echo);
    connection->update();
  }
  void write(std::string_view text) {
    assert_int_equal(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL), text.size());
  }
  std::string read() {
    char buffer[4096];
    const ssize_t count = ::recv(peer.get(), buffer, sizeof buffer, 0);
    return {buffer, count > 0 ? static_cast<std::size_t>(count) : 0};
  }
  void until(const std::function<bool()>& condition) {
    bool late = false;
    io::Timer deadline(loop, [&] { late = true; });
    deadline.start(20s);
    // What is put off to the end of a turn makes no event of its own.
    io::Timer tick(loop, [&] { tick.start(1ms); });
    tick.start(1ms);
    while (!condition() && !late)
      loop.turn();
    assert_false(late);
  }
  void go_on() {
    echo.waiting = false;
    connection->update();
  }

  io::Loop loop;
  UniqueFd peer;
  Echo echo;
  std::optional<io::Connection> connection;
};

void answers_to_what_was_left_leave_with_what_was_to_be_said(void**) {
  Scene scene;
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
  Scene scene;
  scene.write("?");
  scene.until([&] { return scene.echo.waiting && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "?");
  for (int round = 0; round < 3; ++round) {
    const int inputs = scene.echo.inputs;
    scene.write("x");
    bool over = false;
    io::Timer timer(scene.loop, [&] { over = true; });
    timer.start(20ms);
    int turns = 0;
    while (!over) {
      scene.loop.turn();
      ++turns;
    }
    assert_true(turns <= 3);
    assert_int_equal(scene.echo.inputs, inputs);
    assert_int_equal(scene.connection->unconsumed(), 0);
  }
  scene.go_on();
  scene.until([&] { return scene.echo.inputs == 2 && scene.echo.out.empty(); });
  assert_text_equal(scene.read(), "xxx");
}

void an_end_shows_after_input_was_not_wanted(void**) {
  Scene scene;
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
  Scene scene;
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
  Scene scene;
  const std::string much(4u << 20, 'x');
  scene.echo.out = much; // more than the peer takes at once
  scene.connection->update();
  scene.until([&] { return scene.echo.sends > 0 && scene.echo.out.size() < much.size(); });
  ::shutdown(scene.peer.get(), SHUT_WR);
  std::string taken;
  // It costs no turns while the peer takes nothing.
  bool over = false;
  io::Timer timer(scene.loop, [&] { over = true; });
  timer.start(20ms);
  int turns = 0;
  while (!over) {
    scene.loop.turn();
    ++turns;
  }
  assert_true(turns <= 4);
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
  Scene scene;
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
