// The scene of a play in which a connection is real: its handler echoes, its peer is the test.
#pragma once

#include "common/io/connection.h"

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/unit/check.h" // last: its fail() is a macro

namespace letterlock::test {

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
  void tls_established(const io::TlsStream&) override { secured = true; }
  void closed(std::string_view reason) override {
    ended = true;
    why = reason;
  }

  std::string out;
  std::string why;
  bool waiting = false, ended = false, secured = false;
  int inputs = 0, sends = 0;
};

struct ConnectionScene {
  ConnectionScene() {
    int fds[2] = {-1, -1};
    assert_int_equal(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    peer = UniqueFd(fds[0]);
    begin(UniqueFd(fds[1]));
  }
  // The peer is somebody else.
  explicit ConnectionScene(UniqueFd own_end) { begin(std::move(own_end)); }
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
    deadline.start(std::chrono::seconds(20));
    // What is put off to the end of a turn makes no event of its own.
    constexpr std::chrono::milliseconds short_time(1);
    io::Timer tick(loop, [&] { tick.start(short_time); });
    tick.start(short_time);
    while (!condition() && !late)
      loop.turn();
    assert_false(late);
  }
  void go_on() {
    echo.waiting = false;
    connection->update();
  }

  // How often the loop turns in 20 ms.
  int turns_for_a_while() {
    bool over = false;
    io::Timer timer(loop, [&] { over = true; });
    timer.start(std::chrono::milliseconds(20));
    int turns = 0;
    while (!over) {
      loop.turn();
      ++turns;
    }
    return turns;
  }

  io::Loop loop;
  UniqueFd peer;
  Echo echo;
  std::optional<io::Connection> connection;

private:
  void begin(UniqueFd own_end) {
    connection.emplace(loop, std::move(own_end), echo);
    connection->update();
  }
};

} // namespace letterlock::test
